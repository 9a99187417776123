"""The last run of each phase, from the accounts that runs leave, whatever else is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.recording.accounts import last_runs

BOTH = frozenset({"controller", "daemon"})


def run(place: Path, name: str, *, dry_run: bool = False, **phases: str) -> Path:
    directory = place / name
    directory.mkdir(parents=True)
    running = "RUNNING" in phases.values()
    account: dict[str, Any] = {
        "status": "RUNNING" if running else "SUCCEEDED",
        "dry_run": dry_run,
        "started": f"began {name}",
        "phases": [{"phase": phase, "status": status} for phase, status in phases.items()],
    }
    (directory / "run.json").write_text(json.dumps(account))
    return directory


def ended(place: Path) -> dict[str, tuple[str, str]]:
    return {name: (it.directory.name, it.status) for name, it in last_runs(place, BOTH).items()}


def test_the_newest_counts_and_dry_runs_do_not(tmp_path: Path) -> None:
    run(tmp_path, "20261101T000000Z", controller="SUCCEEDED", daemon="SUCCEEDED")
    run(tmp_path, "20261102T000000Z-2", controller="UNCHANGED", daemon="NOT_REACHED")
    run(tmp_path, "20261102T000000Z-10", controller="FAILED", daemon="NOT_REACHED")
    run(tmp_path, "20261103T000000Z", controller="SUCCEEDED", dry_run=True)
    assert ended(tmp_path) == {
        "controller": ("20261102T000000Z-10", "FAILED"),
        "daemon": ("20261101T000000Z", "SUCCEEDED"),
    }
    assert last_runs(tmp_path, BOTH)["daemon"].started == "began 20261101T000000Z"


def test_a_run_that_died_is_lost_and_one_that_runs_is_running(tmp_path: Path) -> None:
    directory = run(tmp_path, "20261101T000000Z", controller="SUCCEEDED", daemon="RUNNING")
    assert ended(tmp_path)["daemon"][1] == "LOST"
    with held(directory):
        assert ended(tmp_path)["daemon"][1] == "RUNNING"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"status": "FAILED", "phases": [1, {}]}'])
def test_what_is_no_account_is_left_out(tmp_path: Path, content: str) -> None:
    run(tmp_path, "20261101T000000Z", controller="SUCCEEDED")
    bad = run(tmp_path, "20261102T000000Z")
    (bad / "run.json").write_text(content)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "20261103T000000Z").mkdir()
    assert ended(tmp_path) == {"controller": ("20261101T000000Z", "SUCCEEDED")}


def test_without_runs_there_is_none(tmp_path: Path) -> None:
    assert last_runs(tmp_path / "none", BOTH) == {}
