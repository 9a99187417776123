"""Unexpected errors: one line for the operator, and a file with the rest for a bug report."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.visible import one_line

LONGEST = 300


def unforeseen(
    error: BaseException, directory: Path, redacted: Callable[[str], str]
) -> RunbookError:
    """The error to show instead of one that nobody expected.

    Its traceback goes to a new file in the directory, readable by its owner only. `redacted`
    removes the secrets from a text.
    """
    summary = one_line(redacted(f"{type(error).__name__}: {error}"))[:LONGEST]
    text = redacted("".join(traceback.format_exception(error)))
    path = directory / f"error-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.txt"
    try:
        make_directory(directory)
        write_file(path, text)
    except RunbookError as failure:
        return RunbookError(
            f"a bug in the runbook: {summary} (its traceback could not be saved: "
            f"{failure.message})",
            remedy="report it, and what you did",
        )
    return RunbookError(
        f"a bug in the runbook: {summary}",
        remedy=f"report it with {path}; known secrets were removed from it, but look through it "
        "first",
    )
