"""Approval by a person: nothing is changed without it, and it holds for what was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from worlds.memory_leases import MemoryLeases
from worlds.sites import lab_site

from kuryr_runbook.display.asking import Asking
from kuryr_runbook.model.errors import ApprovalError, DriftError
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, field_changes
from kuryr_runbook.phases import approval
from kuryr_runbook.phases.base import Phase

SITE = lab_site()


class Asked(Phase):
    name = "asked"
    leases = MemoryLeases()
    steps: tuple[Step, ...] = ()
    carried_out: tuple[Step, ...] | None = None

    def make_plan(self) -> Plan:
        return Plan(phase=self.name, steps=self.steps)

    def carry_out(self, plan: Plan) -> list[Outcome]:
        self.carried_out = plan.steps
        return []

    def findings(self) -> Iterable[Finding]:
        return ()


class Panel:
    """In the place of the widgets."""

    last: Panel

    def __init__(self, question: str, label: str, approve: Callable[[], str]) -> None:
        self.label, self.press, self.said = label, approve, question
        Panel.last = self

    def end(self, why: str) -> None:
        self.said = why


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "is_interactive", lambda: True)
    monkeypatch.setattr(approval, "ApprovalPanel", Panel)


def creation(name: str) -> Step:
    fields = {"name": name}
    return Step(
        action=Action.CREATE,
        target=Target("subnet", name),
        because="there is none",
        body=fields,
        changes=field_changes(fields),
    )


def asked(*names: str, **how: Any) -> Asked:
    phase = Asked(SITE, **how)
    phase.steps = tuple(creation(name) for name in names)
    return phase


def test_apply_refuses_until_the_plan_is_approved() -> None:
    phase = asked("a", "b")
    assert isinstance(phase.plan(), Asking)
    assert Panel.last.label == "Approve 2 changes for lab"
    with pytest.raises(ApprovalError, match="nothing was changed") as caught:
        phase.apply()
    assert "press Approve" in str(caught.value)
    before = phase.carried_out
    assert before is None
    Panel.last.press()
    phase.apply()
    assert phase.carried_out == phase.steps
    assert "output for the result" in Panel.last.said


def test_apply_without_a_plan_that_was_shown_refuses_too() -> None:
    phase = asked("a")
    with pytest.raises(ApprovalError):
        phase.apply()
    assert phase.carried_out is None


def test_an_approval_is_used_once() -> None:
    phase = asked("a")
    phase.plan()
    Panel.last.press()
    phase.apply()
    with pytest.raises(ApprovalError):
        phase.apply()


def test_another_plan_is_asked_about_anew() -> None:
    phase = asked("a")
    phase.plan()
    first = Panel.last
    first.press()
    phase.plan()
    assert "can no longer be approved" in first.said
    with pytest.raises(ApprovalError):
        phase.apply()


def test_more_than_was_approved_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kuryr_runbook.phases.base.FRESH_SECONDS", -1.0)
    phase = asked("a")
    phase.plan()
    Panel.last.press()
    phase.steps += (creation("b"),)
    with pytest.raises(DriftError, match="create subnet b"):
        phase.apply()
    assert phase.carried_out is None


def test_nothing_to_change_asks_nothing() -> None:
    phase = asked()
    assert not isinstance(phase.plan(), Asking)
    phase.apply()
    assert phase.carried_out == ()


def test_a_dry_run_asks_nothing() -> None:
    phase = asked("a", dry_run=True)
    assert not isinstance(phase.plan(), Asking)
    phase.apply()
    assert phase.carried_out is None


def test_headless_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "is_interactive", lambda: False)
    phase = asked("a")
    assert not isinstance(phase.plan(), Asking)
    phase.apply()
    assert phase.carried_out == phase.steps
