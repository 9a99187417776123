"""The acceptance checks: each passes, fails with what an operator needs, and says unknown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from worlds.verification import (
    FLOATING,
    NO,
    PODS,
    SERVICE_RULE,
    VIP,
    YES,
    cloud_of,
    healthy,
    pod,
    probe,
    resources,
    with_cloud,
    with_pod,
    with_workload,
)

from kuryr_runbook.checking.verification import CHECKS, check_verification
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.snapshots.cloud.resources import FixedIp, Pair
from kuryr_runbook.snapshots.cloud.state import nothing_read
from kuryr_runbook.snapshots.cluster.vif import Malformed
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

Spoil = Callable[[VerificationSnapshot], VerificationSnapshot]


def findings(snapshot: VerificationSnapshot) -> dict[str, Finding]:
    found = list(check_verification(snapshot))
    assert len(found) == len({finding.check for finding in found}) == len(CHECKS)
    return {finding.check: finding for finding in found}


def of_status(snapshot: VerificationSnapshot, status: Status) -> set[str]:
    return {name for name, item in findings(snapshot).items() if item.status is status}


@pytest.mark.parametrize("driver", VifDriver)
def test_all_pass_when_all_is_well(driver: VifDriver) -> None:
    found = findings(healthy(driver))
    skipped = {name for name, item in found.items() if item.status is Status.SKIP}
    assert skipped == (set() if driver is VifDriver.NESTED_MACVLAN else {"address-pairs"})
    assert all(found[name].status is Status.PASS for name in found.keys() - skipped)


def probes_with(**changes: Any) -> dict[str, PodProbe | Unreadable]:
    return {name: replace(probe(index), **changes) for index, name in enumerate(PODS)}


def without_node_ready(snapshot: VerificationSnapshot) -> VerificationSnapshot:
    cluster = snapshot.cluster
    assert not isinstance(cluster, Unreadable)
    sick = replace(cluster.nodes[1], ready=False, reason="cni config uninitialized")
    return replace(snapshot, cluster=replace(cluster, nodes=(cluster.nodes[0], sick)))


def twice(snapshot: VerificationSnapshot) -> VerificationSnapshot:
    kinds = resources()
    first = kinds["loadbalancer"][0]
    kinds["loadbalancer"] = (first, {**first, "id": "lb-2"})
    return replace(snapshot, cloud=cloud_of(kinds))


def service_port(**changes: Any) -> Spoil:
    return lambda snapshot: with_cloud(snapshot, "port", "port-vrrp", changes)


def cloud(kind: str, resource_id: str, change: dict[str, Any] | None) -> Spoil:
    return lambda snapshot: with_cloud(snapshot, kind, resource_id, change)


def a_pod(**changes: Any) -> Spoil:
    return lambda snapshot: with_pod(snapshot, 1, **changes)


def workload(**changes: Any) -> Spoil:
    return lambda snapshot: with_workload(snapshot, **changes)


def probing(**changes: Any) -> Spoil:
    return lambda snapshot: replace(snapshot, probes=probes_with(**changes))


FAILURES: list[tuple[str, Spoil, tuple[str, ...]]] = [
    ("nodes-ready", without_node_ready, ("1 of 2", "worker2", "cni config uninitialized")),
    ("deployment-available", workload(available=None), ("no Deployment",)),
    (
        "deployment-available",
        lambda s: with_workload(
            with_pod(s, 1, running=False, trouble="CNI Daemon returned error 504"), available=3
        ),
        ("3 of 4", PODS[1], "worker2", "error 504"),
    ),
    ("pod-ports", a_pod(vif=None), (PODS[1], "nothing stands in Pod annotation")),
    ("pod-ports", a_pod(vif=Malformed("it lacks 'id'")), (PODS[1], "it lacks 'id'")),
    ("pod-ports", cloud("port", "port-1", None), (PODS[1], "port-1", "does not exist in Neutron")),
    ("pod-ports", a_pod(address="10.1.0.99"), ("port-1 has 10.1.0.11", "10.1.0.99")),
    ("pod-ports", a_pod(vif=replace(pod(1).vif, active=False)), (PODS[1], "not active")),  # type: ignore[type-var]
    (
        "address-pairs",
        cloud("port", "port-worker2", {"pairs": ()}),
        (PODS[1], PODS[3], "port port-worker2 of worker2 (172.18.0.12) lacks", "10.1.0.11"),
    ),
    ("address-pairs", a_pod(node_address="172.18.0.99"), ("no Neutron port of worker2",)),
    ("pod-to-pod", probing(pings={pod(2).address: NO}), ("to kuryr-demo-c: no reply",)),
    (
        "pod-to-pod-tcp",
        probing(tcp={pod(2).address: Answer(ok=True, said=PODS[3])}),
        (f"{PODS[0]} to {PODS[2]}: answered by '{PODS[3]}'",),
    ),
    (
        "pod-source-address",
        probing(tcp={pod(2).address: Answer(ok=True, said=PODS[2], seen="172.18.0.11")}),
        (f"{PODS[0]} to {PODS[2]}: seen as 172.18.0.11, not 10.1.0.10",),
    ),
    (
        "largest-packet",
        probing(large={pod(2).address: NO}),
        (f"{PODS[0]} to {PODS[2]}: no reply",),
    ),
    ("external-from-pods", probing(pings={"203.0.113.10": NO}), ("4 of 4 fail",)),
    ("dns-from-pods", probing(dns=NO), ("4 of 4 fail", PODS[0])),
    ("service-subnet-rule", cloud("security_group_rule", SERVICE_RULE, None), ("k8s-node-sg",)),
    ("lb-active", cloud("loadbalancer", "lb", None), ("there is no load balancer",)),
    ("lb-active", twice, ("2 load balancers", "lb, lb-2")),
    ("lb-active", cloud("loadbalancer", "lb", {"provisioning": "ERROR"}), ("is ERROR",)),
    ("member-count", lambda s: replace(s, cloud=cloud_of(resources(), 3)), ("3 members",)),
    (
        "members-are-pods",
        a_pod(address="10.1.0.99"),
        ("member 10.1.0.11:8888 is no pod", f"pod {PODS[1]} (10.1.0.99:8888) is no member"),
    ),
    ("ingress-address", workload(ingress=""), ("no load balancer address",)),
    ("ingress-address", workload(cluster_ip=""), ("no Service",)),
    ("vip-lower-half", cloud("loadbalancer", "lb", {"vip": "10.2.0.200"}), ("10.2.0.200",)),
    ("vip-lower-half", workload(cluster_ip="10.2.0.41"), ("is not the ClusterIP 10.2.0.41",)),
    (
        "amphora-upper-half",
        service_port(fixed_ips=(FixedIp("services", "10.2.0.9"),)),
        ("10.2.0.9 not in 10.2.0.128/25",),
    ),
    ("vip-from-pods", probing(vip=(NO,)), ("4 of 4 fail",)),
    (
        "vip-from-pods",
        probing(vip=(Answer(ok=True, said="<h1>Welcome</h1>"),)),
        ("answered by '<h1>Welcome</h1>', which is no pod",),
    ),
    (
        "vip-backends",
        probing(vip=(Answer(ok=True, said=PODS[0]),)),
        ("3 of 4 pods never answered", PODS[3]),
    ),
    (
        "vip-source-address",
        probing(vip=(Answer(ok=True, said=PODS[0], seen=pod(1).address),)),
        (f"{PODS[0]}: seen as {pod(1).address}, which is not in 10.2.0.0/24",),
    ),
    (
        "vip-source-address",
        lambda s: with_cloud(s, "loadbalancer", "lb", {"provider": "ovn"}),
        (f"{PODS[0]}: seen as 10.2.0.140, which is not the pod's own 10.1.0.10",),
    ),
    ("api-from-pods", probing(api=Answer(ok=False, said="HTTP 403: no")), ("HTTP 403",)),
    ("api-from-pods", probing(api=Answer(ok=True, said="others")), ("is not among: others",)),
    ("floating-ip-matches", cloud("floatingip", "f", None), ("Neutron has none",)),
    ("floating-ip-matches", workload(ingress="198.51.100.9"), (FLOATING, "198.51.100.9")),
    ("floating-ip-from-outside", lambda s: replace(s, outside=(NO, YES)), ("from here",)),
]


@pytest.mark.parametrize(("name", "spoil", "told"), FAILURES)
def test_a_fault_fails_its_check_and_is_told(
    name: str, spoil: Spoil, told: tuple[str, ...]
) -> None:
    finding = findings(spoil(healthy()))[name]
    assert finding.status is Status.FAIL
    assert finding.remedy
    for words in told:
        assert words in finding.evidence


def test_every_check_has_a_failing_case() -> None:
    assert {name for name, _, _ in FAILURES} == findings(healthy()).keys()


GONE = Unreadable("the API does not answer")
OF_CLOUD = {
    "pod-ports", "address-pairs", "service-subnet-rule", "lb-active", "member-count",
    "members-are-pods", "vip-lower-half", "amphora-upper-half", "floating-ip-matches",
    "vip-source-address",
}  # fmt: skip
OF_PROBES = {
    "pod-to-pod", "pod-to-pod-tcp", "pod-source-address", "largest-packet", "external-from-pods",
    "vip-from-pods", "vip-backends", "vip-source-address", "api-from-pods", "dns-from-pods",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"cloud": nothing_read(GONE)}, OF_CLOUD),
        ({"cluster": GONE}, {"nodes-ready", "service-subnet-rule"}),
        ({"cloud": cloud_of(resources(), amphoras=None)}, {"amphora-upper-half"}),
        ({"packet": GONE}, {"largest-packet"}),
        ({"dns": GONE}, {"dns-from-pods"}),
        ({"outside": GONE}, {"floating-ip-from-outside"}),
        ({"outside": ()}, {"floating-ip-from-outside"}),
        ({"probes": dict.fromkeys(PODS, GONE)}, OF_PROBES),
        ({"probes": {}}, OF_PROBES),
        (
            {"workload": GONE},
            {"deployment-available", "pod-ports", "address-pairs", "members-are-pods",
             "ingress-address", "vip-lower-half", "floating-ip-matches",
             "floating-ip-from-outside", *OF_PROBES},
        ),
    ],
)  # fmt: skip
def test_what_could_not_be_read_is_unknown(changes: dict[str, Any], unknown: set[str]) -> None:
    snapshot = replace(healthy(), **changes)
    assert of_status(snapshot, Status.UNKNOWN) == unknown
    assert not of_status(snapshot, Status.FAIL)


def test_a_pod_that_could_not_ask_leaves_its_questions_open() -> None:
    could_not = Answer(ok=None, said="ping cannot run: no such file")
    snapshot = replace(healthy(), probes=probes_with(pings={}, api=could_not))
    assert of_status(snapshot, Status.UNKNOWN) == {
        "pod-to-pod", "external-from-pods", "api-from-pods",
    }  # fmt: skip


def test_too_few_pods_are_no_proof() -> None:
    snapshot = healthy()
    fewer = with_workload(snapshot, pods=tuple(pod(index) for index in range(3)))
    assert {"pod-to-pod", "vip-from-pods", "pod-ports"} <= of_status(fewer, Status.UNKNOWN)


def test_one_silent_backend_is_unknown_while_a_pod_was_not_asked() -> None:
    asked = probes_with(vip=(Answer(ok=True, said=PODS[0]),))
    snapshot = replace(healthy(), probes={**asked, PODS[0]: GONE})
    assert findings(snapshot)["vip-backends"].status is Status.UNKNOWN


def test_the_rule_is_named_with_group_range_and_direction() -> None:
    finding = findings(with_cloud(healthy(), "security_group_rule", SERVICE_RULE, None))[
        "service-subnet-rule"
    ]
    assert "k8s-node-sg: ingress, IPv4, any protocol, from 10.2.0.0/24" in finding.evidence
    assert "port port-worker1 of node worker1" in finding.evidence
    assert "--ingress --ethertype IPv4 --remote-ip 10.2.0.0/24 k8s-node-sg" in finding.remedy
    assert finding.subject == "security group k8s-node-sg"


@pytest.mark.parametrize("driver", [VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF])
def test_other_drivers_need_the_rule_on_the_pod_group(driver: VifDriver) -> None:
    without_node_rule = with_cloud(healthy(driver), "security_group_rule", SERVICE_RULE, None)
    assert findings(without_node_rule)["service-subnet-rule"].status is Status.PASS
    without_pod_rule = with_cloud(healthy(driver), "security_group_rule", "rule-pods", None)
    finding = findings(without_pod_rule)["service-subnet-rule"]
    assert finding.status is Status.FAIL
    assert finding.subject == "security group kuryr-pod-sg"


def test_a_provider_that_keeps_addresses_needs_the_pod_group_to_admit_everybody() -> None:
    snapshot = healthy(VifDriver.NESTED_VLAN)
    kuryr = snapshot.site.kuryr.model_copy(update={"octavia_provider": OctaviaProvider.OVN})
    snapshot = replace(snapshot, site=snapshot.site.model_copy(update={"kuryr": kuryr}))
    finding = findings(snapshot)["service-subnet-rule"]
    assert finding.status is Status.FAIL
    assert "from 0.0.0.0/0" in finding.evidence
    opened = with_cloud(snapshot, "security_group_rule", "rule-pods", {"remote_ip_prefix": None})
    assert findings(opened)["service-subnet-rule"].status is Status.PASS


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"remote_ip_prefix": "10.0.0.0/8"}, Status.PASS),
        ({"remote_ip_prefix": None}, Status.PASS),
        ({"remote_ip_prefix": "10.2.0.0/25"}, Status.FAIL),
        ({"protocol": "tcp", "port_range_min": 8888, "port_range_max": 8888}, Status.FAIL),
        ({"direction": "egress"}, Status.FAIL),
        ({"ethertype": "IPv6"}, Status.FAIL),
        ({"remote_ip_prefix": None, "remote_group_id": "other"}, Status.FAIL),
    ],
)
def test_which_rules_admit_the_service_subnet(rule: dict[str, Any], status: Status) -> None:
    snapshot = with_cloud(healthy(), "security_group_rule", SERVICE_RULE, rule)
    assert findings(snapshot)["service-subnet-rule"].status is status


def test_a_port_without_port_security_admits_everything() -> None:
    snapshot = with_cloud(healthy(), "security_group_rule", SERVICE_RULE, None)
    for node in ("port-worker1", "port-worker2"):
        snapshot = with_cloud(snapshot, "port", node, {"port_security": False})
    assert findings(snapshot)["service-subnet-rule"].status is Status.PASS


def test_a_group_of_another_project_cannot_be_judged() -> None:
    snapshot = with_cloud(healthy(), "security_group_rule", SERVICE_RULE, None)
    hidden = with_cloud(snapshot, "security_group", "node-group", None)
    finding = findings(hidden)["service-subnet-rule"]
    assert finding.status is Status.UNKNOWN
    assert "node-group" in finding.evidence


def test_a_lost_pair_names_pod_and_port_and_nothing_else() -> None:
    change = {"pairs": (Pair(pod(3).address, "fa:16:3e:00:00:03"),)}
    finding = findings(with_cloud(healthy(), "port", "port-worker2", change))["address-pairs"]
    assert finding.subject == f"pod kuryr-verification/{PODS[1]}"
    assert "port-worker2" in finding.evidence
    assert "ip_address=10.1.0.11, mac_address=fa:16:3e:00:00:01" in finding.evidence
    assert PODS[3] not in finding.evidence


def test_a_pair_may_be_a_range() -> None:
    pairs = tuple(Pair("10.1.0.0/24", f"fa:16:3e:00:00:0{index}") for index in (1, 3))
    change = {"pairs": pairs}
    snapshot = with_cloud(healthy(), "port", "port-worker2", change)
    assert findings(snapshot)["address-pairs"].status is Status.PASS


def test_what_is_said_several_times_is_told_once() -> None:
    snapshot = replace(healthy(), probes=probes_with(vip=(NO, NO, NO)))
    evidence = findings(snapshot)["vip-from-pods"].evidence
    assert evidence.startswith("12 of 12 fail: ")
    for name in PODS:
        assert evidence.count(f"{name}: {NO.said} (3 times)") == 1


def test_what_all_failing_pings_have_in_common_is_named() -> None:
    probes: dict[str, PodProbe | Unreadable] = {}
    for index, name in enumerate(PODS):
        pings = probe(index).pings
        lost = {address: NO for address in pings if index == 1 or address == pod(1).address}
        probes[name] = replace(probe(index), pings={**pings, **lost})
    finding = findings(replace(healthy(), probes=probes))["pod-to-pod"]
    assert finding.subject == f"pod kuryr-verification/{PODS[1]}"
    assert f"all that fail are to or from {PODS[1]}" in finding.evidence
    assert "and 1 more" in finding.evidence


def test_providers_without_amphora_are_skipped() -> None:
    snapshot = with_cloud(healthy(), "loadbalancer", "lb", {"provider": "ovn"})
    assert findings(snapshot)["amphora-upper-half"].status is Status.SKIP


def test_other_amphorae_do_not_count() -> None:
    spoil = service_port(pairs=(Pair("10.2.0.1", "fa:16:3e:00:00:bb"),))
    finding = findings(spoil(healthy()))["amphora-upper-half"]
    assert finding.status is Status.UNKNOWN
    assert VIP in finding.evidence
