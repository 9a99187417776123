"""run.json: our own account of a run, started before its first cell.

It is always written as a whole, to a temporary file that is then renamed, so readers never see
half of it. A run that died leaves RUNNING behind; readers show it as LOST, since nobody holds
the lock on its directory any more.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.accounts import read_account
from kuryr_runbook.recording.standing import ACCOUNT

FILE = ACCOUNT


class RunStatus(StrEnum):
    """The status of a run, or of one of its phases."""

    NOT_REACHED = "NOT_REACHED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    UNCHANGED = "UNCHANGED"
    """A phase that an earlier run has done, and whose plan has no changes."""
    INTERRUPTED = "INTERRUPTED"
    LOST = "LOST"
    """Never written: readers show it instead of RUNNING when the process is gone."""


DONE = (RunStatus.SUCCEEDED, RunStatus.UNCHANGED)
"""How a phase ends that the next one may follow."""


class CellStatus(StrEnum):
    """The status of a code cell."""

    NOT_REACHED = "NOT_REACHED"
    RAN = "RAN"
    FAILED = "FAILED"


@dataclass(slots=True)
class CellAccount:
    """One code cell."""

    id: str
    step: str
    """The heading above it."""
    status: CellStatus = CellStatus.NOT_REACHED
    started: str | None = None
    ended: str | None = None


@dataclass(slots=True, kw_only=True)
class PhaseAccount:
    """One phase of a run."""

    phase: str
    notebook: str
    """File name of the executed notebook, in the run's directory."""
    status: RunStatus = RunStatus.NOT_REACHED
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    error: str | None = None
    cells: list[CellAccount] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class RunAccount:
    """One run."""

    site: str
    site_file: str
    dry_run: bool
    pid: int
    version: str
    """Version of kuryr-runbook."""
    started: str
    ended: str | None = None
    status: RunStatus = RunStatus.RUNNING
    phases: list[PhaseAccount] = field(default_factory=list)

    def write(self, directory: Path) -> None:
        """Replace the directory's run.json. Raises RecordError when it cannot be written."""
        text = f"{json.dumps(asdict(self), indent=2)}\n"
        write_file(directory / FILE, text, failure=RecordError)


def now(timespec: str = "seconds") -> str:
    """The time in UTC, to the second unless something more exact is wanted."""
    return datetime.now(UTC).isoformat(timespec=timespec)


def read_run(directory: Path) -> dict[str, Any]:
    """A run's account, of which only the status is sure to be there.

    RUNNING becomes LOST if its process is gone. Raises RecordError.
    """
    return read_account(directory)


def read_whole_run(directory: Path) -> dict[str, Any]:
    """A run's account, checked to be complete. Raises RecordError."""
    account = read_run(directory)
    try:
        TypeAdapter(RunAccount).validate_python(account)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordError(
            f"{directory / FILE} is not the account of a run: {where}: {first['msg']}"
        ) from error
    return account
