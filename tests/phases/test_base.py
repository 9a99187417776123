"""What all phases have in common, with a phase that only remembers what it was asked."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from worlds.memory_leases import HeldLeases, MemoryLeases
from worlds.sites import lab_site

from kuryr_runbook.model.approval import site_document
from kuryr_runbook.model.errors import (
    CheckError,
    DriftError,
    EarlierPhaseError,
    LockedError,
    UnknownError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, field_changes
from kuryr_runbook.phases.approval import write_document
from kuryr_runbook.phases.base import Phase, judged
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN
from kuryr_runbook.phases.lock import lease

SITE = lab_site()


class Remembering(Phase):
    name = "remembering"
    leases = MemoryLeases()
    error: Exception | None = None
    steps: tuple[Step, ...] = ()
    carried_out: tuple[Step, ...] | None = None
    held_by = ""

    def make_plan(self) -> Plan:
        if self.error:
            raise self.error
        return Plan(phase=self.name, steps=self.steps)

    def carry_out(self, plan: Plan) -> list[Outcome]:
        self.carried_out = plan.steps
        self.held_by = str(self.leases.read())
        return []

    def findings(self) -> Iterable[Finding]:
        raise AssertionError("not to be asked in a dry run")


def finding(status: Status) -> Finding:
    return Finding(check="c", title="t", status=status, evidence="seen", remedy="do this")


def test_a_dry_run_plans_and_neither_applies_nor_checks() -> None:
    phase = Remembering(SITE, dry_run=True)
    phase.plan()
    phase.apply()
    phase.check()
    assert phase.carried_out is None


def test_apply_holds_the_lock_of_the_site_and_names_itself() -> None:
    phase = Remembering(SITE)
    phase.leases = MemoryLeases()
    phase.plan()
    assert phase.leases.read() is None
    phase.apply()
    assert f"pid {os.getpid()}" in phase.held_by
    assert f"`phase.apply() of remembering` in {Path.cwd()}" in phase.held_by
    assert phase.leases.read() is None


def test_apply_does_nothing_while_another_run_has_the_site(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.0)
    phase = Remembering(SITE)
    phase.leases = HeldLeases()
    with pytest.raises(LockedError, match="host-other"):
        phase.apply()
    assert phase.carried_out is None


def test_without_a_cluster_only_the_image_build_is_applied() -> None:
    assert [entry.name for entry in (*PHASES, TEARDOWN) if not entry.needs_cluster] == [
        "preflight",
        "image_build",
    ]
    phase = Remembering(SITE)
    phase.leases = MemoryLeases()
    phase.leases.error = UnreachableError("the API server does not answer")
    with pytest.raises(UnreachableError):
        phase.apply()
    assert phase.carried_out is None


def test_a_real_run_stops_where_an_earlier_phase_has_work_left() -> None:
    phase = Remembering(SITE)
    phase.error = EarlierPhaseError("no ids yet")
    with pytest.raises(EarlierPhaseError):
        phase.plan()


def creation(name: str, **fields: object) -> Step:
    return Step(
        action=Action.CREATE,
        target=Target("subnet", name),
        because="there is none",
        body=fields,
        changes=field_changes(fields),
    )


def test_within_a_run_a_fresh_plan_is_carried_out_as_it_was_shown() -> None:
    phase = Remembering(SITE)
    phase.steps = (creation("a"),)
    with phase.locked():
        phase.plan()
        phase.steps = ()
        phase.apply()
    assert phase.carried_out == (creation("a"),)


def test_what_another_run_did_after_the_plan_is_not_done_again() -> None:
    phase = Remembering(SITE)
    phase.steps = (creation("a"), creation("b"))
    phase.plan()
    phase.steps = (creation("b"),)
    phase.apply()
    assert phase.carried_out == (creation("b"),)


@pytest.fixture
def an_hour_passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    now = time.monotonic()
    return lambda: monkeypatch.setattr("time.monotonic", lambda: now + 3600)


def test_a_plan_shown_a_while_ago_is_made_anew(an_hour_passes: Callable[[], None]) -> None:
    phase = Remembering(SITE)
    phase.steps = (creation("a"), creation("b"))
    phase.plan()
    phase.steps = (creation("b"),)
    an_hour_passes()
    phase.apply()
    assert phase.carried_out == (creation("b"),)


def test_more_than_was_shown_is_not_done(an_hour_passes: Callable[[], None]) -> None:
    phase = Remembering(SITE)
    phase.steps = (creation("a"),)
    phase.plan()
    phase.steps = (creation("a"), creation("b"))
    an_hour_passes()
    with pytest.raises(DriftError, match="create subnet b: there is none"):
        phase.apply()
    assert phase.carried_out is None


def saved(path: Path, *steps: Step, phase: Remembering) -> Path:
    plan = Plan(phase=phase.name, steps=steps)
    document = site_document(phase.site, [plan], made_at="2026-01-01T00:00:00Z", version="1")
    write_document(document, path)
    return path


def test_an_approved_plan_is_all_that_is_done(tmp_path: Path) -> None:
    path = saved(tmp_path / "plan.json", creation("a", cidr="1"), phase=Remembering(SITE))
    phase = Remembering(SITE, options=Options(approved_plan=path))
    phase.steps = (creation("a", cidr="1"),)
    phase.plan()
    phase.apply()
    assert phase.carried_out == (creation("a", cidr="1"),)
    phase.steps = (creation("a", cidr="2"),)
    with pytest.raises(DriftError, match="not in the plan that was approved"):
        phase.plan()


def test_an_approved_plan_of_another_site_is_refused(tmp_path: Path) -> None:
    other = Remembering(SITE.model_copy(update={"name": "other"}))
    path = saved(tmp_path / "plan.json", phase=other)
    phase = Remembering(SITE, options=Options(approved_plan=path))
    with pytest.raises(UsageError, match="was made for site other"):
        phase.plan()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "x", "phases": [], "site_digest": ""}']
)
def test_what_is_no_saved_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    phase = Remembering(SITE, options=Options(approved_plan=tmp_path / "plan.json"))
    with pytest.raises(UsageError, match=r"the saved plan \S+plan\.json(:| is not| does not) "):
        phase.plan()


def test_fields_of_another_manager_are_taken_over_only_on_request() -> None:
    held = replace(creation("a"), conflicts=(".data (kubectl-edit)",))
    phase = Remembering(SITE)
    phase.steps = (held,)
    assert "held by another manager" in str(phase.plan())
    with pytest.raises(DriftError, match=r"subnet a: \.data \(kubectl-edit\)"):
        phase.apply()
    assert phase.carried_out is None
    forcing = Remembering(SITE, options=Options(force_conflicts=True))
    forcing.steps = (held,)
    forcing.plan()
    forcing.apply()
    assert forcing.carried_out == (held,)


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((Status.PASS, Status.FAIL, Status.UNKNOWN), CheckError),
        ((Status.PASS, Status.UNKNOWN, Status.WARN), UnknownError),
    ],
)
def test_what_failed_decides_and_could_not_look_is_no_pass(
    statuses: tuple[Status, ...], error: type[Exception]
) -> None:
    with pytest.raises(error, match="seen"):
        judged("phase", [finding(status) for status in statuses])


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN, Status.SKIP])
def test_the_rest_passes(status: Status) -> None:
    assert status in str(judged("phase", [finding(status)]))
