"""What events say of pods that another network plugs, or that are not made or placed."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import moments_ago, own_pod
from worlds.world import World

from kuryr_runbook.checking.signs.kubelet import (
    DENIALS,
    foreign_plugin,
    missing_plugin,
    remedy_of,
)
from kuryr_runbook.model.findings import Status

SANDBOX = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to "


@pytest.mark.parametrize(
    ("message", "plugin"),
    [
        (f'{SANDBOX}setup network for sandbox "1": plugin type="flannel" failed (add): open '
         "/run/flannel/subnet.env: no such file or directory", "flannel"),
        (f'{SANDBOX}set up sandbox container "1" network for pod "a": networkPlugin cni failed to '
         'set up pod "a" network: open /run/flannel/subnet.env: no such file', "flannel"),
        (f'{SANDBOX}setup network for sandbox: plugin type="calico" failed (add): stat '
         "/var/lib/calico/nodename: no such file or directory", "calico"),
        (f"{SANDBOX}set up pod network: stat /var/lib/calico/nodename: no such file", "calico"),
        (f'{SANDBOX}setup network: plugin type="cilium-cni" failed (add): unable to connect to '
         "Cilium daemon", "cilium-cni"),
        (f'{SANDBOX}setup network: plugin type="bridge" name="x" failed (add)', "bridge"),
        (f'{SANDBOX}set up pod "a" network: unable to allocate IP address: Post '
         '"http://127.0.0.1:6784/ip/1": dial tcp: connection refused', "weave-net"),
        (f'{SANDBOX}setup network: plugin type="kuryr-cni" name="kuryr" failed (add): CNI Daemon '
         "returned error 500", ""),
        (f'{SANDBOX}setup network: plugin type="kuryr_cni" failed (add): pod calico-test', ""),
        ("CNI Daemon returned error 504", ""),
        ("Back-off restarting failed container", ""),
    ],
)  # fmt: skip
def test_which_plugin_failed(message: str, plugin: str) -> None:
    assert foreign_plugin(message) == plugin


def test_a_plugin_that_is_not_there_is_no_other_network() -> None:
    message = f'{SANDBOX}find plugin "flannel" in path [/opt/cni/bin]'
    assert (foreign_plugin(message), missing_plugin(message)) == ("", "flannel")


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("exceeded quota: small, requested: pods=1, used: pods=9, limited: pods=9", "quota"),
        ('pods "x" is forbidden: violates PodSecurity "baseline:latest": host namespaces', "label"),
        ("admission webhook \"x.example.org\" denied the request: no", "webhook"),
        ("0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: db}.", "taint"),
        ("0/3 nodes are available: 3 node(s) had taint {dedicated: db}, that the pod didn't "
         "tolerate.", "taint"),
        ("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
         "second Kuryr"),
        ("0/3 nodes are available: 3 Insufficient cpu.", "no room"),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
         "show-labels"),
        ("something else", "describe"),
    ],
)  # fmt: skip
def test_what_to_do_about_a_denial(message: str, word: str) -> None:
    assert word in remedy_of(message)


def test_each_denial_is_known_by_a_message_above() -> None:
    assert len(DENIALS) == 7


def event(
    kind: str, name: str, reason: str, message: str, namespace: str = "default"
) -> dict[str, object]:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": moments_ago(60),
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name},
    }


TAINT = "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: db}."


def test_a_pod_that_found_no_node_is_reported_until_it_has_one() -> None:
    world = World()
    world.objects["Event"].append(event("Pod", "web-1", "FailedScheduling", TAINT))
    assert troubles(world) == []
    pod = world.object("Pod", "web-1")
    pod["spec"].pop("nodeName")
    pod["status"] = {"phase": "Pending"}
    told = {it.check: it for it in troubles(world)}
    assert told["pods-denied"].status is Status.WARN
    assert [*map(str, told["pods-denied"].victims)] == ["pod default/web-1"]


def test_kuryrs_own_controller_without_a_node_explains_all_that_waits() -> None:
    world = World()
    world.unhandle("web-1")
    world.object("Pod", "web-1")["metadata"]["creationTimestamp"] = moments_ago(300)
    home = world.site.kubernetes.namespace
    world.objects["Pod"].remove(world.program_pod("kuryr-controller"))
    waiting = own_pod("kuryr-controller", "kuryr-controller-1", "", home)
    waiting["status"] = {"phase": "Pending", "conditions": []}
    world.objects["Pod"].append(waiting)
    world.objects["Event"].append(
        event("Pod", "kuryr-controller-1", "FailedScheduling", TAINT, home)
    )
    first = troubles(world)[0]
    assert (first.check, first.status) == ("pods-denied", Status.FAIL)
    assert {"controller-ready", "pod-unhandled"} <= {*first.effects}


def test_a_denial_of_long_ago_is_none() -> None:
    world = World()
    old = event("ReplicaSet", "web-5d4", "FailedCreate", "exceeded quota: small")
    world.objects["Event"].append({**old, "lastTimestamp": moments_ago(7200)})
    assert troubles(world) == []
