"""A run that goes on where another stopped: what is done is asked for its plan, and not trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runs.small import FIRST, SECOND, execute, write_notebook
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB, lab_site

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.phases.catalogue import TEARDOWN, PhaseEntry
from kuryr_runbook.recording.records import read_record
from kuryr_runbook.running.account import read_run
from kuryr_runbook.running.request import RunResult
from kuryr_runbook.running.resuming import last_stopped

PLAN = """
from kuryr_runbook.display.plans import plan_view
from kuryr_runbook.model.plan import Action, Plan, Step, Target

action = Action(Path("action").read_text())
step = Step(action=action, target=Target("subnet", "pods"), because="of a test")
plan_view(Plan(phase="image_build", steps=(step,)))
"""
APPLY = """
if not dry_run:
    with Path("applied").open("a") as file:
        file.write("x")
"""
Start = Callable[..., RunResult]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    first = f"from pathlib import Path\n{PLAN}"
    write_notebook(tmp_path / "notebooks" / FIRST.notebook, first, APPLY)
    (tmp_path / "action").write_text("create")

    def start(second: str = "1 / 0", *phases: PhaseEntry, **how: object) -> RunResult:
        write_notebook(tmp_path / "notebooks" / SECOND.notebook, second)
        options: dict[str, Any] = dict(
            notebooks=tmp_path / "notebooks", leases=lambda site: MemoryLeases(), **how
        )
        return execute(LAB, phases or (FIRST, SECOND), **options)

    return start


def resume(start: Start) -> RunResult:
    stopped = last_stopped(lab_site())
    return start("1", *stopped.phases, recheck=stopped.done)


def statuses(result: RunResult) -> list[str]:
    return [phase["status"] for phase in read_run(result.directory)["phases"]]


def test_a_phase_that_is_done_and_needs_nothing_is_not_run_again(
    start: Start, tmp_path: Path
) -> None:
    assert statuses(start()) == ["SUCCEEDED", "FAILED"]
    (tmp_path / "action").write_text("keep")
    result = resume(start)
    assert result.exit_code == 0
    assert statuses(result) == ["UNCHANGED", "SUCCEEDED"]
    assert (tmp_path / "applied").read_text() == "x"
    phase = read_record(result.directory).predicate["phases"][0]
    assert phase["plan"]["counts"] == {"keep": 1}


def test_a_phase_whose_plan_has_changes_is_run_again_and_both_are_kept(
    start: Start, tmp_path: Path
) -> None:
    start()
    result = resume(start)
    assert statuses(result) == ["SUCCEEDED", "SUCCEEDED"]
    assert (tmp_path / "applied").read_text() == "xx"
    names = {path.name for path in result.directory.iterdir()}
    assert {FIRST.notebook, f"{FIRST.stem}.recheck.ipynb", f"{FIRST.stem}.recheck.html"} <= names
    cells = read_run(result.directory)["phases"][0]["cells"]
    assert {cell["status"] for cell in cells} == {"RAN"}


def test_a_phase_whose_plan_cannot_be_made_fails(start: Start, tmp_path: Path) -> None:
    start()
    (tmp_path / "action").write_text("no such action")
    result = resume(start)
    assert result.exit_code == 1
    assert statuses(result) == ["FAILED", "NOT_REACHED"]


def test_a_resumed_run_that_stops_can_be_resumed(start: Start, tmp_path: Path) -> None:
    start()
    (tmp_path / "action").write_text("keep")
    stopped = last_stopped(lab_site())
    start("1 / 0", *stopped.phases, recheck=stopped.done)
    stopped = last_stopped(lab_site())
    assert stopped.done == {FIRST.name}
    assert stopped.phases == (FIRST, SECOND)


def test_dry_runs_are_passed_over(start: Start, tmp_path: Path) -> None:
    failed = start()
    start("1", dry_run=True)
    assert last_stopped(lab_site()).directory == failed.directory


def test_without_a_run_that_stopped_there_is_nothing_to_resume(
    start: Start, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="there is no run of lab"):
        last_stopped(lab_site())
    start("1")
    with pytest.raises(UsageError, match="is SUCCEEDED"):
        last_stopped(lab_site())


def test_a_teardown_is_not_gone_on_with(start: Start, tmp_path: Path) -> None:
    write_notebook(tmp_path / "notebooks" / TEARDOWN.notebook, "1 / 0")
    start("1", TEARDOWN)
    with pytest.raises(UsageError, match="of teardown, is FAILED"):
        last_stopped(lab_site())
