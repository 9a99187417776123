"""The command `rotate-credentials`: its exit status, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB

from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target
from kuryr_runbook.phases.controller import Rotation
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.recording.records import read_record
from kuryr_runbook.running.resuming import last_stopped


def step(action: Action) -> Step:
    target = Target("Secret", "kube-system/kuryr-config")
    return Step(action=action, target=target, because="it differs")


def rotate(*options: str) -> Result:
    return CliRunner().invoke(main, ["rotate-credentials", "--site", str(LAB), *options])


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Step], None]:
    """Lets the rotation plan this step."""

    def plan(step: Step) -> None:
        made = Plan(phase=Rotation.name, steps=(step,))
        monkeypatch.setattr(Rotation, "make_plan", lambda self: made)

    return plan


@pytest.mark.parametrize(
    ("action", "status", "counted"),
    [(Action.UPDATE, 3, "1 to change"), (Action.KEEP, 0, "nothing to change; 1 as wanted")],
)
def test_a_dry_run_exits_3_when_there_are_changes(
    planned: Callable[[Step], None], action: Action, status: int, counted: str
) -> None:
    planned(step(action))
    told = rotate("--dry-run")
    assert told.exit_code == status
    assert counted in told.stdout


@pytest.mark.usefixtures("own_state")
def test_held_fields_are_taken_as_the_refusal_says(
    planned: Callable[[Step], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Rotation, "leases", MemoryLeases())
    done: list[Plan] = []

    def carry_out(self: Rotation, plan: Plan) -> list[Outcome]:
        done.append(plan)
        return []

    monkeypatch.setattr(Rotation, "carry_out", carry_out)
    monkeypatch.setattr(Rotation, "findings", lambda self: ())
    planned(replace(step(Action.UPDATE), conflicts=(".data (kubectl-edit)",)))
    refused = rotate()
    assert (refused.exit_code, done) == (1, [])
    assert "--force-conflicts" in refused.stderr
    assert rotate("--force-conflicts").exit_code == 0
    assert len(done) == 1
    records = sorted(map(read_record, Path("runs/lab").glob("2*")), key=lambda it: it.order)
    assert [it.predicate["run"]["status"] for it in records] == ["FAILED", "SUCCEEDED"]
    assert "--force-conflicts" in records[0].predicate["phases"][0]["error"]
    assert records[1].predicate["run"]["arguments"] == ["--site", str(LAB), "--force-conflicts"]
    phase = records[1].predicate["phases"][0]
    assert [cell["step"].partition(":")[0] for cell in phase["cells"]] == [
        "Plan of rotate_credentials", "Outcome of rotate_credentials", "rotate_credentials",
    ]  # fmt: skip
    page = (records[1].directory / "index.html").read_text()
    assert "rotate_credentials.html" in page
    assert "--force-conflicts" in page
    assert all("rotate_credentials" in it.predicate["phases"][0]["phase"] for it in records)
    with pytest.raises(UsageError, match="no run of lab"):
        last_stopped(read_site(LAB))
