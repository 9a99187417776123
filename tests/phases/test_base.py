"""What all phases have in common, with a phase that only remembers what it was asked."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from memory_leases import HeldLeases, MemoryLeases

from kuryr_runbook.model.errors import (
    CheckError,
    EarlierPhaseError,
    LockedError,
    SiteError,
    UnknownError,
    UnreachableError,
)
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases import keeping
from kuryr_runbook.phases.base import SITE_VARIABLE, Phase, chosen_site, judged
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN

LAB = Path(__file__).parents[2] / "parameters" / "lab.yaml"
SECTIONS = yaml.safe_load(LAB.read_text())


class Remembering(Phase):
    name = "remembering"
    error: Exception | None = None
    held_by = ""

    def make_plan(self) -> Plan:
        if self.error:
            raise self.error
        return Plan(phase=self.name, steps=())

    def carry_out(self, plan: Plan) -> list[Outcome]:
        self.carried_out = True
        self.held_by = str(self.leases.read())
        return []

    def findings(self) -> Iterable[Finding]:
        raise AssertionError("not to be asked in a dry run")


def finding(status: Status) -> Finding:
    return Finding(check="c", title="t", status=status, evidence="seen", remedy="do this")


def test_a_dry_run_plans_and_neither_applies_nor_checks() -> None:
    phase = Remembering(dry_run=True, **SECTIONS)
    phase.plan()
    phase.apply()
    phase.check()
    assert not hasattr(phase, "carried_out")


def test_apply_holds_the_lock_of_the_site_and_names_itself() -> None:
    phase = Remembering(**SECTIONS)
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
    monkeypatch.setattr(keeping, "LOOK_SECONDS", 0.0)
    phase = Remembering(**SECTIONS)
    phase.leases = HeldLeases()
    with pytest.raises(LockedError, match="host-other"):
        phase.apply()
    assert not hasattr(phase, "carried_out")


def test_without_a_cluster_only_the_image_build_is_applied() -> None:
    assert [entry.name for entry in (*PHASES, TEARDOWN) if not entry.load().needs_cluster] == [
        "image_build"
    ]
    phase = Remembering(**SECTIONS)
    phase.leases = MemoryLeases()
    phase.leases.error = UnreachableError("the API server does not answer")
    with pytest.raises(UnreachableError):
        phase.apply()
    assert not hasattr(phase, "carried_out")


def test_a_dry_run_says_what_an_earlier_phase_has_to_make() -> None:
    phase = Remembering(dry_run=True, **SECTIONS)
    phase.error = EarlierPhaseError("no ids yet", remedy="run phase openstack_prep first")
    shown = str(phase.plan())
    assert "no ids yet" in shown
    assert "run phase openstack_prep first" in shown


def test_a_real_run_stops_where_an_earlier_phase_has_work_left() -> None:
    phase = Remembering(**SECTIONS)
    phase.error = EarlierPhaseError("no ids yet")
    with pytest.raises(EarlierPhaseError):
        phase.plan()


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


def test_the_variable_names_a_site_when_no_parameter_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(LAB))
    assert chosen_site({"name": "", "openstack": {}}).name == "lab"
    other = {**SECTIONS, "name": "other"}
    assert chosen_site(other).name == "other"


def test_a_missing_site_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, "/nonexistent/site.yaml")
    with pytest.raises(SiteError, match=r"/nonexistent/site\.yaml: cannot be read"):
        chosen_site({})
