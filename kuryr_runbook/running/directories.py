"""Chooses and makes the directory of a run."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import RecordError, UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.recording.standing import LATEST, RUNS


def free_directory(site: Site, wanted: Path | None) -> Path:
    """The path for the run's directory, which is made once the run has the site's lock.

    Raises UsageError when it exists and is not empty.
    """
    try:
        if wanted is None:
            return _next_directory(RUNS.absolute() / site.name)
        directory = wanted.absolute()
        if directory.exists() and any(directory.iterdir()):
            raise UsageError(
                f"{directory} is not empty: a run needs its own directory",
                remedy="choose another --run-dir, or omit it",
            )
    except OSError as error:
        raise RecordError(f"{error.filename} cannot be read: {error.strerror}") from error
    return directory


def _next_directory(runs: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    taken = [path for path in runs.glob(f"{stamp}*") if path.is_dir()]
    return runs / (f"{stamp}-{len(taken) + 1}" if taken else stamp)


def make_run_directory(directory: Path, *, newest: bool) -> None:
    """Make the run's directory, and if `newest`, write its name to the site's `latest.txt`."""
    if newest:
        make_directory(directory.parent, failure=RecordError)
        if os.path.lexists(directory):
            raise RecordError(
                f"{directory} already exists",
                remedy="run again: a new name is used every second",
            )
    make_directory(directory, failure=RecordError)
    if newest:
        write_file(directory.parent / LATEST, f"{directory.name}\n", failure=RecordError)
