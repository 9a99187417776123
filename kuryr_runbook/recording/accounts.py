"""Reads the accounts that runs keep of themselves, also of runs that have no record yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.files import read_json
from kuryr_runbook.clients.lock_files import is_held
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import FileError, RecordError
from kuryr_runbook.recording.standing import ACCOUNT, STAMPED

RUNNING, LOST = "RUNNING", "LOST"
NOT_REACHED = "NOT_REACHED"


def read_account(directory: Path) -> dict[str, Any]:
    """A run's account, of which only the status is sure to be there.

    RUNNING becomes LOST if its process is gone. Raises RecordError.
    """
    path = directory / ACCOUNT
    try:
        account = mapping(read_json(path, "account"), str(path))
    except FileError as error:
        raise RecordError(error.message) from error
    if not isinstance(account.get("status"), str):
        raise RecordError(f"{path} is not the account of a run: it has no status")
    if account["status"] == RUNNING and not is_held(directory):
        account["status"] = LOST
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """How a phase ended when it was last run."""

    directory: Path
    """Of the run."""
    started: str
    status: str


def last_runs(runs: Path, phases: frozenset[str]) -> dict[str, LastRun]:
    """The newest run of each phase in a directory of a site's runs, without dry runs.

    Newest first, and no more than are needed.
    """
    found: dict[str, LastRun] = {}
    for directory in _newest_first(runs):
        with suppress(RecordError, OSError):
            account = read_account(directory)
            if not account.get("dry_run"):
                for phase, run in _phases(directory, account):
                    found.setdefault(phase, run)
        if phases <= found.keys():
            break
    return found


def newest_run(runs: Path) -> tuple[Path, dict[str, Any]] | None:
    """The directory and the account of the newest run that could change something; None: no run.

    Raises RecordError if it cannot be read.
    """
    for directory in _newest_first(runs):
        account = read_account(directory)
        if not account.get("dry_run"):
            return directory, account
    return None


def _newest_first(runs: Path) -> list[Path]:
    try:
        stamped = [path for path in runs.iterdir() if STAMPED.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(stamped, key=lambda path: _order(path.name), reverse=True)


def _order(name: str) -> tuple[str, int]:
    stamp, _, number = name.partition("-")
    return stamp, int(number or 1)


def _phases(directory: Path, account: Mapping[str, Any]) -> Iterator[tuple[str, LastRun]]:
    phases = account.get("phases")
    for phase in phases if isinstance(phases, list) else ():
        if not isinstance(phase, dict) or phase.get("status") in (NOT_REACHED, None):
            continue
        status = str(phase["status"])
        lost = status == RUNNING and account["status"] == LOST
        yield (
            str(phase.get("phase")),
            LastRun(
                directory=directory,
                started=str(phase.get("started") or account.get("started") or ""),
                status=LOST if lost else status,
            ),
        )
