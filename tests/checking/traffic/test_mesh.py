"""The mesh: what fails is named by its ends, and what was not answered is never a pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawing import json_values
from worlds.verification import ADDRESSES, AMPHORA, NO, PODS, VIP, YES, Workload, healthy, probe

from kuryr_runbook.checking.verification import check_verification
from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe, parse_probe
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

NAMESPACE = "kuryr-verification"
HEALTHY = healthy()
EDGES = {"pod-to-pod": "pings", "pod-to-pod-tcp": "tcp", "largest-packet": "large"}
"""Checks of pairs, and the part of the probe that each is about."""


def finding(snapshot: VerificationSnapshot, check: str) -> Finding:
    [found] = [it for it in check_verification(snapshot) if it.check == check]
    return found


def lost(part: str, fails: Callable[[int, int], bool], answer: Answer = NO) -> VerificationSnapshot:
    """A snapshot in which that part of the probe fails between some pods."""
    probes: dict[str, PodProbe | Unreadable] = {}
    for one, name in enumerate(PODS):
        found = probe(one)
        bad = {ADDRESSES[it]: answer for it in range(4) if it != one and fails(one, it)}
        changes: dict[str, Any] = {part: {**getattr(found, part), **bad}}
        probes[name] = replace(found, **changes)
    return replace(HEALTHY, probes=probes)


@pytest.mark.parametrize("check", EDGES)
def test_one_direction_of_one_pair_is_named_with_both_ends(check: str) -> None:
    found = finding(lost(EDGES[check], lambda one, other: (one, other) == (0, 3)), check)
    assert found.status is Status.FAIL
    assert f"1 of 12 fail: {PODS[0]} to {PODS[3]}: no reply" in found.evidence
    assert [it.name for it in found.victims] == [PODS[0], PODS[3]]


@pytest.mark.parametrize("check", EDGES)
def test_what_all_have_in_common_is_named(check: str) -> None:
    found = finding(lost(EDGES[check], lambda one, other: 1 in (one, other)), check)
    assert found.evidence.startswith(f"all that fail are to or from {PODS[1]}: 6 of 12 fail")
    assert found.victims == (Victim("pod", PODS[1], NAMESPACE),)


@pytest.mark.parametrize(
    ("local", "where"), [(True, "all that fail are on one node"), (False, "between nodes")]
)
def test_where_all_fail_is_named(local: bool, where: str) -> None:
    found = finding(
        lost("pings", lambda one, other: ((one - other) % 2 == 0) is local), "pod-to-pod"
    )
    assert where in found.evidence
    assert len(found.victims) == 4


def test_when_all_fail_nothing_is_said_of_where() -> None:
    evidence = finding(lost("pings", lambda one, other: True), "pod-to-pod").evidence
    assert evidence.startswith("12 of 12 fail")


def test_both_kinds_of_way_are_counted() -> None:
    evidence = finding(HEALTHY, "pod-to-pod").evidence
    assert evidence == "12 of 12 pings answered: 4 on one node, 8 between nodes"


def test_a_mesh_on_one_node_is_no_proof_for_the_way_between_nodes() -> None:
    world = Workload()
    for index in (1, 3):
        world.object("Pod", PODS[index])["spec"]["nodeName"] = "worker1"
    snapshot = world.verified()
    found = finding(snapshot, "pod-to-pod")
    assert found.status is Status.WARN
    assert "nothing was sent between nodes" in found.evidence
    assert "delete pod -l app=kuryr-demo" in found.remedy
    world.remove("Node", "worker2")
    assert finding(world.verified(), "pod-to-pod").status is Status.PASS


def test_the_largest_packet_is_judged_where_small_ones_pass() -> None:
    mute = lost("pings", lambda one, other: other == 2)
    probes = {
        name: replace(it, large={**it.large, ADDRESSES[2]: NO})
        for name, it in mute.probes.items()
        if isinstance(it, PodProbe)
    }
    found = finding(replace(mute, probes=probes), "largest-packet")
    assert (found.status, found.evidence) == (
        Status.PASS,
        "9 of 9 pings of 1450 bytes answered",
    )
    none = lost("pings", lambda one, other: True)
    assert finding(none, "largest-packet").status is Status.UNKNOWN


def test_a_source_is_judged_where_there_was_an_answer() -> None:
    assert finding(lost("tcp", lambda one, other: True), "pod-source-address").status is (
        Status.UNKNOWN
    )
    silent = lost("tcp", lambda one, other: True, Answer(ok=True, said="x"))
    found = finding(silent, "pod-source-address")
    assert found.status is Status.UNKNOWN
    assert "does not say" in found.evidence


def test_a_cluster_without_dns_is_not_asked_for_it() -> None:
    found = finding(replace(HEALTHY, dns=""), "dns-from-pods")
    assert found.status is Status.SKIP
    assert "k8s-app=kube-dns" in found.evidence


@pytest.mark.parametrize(
    ("provider", "seen", "status"),
    [
        ("amphora", VIP, Status.PASS),
        ("octavia", AMPHORA, Status.PASS),
        ("amphora", "172.18.0.11", Status.FAIL),
        ("amphora", "nonsense", Status.FAIL),
        ("amphora", "2001:db8::1", Status.FAIL),
        ("amphora", "", Status.UNKNOWN),
        ("ovn", VIP, Status.PASS),
        ("ovn", "172.18.0.11", Status.FAIL),
        ("f5", "172.18.0.11", Status.SKIP),
    ],
)
def test_from_where_a_load_balancer_asks(provider: str, seen: str, status: Status) -> None:
    world = Workload()
    world.lb["provider"] = provider
    snapshot = world.verified()
    answer = Answer(ok=True, said=PODS[0], seen=seen)
    probes = {name: replace(probe(index), vip=(answer,)) for index, name in enumerate(PODS)}
    assert finding(replace(snapshot, probes=probes), "vip-source-address").status is status


def test_with_ovn_every_pod_is_seen_as_itself() -> None:
    world = Workload()
    world.lb["provider"] = "ovn"
    snapshot = world.verified()
    probes = {
        name: replace(probe(index), vip=(Answer(ok=True, said=PODS[0], seen=ADDRESSES[index]),))
        for index, name in enumerate(PODS)
    }
    found = finding(replace(snapshot, probes=probes), "vip-source-address")
    assert found.status is Status.PASS


def test_what_the_service_does_not_answer_names_it_too() -> None:
    silent = {name: replace(probe(index), vip=(NO,)) for index, name in enumerate(PODS)}
    found = finding(replace(HEALTHY, probes=silent), "vip-from-pods")
    assert found.victims[-1] == Victim("service", "kuryr-demo-service", NAMESPACE)


def told(index: int) -> dict[str, Any]:
    """What the pod of that index prints when all is well."""

    def plain(answer: Answer) -> dict[str, Any]:
        return {"ok": answer.ok, "said": answer.said, "seen": answer.seen}

    found = probe(index)
    assert found.dns is not None
    return {
        "ping": {address: plain(it) for address, it in found.pings.items()},
        "large": {address: plain(it) for address, it in found.large.items()},
        "tcp": {address: plain(it) for address, it in found.tcp.items()},
        "vip": [plain(it) for it in found.vip],
        "api": plain(found.api),
        "dns": plain(found.dns),
    }


KEYS = {
    "ping": {"pod-to-pod"},
    "large": {"largest-packet"},
    "tcp": {"pod-to-pod-tcp", "pod-source-address"},
    "api": {"api-from-pods"},
    "dns": {"dns-from-pods"},
}
anything = json_values("ok", "said", "seen", ADDRESSES[1], "x")


def judged(documents: list[Any]) -> dict[str, Finding]:
    """The findings when the pods print these documents."""
    probes = {
        name: parse_probe(Executed(status=0, output=json.dumps(document)))
        for name, document in zip(PODS, documents, strict=True)
    }
    found = check_verification(replace(HEALTHY, probes=probes))
    return {it.check: it for it in found}


def test_what_healthy_pods_print_passes() -> None:
    found = judged([told(index) for index in range(4)])
    assert {it.status for it in found.values()} <= {Status.PASS, Status.SKIP}


@given(st.sampled_from(sorted(KEYS)), st.integers(0, 3), anything)
def test_a_part_that_is_something_else_passes_no_check(key: str, who: int, value: Any) -> None:
    documents = [told(index) for index in range(4)]
    documents[who][key] = value
    found = judged(documents)
    # An answer of its own that says yes is one, whatever else stands in it.
    yes = key in ("api", "dns") and isinstance(value, dict) and value.get("ok") is True
    if not yes:
        # An absent answer of a peer takes it out of the check of sources, and out of that alone.
        checks = KEYS[key] - {"pod-source-address"}
        assert not {check for check in checks if found[check].status is Status.PASS}


@given(st.lists(anything, min_size=4, max_size=4))
def test_nonsense_of_all_pods_is_unknown_and_raises_nothing(documents: list[Any]) -> None:
    found = judged(documents)
    checks = {"vip-from-pods", "vip-backends", *(it for names in KEYS.values() for it in names)}
    assert {found[check].status for check in checks} == {Status.UNKNOWN}


@given(
    st.sampled_from(sorted(EDGES)),
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([True, False, None])),
        max_size=8,
    ),
)
def test_a_failing_pair_always_shows_in_its_check(
    check: str, changes: list[tuple[int, int, bool | None]]
) -> None:
    answers = {(one, other): ok for one, other, ok in changes if one != other}
    probes: dict[str, PodProbe | Unreadable] = {}
    for one, name in enumerate(PODS):
        part = dict(getattr(probe(one), EDGES[check]))
        for other in range(4):
            if (one, other) in answers:
                said = PODS[other] if answers[one, other] else "nothing"
                part[ADDRESSES[other]] = replace(YES, ok=answers[one, other], said=said)
        reached: dict[str, Any] = {EDGES[check]: part}
        probes[name] = replace(probe(one), **reached)
    found = finding(replace(HEALTHY, probes=probes), check)
    wanted = (
        Status.FAIL
        if False in answers.values()
        else Status.UNKNOWN
        if None in answers.values()
        else Status.PASS
    )
    assert found.status is wanted
