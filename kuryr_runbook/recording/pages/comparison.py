"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kuryr_runbook.model.plan import Change
from kuryr_runbook.recording.pages.frame import cut, folded, page, table

MOST = 300
"""Rows of a table; `records diff` shows the rest."""
FEW = 20
"""Rows of a table that is open from the start."""


def render_comparison(before: str, after: str, found: Mapping[str, Sequence[Change]]) -> str:
    """What differs between two runs, a table for each subject; names of runs are its columns."""
    if not found:
        return f"<p>{cut(before, 200)} and {cut(after, 200)} do not differ.</p>\n"
    columns = {"what": "", f"{before} ←": "wide", f"{after} →": "wide"}
    return "".join(
        folded(
            f"{subject}: {len(changes)}",
            table(subject, columns, map(_row, changes[:MOST])),
            is_open=len(changes) <= FEW,
        )
        for subject, changes in found.items()
    )


def _row(change: Change) -> Sequence[str]:
    return cut(change.field, 500), cut(change.before), cut(change.after)


def comparison_page(before: str, after: str, found: Mapping[str, Sequence[Change]]) -> str:
    """The same as a page of its own."""
    return page(f"{before} and {after}", (), render_comparison(before, after, found))
