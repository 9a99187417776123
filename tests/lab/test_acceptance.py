"""The acceptance checks on the lab: healthy, and with two faults that they must tell precisely."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from worlds.lab import changes, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.transport import get_text
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.workload.workload import read_workload

pytestmark = pytest.mark.lab

FOLLOWS_SECONDS = 90.0
"""How long the lab's data plane may take to follow Neutron; it takes two seconds."""


@pytest.fixture(scope="module")
def verification(
    kuryr: Site, cloud: OpenStackClient, cluster: KubernetesClient
) -> Iterator[Verification]:
    """The phase with its workload up; taken away at the end, without a trace."""
    before = world(cloud, cluster)
    phase = Verification(kuryr)
    phase.carry_out(phase.make_plan())
    yield phase
    phase.remove()
    left = changes(before, world(cloud, cluster))
    # A rule that was put back has a new id, which its group lists too.
    assert [change for change in left if not change.startswith("security_group")] == []


def bad(phase: Verification) -> dict[str, Finding]:
    """What did not pass, by check."""
    well = (Status.PASS, Status.SKIP)
    return {item.check: item for item in phase.findings() if item.status not in well}


def await_true(what: str, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + FOLLOWS_SECONDS
    while not is_so():
        assert time.monotonic() < end, f"{what}: not in {FOLLOWS_SECONDS:.0f} s"
        time.sleep(0.5)


def ingress_answers(phase: Verification) -> bool:
    workload = read_workload(phase.site, phase.cluster)
    try:
        get_text(workload.ingress, 80)
    except UnreachableError:
        return False
    return True


def reaches_outside(phase: Verification, pod: Pod) -> bool:
    target = str(phase.site.verification.external_address)
    namespace = phase.site.verification.namespace
    command = ["ping", "-c", "1", "-W", "1", target]
    return phase.cluster.execute(namespace, pod.name, command).status == 0


def test_every_check_passes(verification: Verification) -> None:
    assert bad(verification) == {}


def test_a_workload_that_is_there_is_kept(verification: Verification) -> None:
    plan = verification.make_plan()
    assert [f"{step.target}: {step.because}" for step in plan.changes] == []


@pytest.fixture
def without_service_rule(
    verification: Verification, kuryr: Site, cloud: OpenStackClient
) -> Iterator[None]:
    """The ingress rule for the service subnet removed from the node group by hand."""
    cidr = str(kuryr.network.service_subnet.cidr)
    [group] = cloud.list_resources("security_group", name=kuryr.network.node_security_group)
    [rule] = cloud.list_resources(
        "security_group_rule", security_group_id=group["id"], remote_ip_prefix=cidr
    )
    cloud.delete("security_group_rule", rule["id"])
    try:
        await_true("the rule gone", lambda: not ingress_answers(verification))
        yield
    finally:
        fields = ("security_group_id", "direction", "ethertype", "protocol", "remote_ip_prefix")
        body = {key: rule[key] for key in (*fields, "description")}
        cloud.create("security_group_rule", [body])
        await_true("the rule back", lambda: ingress_answers(verification))


@pytest.mark.usefixtures("without_service_rule")
def test_the_missing_rule_is_named_and_only_the_vip_fails(
    verification: Verification, kuryr: Site
) -> None:
    found = bad(verification)
    assert found.keys() == {
        "service-subnet-rule", "vip-from-pods", "vip-backends", "floating-ip-from-outside",
        "vip-source-address",
    }  # fmt: skip
    # From where requests come that nobody got cannot be told.
    assert found.pop("vip-source-address").status is Status.UNKNOWN
    assert {item.status for item in found.values()} == {Status.FAIL}
    rule = found["service-subnet-rule"]
    assert {it.kind for it in rule.victims} == {"node"}
    assert kuryr.network.node_security_group in rule.evidence
    assert f"admits {kuryr.network.service_subnet.cidr}, IPv4, any protocol" in rule.evidence
    assert "openstack security group rule create" in rule.remedy


@pytest.fixture
def pod_without_pair(
    verification: Verification, cloud: OpenStackClient
) -> Iterator[tuple[Pod, Resource]]:
    """A pod, and its worker's port, from which the pod's address pair was removed by hand."""
    pod = read_workload(verification.site, verification.cluster).pods[0]
    [port] = [
        port
        for port in cloud.list_resources("port", name=pod.node)
        if any(fixed["ip_address"] == pod.node_address for fixed in port["fixed_ips"])
    ]
    pairs = port["allowed_address_pairs"]
    kept = [pair for pair in pairs if pair["ip_address"] != pod.address]
    assert len(kept) == len(pairs) - 1
    cloud.update("port", port["id"], {"allowed_address_pairs": kept})
    try:
        await_true("the pair gone", lambda: not reaches_outside(verification, pod))
        yield pod, port
    finally:
        cloud.update("port", port["id"], {"allowed_address_pairs": pairs})
        await_true("the pair back", lambda: reaches_outside(verification, pod))


def test_the_missing_pair_is_named_with_pod_and_port(
    verification: Verification, pod_without_pair: tuple[Pod, dict[str, Any]]
) -> None:
    pod, port = pod_without_pair
    found = bad(verification)
    assert {item.status for item in found.values()} == {Status.FAIL}
    pair = found["address-pair"]
    assert [it.name for it in pair.victims] == [pod.name]
    assert port["id"] in pair.evidence
    assert pod.address in pair.evidence
    assert [it.name for it in found["pod-to-pod"].victims] == [pod.name]
    assert "service-subnet-rule" not in found
