"""The timeline of a run: phases, their cells, and the steps that cells carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from kuryr_runbook.recording.pages.frame import cut, kind_of, table, word

WIDTH = 1000
NARROWEST = 4
"""Units of the shortest bar, which would otherwise not be seen."""
MOST = 400
"""Rows of a timeline; the record has the rest."""
COLUMNS = {"what": "", "status": "nowrap", "begin (UTC)": "nowrap", "s": "nowrap", "": "bar"}


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time."""

    depth: int
    """0 for a phase, 1 for a cell, 2 for a step."""
    name: str
    status: str
    began: datetime
    ended: datetime
    made: str = ""
    """The id of what a step made."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()


def spans(phases: Sequence[Mapping[str, Any]]) -> Iterator[Span]:
    """What has a begin and an end, each phase followed by its cells, each cell by its steps.

    Records of older runbooks have no times of cells and steps.
    """
    for phase in phases:
        whole = _span(0, phase["phase"], phase["status"], phase)
        if whole is None:
            continue
        yield whole
        inner = [_span(1, cell["step"] or cell["id"], cell["status"], cell)
                 for cell in phase.get("cells", ())]  # fmt: skip
        inner += [_step(outcome) for outcome in phase.get("outcomes", ())]
        # The sort is stable: a cell comes before its first step, even if both begin at once.
        yield from sorted((span for span in inner if span), key=lambda span: span.began)


def _step(outcome: Mapping[str, Any]) -> Span | None:
    name = f"{outcome['action']} {outcome['kind']} {outcome['name']}"
    return _span(2, name, outcome["done"], outcome, str(outcome.get("id") or ""))


def _span(
    depth: int, name: str, status: str, times: Mapping[str, Any], made: str = ""
) -> Span | None:
    began, ended = _time(times.get("started")), _time(times.get("ended"))
    if began is None or ended is None:
        return None
    return Span(depth, name, status, began, max(began, ended), made)


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def render_timeline(phases: Sequence[Mapping[str, Any]]) -> str:
    """The table, with a bar for each row; empty if nothing has a time."""
    found = [*spans(phases)]
    if not found:
        return ""
    begin = min(span.began for span in found)
    whole = max((max(span.ended for span in found) - begin).total_seconds(), 0.001)
    rows = (_row(span, (span.began - begin).total_seconds(), whole) for span in found[:MOST])
    more = len(found) - MOST
    note = f'<p class="note">{more} more are in the record.</p>\n' if more > 0 else ""
    return f"{table('Phases, cells and steps', COLUMNS, rows)}{note}"


def _row(span: Span, after: float, whole: float) -> Sequence[str]:
    made = (
        f'<br><span class="note">id</span> <code>{cut(span.made, 100)}</code>' if span.made else ""
    )
    name = f"<b>{cut(span.name, 200)}</b>" if span.depth == 0 else cut(span.name, 200)
    what = f'<div class="depth-{span.depth}">{name}{made}</div>'
    began = escape(span.began.strftime("%H:%M:%S"))
    return what, word(span.status), began, f"{span.seconds:.1f}", _bar(span, after, whole)


def _bar(span: Span, after: float, whole: float) -> str:
    """What the numbers beside it say, for the eye."""
    width = max(span.seconds / whole * WIDTH, NARROWEST)
    left = min(after / whole * WIDTH, WIDTH - width)
    kind = "failed" if kind_of(span.status) == "bad" else "cell" if span.depth == 1 else "whole"
    return (
        f'<svg viewBox="0 0 {WIDTH} 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="back" width="{WIDTH}" height="10"/>'
        f'<rect class="{kind}" x="{left:.0f}" width="{width:.0f}" height="10"/></svg>'
    )
