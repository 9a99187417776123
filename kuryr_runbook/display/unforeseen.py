"""Unexpected errors: one line for the operator, and a file with the rest for a bug report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.visible import one_line

LONGEST = 300


def unforeseen(
    summary: str, details: str, path: Path, redacted: Callable[[str], str]
) -> RunbookError:
    """The error to show instead of one that nobody expected.

    The details, its traceback, go to a file that its owner alone can read. `redacted` removes the
    secrets from a text.
    """
    summary = one_line(redacted(summary))[:LONGEST]
    try:
        make_directory(path.parent)
        write_file(path, redacted(details))
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
