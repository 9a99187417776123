"""What is said after a disturbance: well again or not, and what was lost or left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kuryr_runbook.checking.diagnosis import CHECKS
from kuryr_runbook.checking.traffic.resilience import (
    LEFTOVERS,
    Trial,
    check_trial,
    not_back,
    not_tried,
    orphans,
)
from kuryr_runbook.model.bodies import ProgramDeletion
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.snapshots.workload.traces import Footprint, Traces, left_behind

STEP = Step(
    action=Action.DELETE,
    target=Target("Pod", "kube-system/kuryr-controller-x"),
    because="its successor has to continue",
    body=ProgramDeletion(reference={}, component="kuryr-controller", uid="u", node="worker1"),
)
DRAIN = Step(action=Action.UPDATE, target=Target("Node", "worker1"), because="drained")


def finding(status: Status, **more: Any) -> Finding:
    return Finding(check="c", title="Pods reach pods", status=status, evidence="1 of 12", **more)


def footprint(ports: dict[str, str], balancer: str = "lb", floating: str = "fip") -> Footprint:
    return Footprint(
        ports=ports,
        traces=Traces(
            ids={
                "loadbalancer": frozenset({balancer}),
                "floatingip": frozenset({floating}),
                "port": frozenset({"vip", *ports.values()}),
            },
            pairs=frozenset((port, "mac") for port in ports.values()),
        ),
    )


BEFORE = footprint({"a": "port-a", "b": "port-b"})
WELL = Trial(
    step=STEP,
    seconds=12.3,
    findings=[finding(Status.PASS), finding(Status.WARN), finding(Status.SKIP)],
    before=BEFORE,
    after=BEFORE,
    remaining=(),
    orphans_before=frozenset({"port 1 (port-orphaned)"}),
    orphans_after=frozenset({"port 1 (port-orphaned)"}),
)


def test_two_findings_pass_when_all_is_as_it_was() -> None:
    again, kept = check_trial(WELL)
    assert (again.check, again.status) == ("controller-deleted", Status.PASS)
    assert "after 12 s: 1 check passed" in again.evidence
    assert (kept.check, kept.status) == ("nothing-lost-controller-deleted", Status.PASS)
    assert again.subject == kept.subject == str(STEP.target)


def test_what_is_not_well_is_reported_with_its_cause() -> None:
    bad = finding(Status.FAIL, remedy="mend", cause="a rule", victims=(Victim("pod", "a", "ns"),))
    again, _ = check_trial(replace(WELL, findings=[finding(Status.PASS), bad]))
    assert again.status is Status.FAIL
    assert "not well after 12 s: Pods reach pods: 1 of 12" in again.evidence
    assert (again.remedy, again.cause, again.victims) == ("mend", "a rule", bad.victims)
    unknown, _ = check_trial(replace(WELL, findings=[finding(Status.UNKNOWN)]))
    assert unknown.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"after": footprint(dict(BEFORE.ports), balancer="lb-2")}, "loadbalancer lb is gone"),
        ({"after": footprint(dict(BEFORE.ports), balancer="lb-2")}, "loadbalancer lb-2 is new"),
        ({"after": footprint(dict(BEFORE.ports), floating="other")}, "floatingip fip is gone"),
        (
            {"after": footprint({"a": "port-a", "b": "port-z"})},
            "pod b had port port-b, and has port-z",
        ),
        ({"remaining": ("port port-a",)}, "port port-a is left of a pod that is gone"),
        (
            {"orphans_after": frozenset({"port 2 (port-twice)", "port 1 (port-orphaned)"})},
            "port 2 (port-twice) is orphaned",
        ),
    ],
)
def test_what_is_lost_or_left_is_named(changes: dict[str, Any], told: str) -> None:
    _, kept = check_trial(replace(WELL, **changes))
    assert kept.status is Status.FAIL
    assert told in kept.evidence
    assert kept.remedy


def test_an_orphan_that_was_there_before_or_went_is_no_loss() -> None:
    _, kept = check_trial(replace(WELL, orphans_after=frozenset()))
    assert kept.status is Status.PASS


@pytest.mark.parametrize("blind", [{"orphans_before": None}, {"orphans_after": None}])
def test_what_could_not_be_looked_at_is_unknown(blind: dict[str, Any]) -> None:
    _, kept = check_trial(replace(WELL, **blind))
    assert kept.status is Status.UNKNOWN
    _, lost = check_trial(replace(WELL, **blind, remaining=("port port-a",)))
    assert lost.status is Status.FAIL


def test_new_pods_have_ports_of_their_own_and_the_old_ones_have_to_go() -> None:
    after = footprint({"b": "port-b", "c": "port-c"})
    again, kept = check_trial(replace(WELL, step=DRAIN, after=after))
    assert again.check == "node-drained"
    assert kept.status is Status.PASS
    gone = left_behind(BEFORE, after)
    assert gone.ids == {
        "loadbalancer": frozenset(), "floatingip": frozenset(), "port": frozenset({"port-a"}),
    }  # fmt: skip
    assert gone.pairs == frozenset({("port-a", "mac")})


def test_what_did_not_come_back_and_what_was_not_tried() -> None:
    lost = not_back(STEP, "not in 300 s")
    assert (lost.check, lost.status) == ("controller-deleted", Status.FAIL)
    assert isinstance(STEP.body, ProgramDeletion)
    rest = not_tried(replace(STEP, body=replace(STEP.body, component="kuryr-daemon")))
    assert (rest.check, rest.status) == ("daemon-deleted", Status.UNKNOWN)
    alone = not_tried(replace(DRAIN, action=Action.KEEP, because="no other node takes pods"))
    assert (alone.status, alone.evidence) == (Status.SKIP, "no other node takes pods")


def test_what_is_nobodys_is_found_by_checks_that_exist() -> None:
    assert {check.name for check in CHECKS} >= LEFTOVERS


def test_orphans_are_the_victims_of_the_checks_that_find_such() -> None:
    found = [
        Finding(
            check="port-orphaned",
            title="",
            status=Status.WARN,
            evidence="",
            victims=(Victim("port", "1"),),
        ),
        Finding(check="pair-stale", title="", status=Status.WARN, evidence="10.1.0.5 on port 2"),
        Finding(check="pair-twice", title="", status=Status.PASS, evidence="nothing found"),
        Finding(
            check="address-pair",
            title="",
            status=Status.FAIL,
            evidence="",
            victims=(Victim("pod", "p"),),
        ),
    ]
    assert orphans(found) == frozenset(
        {"port 1 (port-orphaned)", "10.1.0.5 on port 2 (pair-stale)"}
    )


@pytest.mark.parametrize("name", sorted(LEFTOVERS))
def test_orphans_that_could_not_be_looked_for_are_not_none(name: str) -> None:
    first = Finding(check=name, title="", status=Status.UNKNOWN, evidence="")
    other = Finding(
        check="quota-neutron", title="", status=Status.UNKNOWN, evidence="", effects=(name,)
    )
    assert orphans([first]) is None
    assert orphans([other]) is None
    assert orphans([replace(other, effects=())]) == frozenset()
