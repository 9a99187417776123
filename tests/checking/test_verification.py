"""The acceptance checks: each passes, fails with what an operator needs, and says unknown.

What diagnosis asks too is tried in its own tests; here, that the workload is asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from worlds.verification import (
    ADDRESSES,
    AMPHORA,
    NO,
    PODS,
    VIP,
    YES,
    Workload,
    healthy,
    probe,
)

from kuryr_runbook.checking.diagnosis import CHECKS as OF_DIAGNOSIS
from kuryr_runbook.checking.verification import CHECKS, check_verification
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.snapshots.cloud.state import nothing_read
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

Spoil = Callable[[Workload], Any]
ALSO_DIAGNOSED = {check.name for check in OF_DIAGNOSIS}


def findings(snapshot: VerificationSnapshot) -> dict[str, Finding]:
    """The first finding of each check."""
    found = list(check_verification(snapshot))
    assert {finding.check for finding in found} == {check.name for check in CHECKS}
    return {finding.check: finding for finding in reversed(found)}


def of_status(snapshot: VerificationSnapshot, status: Status) -> set[str]:
    return {name for name, item in findings(snapshot).items() if item.status is status}


@pytest.mark.parametrize("driver", VifDriver)
def test_all_pass_when_all_is_well(driver: VifDriver) -> None:
    found = findings(healthy(driver))
    skipped = {name for name, item in found.items() if item.status is Status.SKIP}
    assert skipped == {
        *({"address-pair"} if driver is not VifDriver.NESTED_MACVLAN else ()),
        *({"subport"} if driver is not VifDriver.NESTED_VLAN else ()),
    }
    bad = {name: it for name, it in found.items() if it.status is not Status.PASS}
    assert bad.keys() == skipped


def probes_with(**changes: Any) -> dict[str, PodProbe | Unreadable]:
    return {name: replace(probe(index), **changes) for index, name in enumerate(PODS)}


def probing(**changes: Any) -> VerificationSnapshot:
    return Workload().verified(probes=probes_with(**changes))


FAILURES: list[tuple[str, VerificationSnapshot, tuple[str, ...]]] = [
    ("pod-to-pod", probing(pings={ADDRESSES[2]: NO}), (f"to {PODS[2]}: no reply",)),
    (
        "pod-to-pod-tcp",
        probing(tcp={ADDRESSES[2]: Answer(ok=True, said=PODS[3])}),
        (f"{PODS[0]} to {PODS[2]}: answered by '{PODS[3]}'",),
    ),
    (
        "pod-source-address",
        probing(tcp={ADDRESSES[2]: Answer(ok=True, said=PODS[2], seen="172.16.1.0")}),
        (f"{PODS[0]} to {PODS[2]}: seen as 172.16.1.0, not {ADDRESSES[0]}",),
    ),
    ("largest-packet", probing(large={ADDRESSES[2]: NO}), (f"{PODS[0]} to {PODS[2]}: no reply",)),
    ("external-from-pods", probing(pings={"203.0.113.10": NO}), ("4 of 4 fail",)),
    ("dns-from-pods", probing(dns=NO), ("4 of 4 fail", PODS[0])),
    ("vip-from-pods", probing(vip=(NO,)), ("4 of 4 fail",)),
    (
        "vip-from-pods",
        probing(vip=(Answer(ok=True, said="<h1>Welcome</h1>"),)),
        ("answered by '<h1>Welcome</h1>', which is not a pod",),
    ),
    (
        "vip-backends",
        probing(vip=(Answer(ok=True, said=PODS[0]),)),
        ("3 of 4 pods never answered", PODS[3]),
    ),
    (
        "vip-source-address",
        probing(vip=(Answer(ok=True, said=PODS[0], seen=ADDRESSES[1]),)),
        (f"{PODS[0]}: seen as {ADDRESSES[1]}, which is not in 10.96.0.0/16",),
    ),
    ("api-from-pods", probing(api=Answer(ok=False, said="HTTP 403: no")), ("HTTP 403",)),
    ("api-from-pods", probing(api=Answer(ok=True, said="others")), ("is not among: others",)),
    ("floating-ip-from-outside", Workload().verified(outside=(NO, YES)), ("from here",)),
]


def unavailable(world: Workload) -> None:
    world.object("Deployment", "kuryr-demo")["status"]["availableReplicas"] = 3
    world.warn(PODS[1], "CNI Daemon returned error 504")


def unpaired(world: Workload) -> None:
    world.node_port("worker2")["allowed_address_pairs"].pop(0)


SPOILT: list[tuple[str, Spoil, tuple[str, ...]]] = [
    ("node-ready", lambda w: w.object("Node", "worker2")["status"]["conditions"].clear(),
     ("worker2: no Ready condition",)),
    ("deployment-available", lambda w: w.remove("Deployment", "kuryr-demo"), ("no Deployment",)),
    ("deployment-available", lambda w: w.remove("Service", "kuryr-demo-service"), ("no Service",)),
    ("deployment-available", unavailable, ("3 of 4", PODS[1], "worker2", "error 504")),
    ("pod-unhandled", lambda w: w.object("Pod", PODS[1])["metadata"].pop("annotations"),
     ("1 of 4 pods has none",)),
    ("pod-interface",
     lambda w: w.object("Pod", PODS[1])["metadata"]["annotations"].update(
         {"openstack.org/kuryr-vif": "{}"}), (PODS[1], "it has no")),
    ("pod-port-missing", lambda w: w.remove("port", f"port-{PODS[1]}"), (PODS[1],)),
    ("pod-port-differs",
     lambda w: w.object("Pod", PODS[1])["status"].update(podIP="10.64.0.99"), ("10.64.0.99",)),
    ("node-port", lambda w: w.remove("port", "worker2"), ("worker2 (172.16.1.1)",)),
    ("address-pair", unpaired, ("1 of 4 pods", PODS[1], "port-worker2")),
    ("service-subnet-rule", lambda w: w.remove("security_group_rule", "r-services"),
     ("k8s-node-sg",)),
    ("balancer-missing", lambda w: w.resources["loadbalancer"].remove(w.lb), ("1 of 1",)),
    ("balancer-twice", lambda w: w.resources["loadbalancer"].append({**w.lb, "id": "lb-2"}),
     ("lb-2",)),
    ("balancer-state", lambda w: w.lb.update(provisioning_status="ERROR"), ("ERROR",)),
    ("balancer-state", lambda w: w.lb.update(provisioning_status="PENDING_UPDATE"), ("PENDING",)),
    ("balancer-address", lambda w: w.lb.update(vip_address="10.96.0.41"), ("10.96.0.41",)),
    ("listener-missing", lambda w: w.remove("listener", f"l-{w.lb['name']}"), ("no listener",)),
    ("members-differ", lambda w: w.pool_members[f"p-{w.lb['name']}"].pop(), ("is missing",)),
    ("external-address", lambda w: w.service["status"].clear(), ("announces none",)),
    ("external-address", lambda w: w.remove("floatingip", "fip"), ("Neutron has none",)),
    ("service-range", lambda w: w.service["spec"].update(clusterIP="10.97.0.1"), ("10.97.0.1",)),
    ("amphora-upper-half",
     lambda w: w.amphora["fixed_ips"][0].update(ip_address="10.96.0.9"),
     ("10.96.0.9 not in 10.96.128.0/17",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "told"), SPOILT)
def test_a_fault_of_the_workload_fails_its_check(
    name: str, spoil: Spoil, told: tuple[str, ...]
) -> None:
    world = Workload()
    spoil(world)
    finding = findings(world.verified())[name]
    assert finding.status is Status.FAIL
    assert finding.remedy
    for words in told:
        assert words in finding.evidence


@pytest.mark.parametrize(("name", "snapshot", "told"), FAILURES)
def test_what_is_not_reached_fails_its_check_and_is_reported(
    name: str, snapshot: VerificationSnapshot, told: tuple[str, ...]
) -> None:
    finding = findings(snapshot)[name]
    assert finding.status is Status.FAIL
    assert finding.remedy
    for words in told:
        assert words in finding.evidence


def test_every_check_of_its_own_has_a_failing_case() -> None:
    tried = {name for name, _, _ in FAILURES} | {name for name, _, _ in SPOILT}
    assert {check.name for check in CHECKS} - ALSO_DIAGNOSED <= tried


def test_nothing_of_the_workload_is_too_new_to_be_told() -> None:
    world = Workload()
    pod = world.object("Pod", PODS[1])["metadata"]
    pod["creationTimestamp"] = "2199-01-01T00:00:00Z"
    pod.pop("annotations")
    assert findings(world.verified())["pod-unhandled"].status is Status.FAIL


GONE = Unreadable("the API does not answer")
OF_CLOUD = {
    "node-port",
    "pod-port-missing", "address-pair", "service-subnet-rule", "balancer-twice",
    "balancer-missing", "balancer-address", "balancer-state", "external-address",
    "listener-missing", "members-differ", "member-state", "service-range", "amphora-upper-half",
    "vip-source-address", "pod-port-differs", "switched-off", "resource-state",
    "api-timeouts",
}  # fmt: skip
OF_PROBES = {
    "pod-to-pod", "pod-to-pod-tcp", "pod-source-address", "largest-packet", "external-from-pods",
    "vip-from-pods", "vip-backends", "vip-source-address", "api-from-pods", "dns-from-pods",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"cloud": nothing_read(GONE)}, OF_CLOUD),
        ({"packet": GONE}, {"largest-packet"}),
        ({"dns": GONE}, {"dns-from-pods"}),
        ({"outside": GONE}, {"floating-ip-from-outside"}),
        ({"outside": ()}, {"floating-ip-from-outside"}),
        ({"probes": dict.fromkeys(PODS, GONE)}, OF_PROBES),
        ({"probes": {}}, OF_PROBES),
    ],
)
def test_what_could_not_be_read_is_unknown(changes: dict[str, Any], unknown: set[str]) -> None:
    snapshot = replace(healthy(), **changes)
    assert of_status(snapshot, Status.UNKNOWN) == unknown
    assert not of_status(snapshot, Status.FAIL)


@pytest.mark.parametrize("kind", ["Pod app=kuryr-demo", "Service", "Deployment", "Node"])
def test_an_object_that_could_not_be_read_is_unknown_and_nothing_is_wrong(kind: str) -> None:
    world = Workload()
    world.broken = {kind: AccessError("no")}
    snapshot = world.verified()
    assert of_status(snapshot, Status.UNKNOWN)
    assert not of_status(snapshot, Status.FAIL)


def test_a_pod_that_could_not_ask_leaves_its_questions_open() -> None:
    could_not = Answer(ok=None, said="ping cannot run: no such file")
    snapshot = replace(healthy(), probes=probes_with(pings={}, api=could_not))
    assert of_status(snapshot, Status.UNKNOWN) == {
        "pod-to-pod", "external-from-pods", "api-from-pods",
    }  # fmt: skip


def test_too_few_pods_are_no_proof() -> None:
    world = Workload()
    world.remove("Pod", PODS[3])
    assert {"pod-to-pod", "vip-from-pods"} <= of_status(world.verified(), Status.UNKNOWN)


def test_one_silent_backend_is_unknown_while_a_pod_was_not_asked() -> None:
    asked = probes_with(vip=(Answer(ok=True, said=PODS[0]),))
    snapshot = replace(healthy(), probes={**asked, PODS[0]: GONE})
    assert findings(snapshot)["vip-backends"].status is Status.UNKNOWN


def test_what_is_said_several_times_is_reported_once() -> None:
    evidence = findings(probing(vip=(NO, NO, NO)))["vip-from-pods"].evidence
    assert evidence.startswith("12 of 12 fail: ")
    for name in PODS:
        assert evidence.count(f"{name}: {NO.said} (3 times)") == 1


def test_what_all_failing_pings_have_in_common_is_named() -> None:
    probes: dict[str, PodProbe | Unreadable] = {}
    for index, name in enumerate(PODS):
        pings = probe(index).pings
        lost = {address: NO for address in pings if index == 1 or address == ADDRESSES[1]}
        probes[name] = replace(probe(index), pings={**pings, **lost})
    finding = findings(replace(healthy(), probes=probes))["pod-to-pod"]
    assert finding.subject == f"pod kuryr-verification/{PODS[1]}"
    assert f"all that fail are to or from {PODS[1]}" in finding.evidence
    assert "and 1 more" in finding.evidence


def test_providers_without_amphora_are_skipped() -> None:
    world = Workload()
    world.lb["provider"] = "ovn"
    assert findings(world.verified())["amphora-upper-half"].status is Status.SKIP


def test_other_amphorae_do_not_count() -> None:
    world = Workload()
    world.amphora["allowed_address_pairs"][0]["ip_address"] = AMPHORA
    finding = findings(world.verified())["amphora-upper-half"]
    assert finding.status is Status.UNKNOWN
    assert VIP in finding.evidence


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"remote_ip_prefix": "10.0.0.0/8"}, Status.PASS),
        ({"remote_ip_prefix": None}, Status.PASS),
        ({"remote_ip_prefix": "10.96.0.0/17"}, Status.FAIL),
        ({"protocol": "tcp", "port_range_min": 8888, "port_range_max": 8888}, Status.FAIL),
        ({"direction": "egress"}, Status.FAIL),
        ({"ethertype": "IPv6"}, Status.FAIL),
        ({"remote_ip_prefix": None, "remote_group_id": "other"}, Status.FAIL),
    ],
)
def test_which_rules_admit_the_service_subnet(rule: dict[str, Any], status: Status) -> None:
    world = Workload()
    world.resource("security_group_rule", "r-services").update(rule)
    assert findings(world.verified())["service-subnet-rule"].status is status
