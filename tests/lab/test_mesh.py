"""The mesh on the lab: what the pods see of each other, what is named when it breaks, and whether
Kuryr bears what `--resilience` does to it.

Packets are lost on their way into a worker, where neither pod nor API shows why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from itertools import permutations
from typing import Any

import pytest
from worlds.lab import world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.network.kernel import run
from kuryr_runbook.lab.settings import node_namespace
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.workload.probes import PodProbe
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot, read_verification
from kuryr_runbook.snapshots.workload.workload import Workload, read_workload

pytestmark = pytest.mark.lab

TABLE = "mesh_test"
TELLS_SECONDS = 100.0
"""What is missing, diagnosis tells after a minute."""


@pytest.fixture(scope="module")
def verification(kuryr: Site) -> Iterator[Verification]:
    """The phase with its workload up, and with disturbances allowed."""
    phase = Verification(kuryr, options=Options(resilience=True))
    phase.carry_out(phase.make_plan())
    yield phase
    phase.remove()


class Counting:
    """The cluster, with the commands counted that are executed in each pod."""

    def __init__(self, cluster: KubernetesClient) -> None:
        self._cluster = cluster
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        self.asked.append(pod)
        return self._cluster.execute(namespace, pod, command, seconds=seconds)


def workload(phase: Verification) -> Workload:
    return read_workload(phase.site, phase.cluster)


def bad(phase: Verification) -> dict[str, Finding]:
    """What is wrong, by check."""
    well = (Status.PASS, Status.SKIP)
    return {item.check: item for item in phase.findings() if item.status not in well}


def between_workers(phase: Verification) -> tuple[Pod, Pod]:
    """Two pods on different workers."""
    pairs = permutations(workload(phase).pods, 2)
    return next((one, other) for one, other in pairs if one.node != other.node)


@contextmanager
def dropped(rule: str, phase: Verification) -> Iterator[None]:
    """Frames of other workers' pods that match are lost as they come into a worker."""
    pods = workload(phase).pods
    with ExitStack() as undo:
        for worker in sorted({pod.node for pod in pods}):
            others = ", ".join(pod.address for pod in pods if pod.node != worker)
            lines = (
                f"table netdev {TABLE} {{",
                "chain arriving {",
                "type filter hook ingress device ens3 priority 0;",
                f"ip saddr {{ {others} }} {rule} drop",
                "}",
                "}",
            )
            namespace = node_namespace(worker)
            run("nft", "-f", "-", namespace=namespace, stdin="\n".join(lines) + "\n")
            undo.callback(run, "nft", "delete", "table", "netdev", TABLE, namespace=namespace)
        yield


@pytest.fixture(scope="module")
def seen(verification: Verification) -> tuple[VerificationSnapshot, list[str]]:
    """What was read on the healthy lab, and in which pods a command was executed for it."""
    cluster = Counting(verification.cluster)
    snapshot = read_verification(verification.site, cluster, verification.cloud)
    return snapshot, cluster.asked


def probes(snapshot: VerificationSnapshot) -> dict[str, PodProbe]:
    found = {name: it for name, it in snapshot.probes.items() if isinstance(it, PodProbe)}
    assert len(found) == len(snapshot.probes) == snapshot.site.verification.replicas
    return found


def test_each_pod_is_asked_by_one_command(
    seen: tuple[VerificationSnapshot, list[str]],
) -> None:
    snapshot, asked = seen
    assert sorted(asked) == sorted(snapshot.probes)


def test_pods_see_each_other_as_they_are_and_the_service_as_its_load_balancer(
    seen: tuple[VerificationSnapshot, list[str]],
) -> None:
    snapshot, _ = seen
    assert isinstance(snapshot.workload, Workload)
    addresses = snapshot.workload.running
    services = snapshot.site.network.service_subnet.cidr
    for name, probe in probes(snapshot).items():
        others = {address for other, address in addresses.items() if other != name}
        assert probe.tcp.keys() == probe.large.keys() == others
        assert {answer.seen for answer in probe.tcp.values()} == {addresses[name]}
        assert all(answer.ok for answer in probe.large.values())
        assert all(IPv4Address(answer.seen) in services for answer in probe.vip)


