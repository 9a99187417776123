"""How sites are, by the runs that they have left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.model.fleet import Member, SiteAnswer
from kuryr_runbook.running.account import PhaseAccount, RunAccount, RunStatus
from kuryr_runbook.running.fleet.members import Fleet
from kuryr_runbook.running.fleet.standing import standing_of, standings_of

MEMBER = Member(file=Path("a.yaml"), name="a", release="stein")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(name: str, status: RunStatus, *phases: RunStatus, dry_run: bool = False) -> Path:
    directory = Path("runs/a") / name
    directory.mkdir(parents=True)
    names = ("preflight", "image_build", "openstack_prep")
    RunAccount(
        site="a",
        site_file="a.yaml",
        dry_run=dry_run,
        pid=1,
        version="1",
        started="2026-11-30T09:00:00+00:00",
        status=status,
        phases=[
            PhaseAccount(
                phase=phase,
                notebook=f"{phase}.ipynb",
                status=it,
                error="it broke" if it is RunStatus.FAILED else None,
            )
            for phase, it in zip(names, phases, strict=False)
        ],
    ).write(directory)
    return directory


def test_a_site_that_was_never_run_is_fine() -> None:
    found = standing_of(MEMBER)
    assert (found.status, found.run, found.exit_code) == ("", None, ExitCode.DONE)
    assert (found.site, found.release) == ("a", "stein")


def test_the_newest_run_counts_and_dry_runs_do_not() -> None:
    run("20261130T090000Z", RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
    newest = run("20261130T090000Z-2", RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.FAILED)
    run("20261130T100000Z", RunStatus.SUCCEEDED, dry_run=True)
    found = standing_of(MEMBER)
    assert found.run is not None
    assert found.run == newest.absolute()
    assert (found.status, found.phase, found.error) == ("FAILED", "image_build", "it broke")
    assert found.exit_code is ExitCode.FAILED


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCEEDED, ExitCode.DONE),
        (RunStatus.FAILED, ExitCode.FAILED),
        (RunStatus.INTERRUPTED, ExitCode.FAILED),
    ],
)
def test_what_did_not_succeed_is_a_failure(status: RunStatus, code: ExitCode) -> None:
    run("20261130T090000Z", status, status)
    assert standing_of(MEMBER).exit_code is code


def test_a_run_is_running_as_long_as_its_process_lives() -> None:
    directory = run("20261130T090000Z", RunStatus.RUNNING, RunStatus.SUCCEEDED, RunStatus.RUNNING)
    with held(directory.absolute()):
        alive = standing_of(MEMBER)
    assert (alive.status, alive.phase, alive.exit_code) == (
        "RUNNING", "image_build", ExitCode.DONE
    )  # fmt: skip
    lost = standing_of(MEMBER)
    assert (lost.status, lost.exit_code) == ("LOST", ExitCode.FAILED)


def test_a_broken_account_is_an_error_of_that_site() -> None:
    directory = run("20261130T090000Z", RunStatus.SUCCEEDED)
    (directory / "run.json").write_text("{")
    found = standing_of(MEMBER)
    assert found.exit_code is ExitCode.FAILED
    assert "run.json" in found.error


@pytest.mark.parametrize("phases", [5, "x", {"phase": 1}, [5], [{"status": "FAILED"}], None])
def test_an_account_of_another_shape_is_that_of_a_run_without_phases(phases: object) -> None:
    directory = run("20261130T090000Z", RunStatus.FAILED)
    (directory / "run.json").write_text(json.dumps({"status": "FAILED", "phases": phases}))
    found = standing_of(MEMBER)
    assert (found.status, found.phase, found.error) == ("FAILED", "", "")


def test_broken_files_stand_in_their_place() -> None:
    bad = Path("bad.yaml")
    broken = SiteAnswer(site="", file=bad, status=ExitCode.USAGE, error="no site")
    fleet = Fleet(files=(bad, MEMBER.file), members=(MEMBER,), broken=(broken,))
    found = standings_of(fleet)
    assert [(it.file, it.exit_code) for it in found] == [
        (bad, ExitCode.USAGE),
        (MEMBER.file, ExitCode.DONE),
    ]
