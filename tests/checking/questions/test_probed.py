"""What only nodes can say: their interface, from kubelets or pods, and whether they can pull."""

from __future__ import annotations

import pytest
from spoiling.preflight import findings, unspoilt
from worlds.world import World

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.snapshots.cluster.node_probes import Probed, Probes
from kuryr_runbook.snapshots.preflight import with_probes
from kuryr_runbook.snapshots.reading import Unreadable

X509 = "x509: certificate signed by unknown authority"
ABSENT = "r/k:stein: not found"


def node(name: str, pull: str | Unreadable = "", own: str | Unreadable = "ens3") -> Probed:
    return Probed(node=name, pull=pull, own=own)


def of_probes(
    probes: tuple[Probed, ...] | Unreadable, world: World | None = None, *, is_there: bool = True
) -> dict[str, Finding]:
    seen = (world or unspoilt()).before()
    if isinstance(probes, tuple):
        seen = with_probes(seen, Probes(image="r/k:stein", is_there=is_there, answers=probes))
    else:
        seen = with_probes(seen, probes)
    return {it.check: it for it in reversed(list(check_preflight(seen)))}


def test_kubelets_that_name_the_interface_are_believed_and_said_not_to_know_the_address() -> None:
    finding = findings(unspoilt())["link-iface"]
    assert finding.status is Status.PASS
    assert "2 of 2 nodes have an interface ens3, as their kubelets say" in finding.evidence


def test_kubelets_that_may_not_be_asked_stop_nothing() -> None:
    world = unspoilt()
    world.broken["node statistics"] = AccessError("nodes/proxy is forbidden")
    finding = findings(world)["link-iface"]
    assert finding.status is Status.SKIP
    assert "nodes/proxy is forbidden; --probe-nodes looks" in finding.evidence


def test_a_switch_needs_no_interface() -> None:
    world = unspoilt(VifDriver.NEUTRON_VIF)
    assert findings(world)["link-iface"].status is Status.SKIP
    assert "node statistics" not in world.asked


def test_pods_see_on_which_interface_the_address_is() -> None:
    finding = of_probes((node("worker1"), node("worker2")))["link-iface"]
    assert finding.status is Status.PASS
    assert "ens3 has the address of each of 2 nodes" in finding.evidence
    finding = of_probes((node("worker1", own="eth1"), node("worker2", own="eth1")))["link-iface"]
    assert finding.status is Status.FAIL
    assert "worker1: its address is on eth1, not on ens3" in finding.evidence
    assert "set kuryr.link_iface to eth1: it is in the network of the address" in finding.remedy
    finding = of_probes((node("worker1", own="eth1"), node("worker2")))["link-iface"]
    assert finding.subject == "node worker1"
    assert "the same name on all of them" in finding.remedy


def test_where_no_pod_could_look_the_kubelets_are_believed() -> None:
    unseen = Unreadable("no shell")
    finding = of_probes((node("worker1", own=unseen), node("worker2", own=unseen)))["link-iface"]
    assert finding.status is Status.PASS
    world = unspoilt()
    world.broken["node statistics"] = AccessError("forbidden")
    finding = of_probes((node("worker1", own=unseen), node("worker2", own=unseen)), world)[
        "link-iface"
    ]
    assert finding.status is Status.SKIP


def test_a_pull_is_only_tried_when_it_is_asked_for() -> None:
    finding = findings(unspoilt())["image-pull"]
    assert finding.status is Status.SKIP
    assert "run --probe-nodes" in finding.evidence
    finding = of_probes(Unreadable("pods is forbidden"))["image-pull"]
    assert (finding.status, finding.evidence) == (Status.SKIP, "not tried: pods is forbidden")


@pytest.mark.parametrize(
    ("said", "evidence", "remedy"),
    [
        (f"failed to do request: {X509}", "certificate is not trusted", "certs.d/HOST/hosts.toml"),
        ("dial tcp: lookup r.test: no such host", "name is not known", "the nodes' DNS"),
        ("dial tcp 10.0.0.1:5000: connect: connection refused", "does not answer", "routes"),
        ("dial tcp 10.0.0.1:5000: i/o timeout", "does not answer", "routes"),
        ("context deadline exceeded", "does not answer", "routes"),
        ("manifests stein]: 401 Unauthorized", "refuses the login", "image.registry_auth"),
        ("pull access denied, repository does not exist", "refuses the login", "registry_auth"),
        ("http: server gave HTTP response to HTTPS client", "does not speak TLS", "certificate"),
        (ABSENT, "no such image", "another registry"),
        ("disk quota exceeded", "the pull fails", "crictl pull"),
    ],
)
def test_why_a_node_cannot_pull_is_said_with_what_to_do(
    said: str, evidence: str, remedy: str
) -> None:
    finding = of_probes((node("worker1"), node("worker2", pull=said)))["image-pull"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker2")
    assert evidence in finding.evidence
    assert said in finding.evidence
    assert remedy in finding.remedy


def test_nodes_that_fail_alike_are_one_finding() -> None:
    probes = (node("worker1", pull=X509), node("worker2", pull=X509))
    finding = of_probes(probes)["image-pull"]
    assert "worker1; worker2" in finding.evidence


def test_all_that_pulled_it_is_a_pass() -> None:
    finding = of_probes((node("worker1"), node("worker2")))["image-pull"]
    assert (finding.status, finding.evidence) == (Status.PASS, "2 of 2 nodes pulled r/k:stein")


def test_before_phase_01_a_registry_that_answers_is_enough() -> None:
    probes = (node("worker1", pull=ABSENT), node("worker2", pull=ABSENT))
    finding = of_probes(probes, is_there=False)["image-pull"]
    assert finding.status is Status.PASS
    assert "answers 2 of 2 nodes; it has no image yet" in finding.evidence
    denied = (node("worker1", pull="401 Unauthorized"), node("worker2", pull=ABSENT))
    finding = of_probes(denied, is_there=False)["image-pull"]
    assert finding.status is Status.WARN
    assert "many registries say so of an image that is not there yet" in finding.remedy
    finding = of_probes((node("worker1", pull=X509),), is_there=False)["image-pull"]
    assert finding.status is Status.WARN
    assert "once more without that CA: repeat this after phase 01" in finding.remedy
    refused = (node("worker1", pull="connection refused"),)
    assert of_probes(refused, is_there=False)["image-pull"].status is Status.FAIL


def test_a_node_that_does_not_answer_is_unknown() -> None:
    silent = node("worker2", pull=Unreadable("its kubelet did not start the probe"))
    finding = of_probes((node("worker1"), silent))["image-pull"]
    assert finding.status is Status.UNKNOWN
    assert "node worker2: its kubelet did not start" in finding.evidence