def test_the_largest_packet_is_that_of_the_pods_network(
    seen: tuple[VerificationSnapshot, list[str]], verification: Verification
) -> None:
    snapshot, _ = seen
    [subnet] = verification.cloud.list_resources(
        "subnet", name=verification.site.network.pod_subnet.name
    )
    [network] = verification.cloud.list_resources("network", id=subnet["network_id"])
    assert snapshot.packet == network["mtu"]


def test_one_direction_of_one_pair_is_named_and_nothing_else(verification: Verification) -> None:
    one, other = between_workers(verification)
    way = f"ip saddr {one.address} ip daddr {other.address}"
    with dropped(f"{way} icmp type echo-request", verification):
        found = bad(verification)
    assert found.keys() == {"pod-to-pod"}
    finding = found["pod-to-pod"]
    assert f"1 of 12 fail: {one.name} to {other.name}: no reply" in finding.evidence
    assert [it.name for it in finding.victims] == [one.name, other.name]
    # Nothing that an API shows is wrong.
    assert finding.cause.startswith("diagnosis finds none")


def test_a_link_that_takes_less_than_the_mtu_fails_its_own_check(
    verification: Verification,
) -> None:
    with dropped("ip protocol icmp ip length > 1400", verification):
        found = bad(verification)
    assert found.keys() == {"largest-packet"}
    assert found["largest-packet"].evidence.startswith("all that fail are between nodes: ")


def test_what_fails_is_shown_with_its_cause(verification: Verification) -> None:
    pod = workload(verification).pods[0]
    cloud: OpenStackClient = verification.cloud
    [port] = [
        port
        for port in cloud.list_resources("port", name=pod.node)
        if any(fixed["ip_address"] == pod.node_address for fixed in port["fixed_ips"])
    ]
    pairs = port["allowed_address_pairs"]
    kept = [pair for pair in pairs if pair["ip_address"] != pod.address]
    end = time.monotonic() + TELLS_SECONDS
    cloud.update("port", port["id"], {"allowed_address_pairs": kept})
    try:
        while not (cause := cause_of("pod-to-pod-tcp", verification)).count("address-pair"):
            assert time.monotonic() < end, cause
    finally:
        cloud.update("port", port["id"], {"allowed_address_pairs": pairs})
    while bad(verification):
        assert time.monotonic() < end + TELLS_SECONDS


def cause_of(check: str, phase: Verification) -> str:
    found = bad(phase)
    return found[check].cause if check in found else f"{check} does not fail yet"


@pytest.mark.exhaustive
def test_kuryr_bears_what_is_done_to_it(
    verification: Verification, cloud: OpenStackClient, cluster: KubernetesClient
) -> None:
    before = world(cloud, cluster)
    strangers = pods_of_others(verification)
    planned = verification.plan_resilience().text
    assert all(name in planned for name in ("kuryr-controller", "kuryr-daemon", "Node"))
    found = verification.try_resilience().data["resilience"]
    assert [it["check"] for it in found if it["status"] != "pass"] == []
    assert [it["check"] for it in found] == [
        *("controller-deleted", "nothing-lost-controller-deleted"),
        *("daemon-deleted", "nothing-lost-daemon-deleted") * 2,
        *("node-drained", "nothing-lost-node-drained"),
    ]
    after = world(cloud, cluster)
    for kind in ("loadbalancer", "listener", "pool", "floatingip", "security_group"):
        assert after[kind].keys() == before[kind].keys(), kind
    assert len(after["port"]) == len(before["port"])
    assert pods_of_others(verification) == strangers
    for node in cluster.list_objects("v1", "Node"):
        assert "unschedulable" not in node["spec"]
        assert not any("kuryr-runbook" in it for it in node["metadata"].get("annotations", {}))


def pods_of_others(phase: Verification) -> set[str]:
    """Pods that are neither the workload's nor Kuryr's, by uid."""
    own = (phase.site.verification.namespace, phase.site.kubernetes.namespace)
    pods = phase.cluster.list_objects("v1", "Pod")
    return {it["metadata"]["uid"] for it in pods if it["metadata"]["namespace"] not in own}
