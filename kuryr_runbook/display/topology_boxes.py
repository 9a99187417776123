"""Draws the boxes of the topology: name, lines, and the marks of findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from xml.etree.ElementTree import Element

from kuryr_runbook.display.drawing import Area, Font, clean, group, rectangle, words
from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.model.findings import GRAVITY, Status
from kuryr_runbook.model.topology import Box, Line, Mark

Hints = Mapping[int, str]
"""The text of each finding, by its number."""

PAD, LINE, HEAD, INDENT, SPACE = 10, 17, 32, 10, 8
NAME, KIND = Font("kt-name", 13, bold=True), Font("kt-kind", 12)
TEXT, END, MARK = Font("kt-text", 12), Font("kt-end", 12), Font("kt-mark", 11, bold=True)
KINDS = {Status.FAIL: "kt-fail", Status.WARN: "kt-warn", Status.UNKNOWN: "kt-unknown"}
CHIPS = 3
"""Marks in a line; the number of further ones is shown beside them."""
CHIP_HEIGHT = 15
HINTED = 50
"""How many of those a hint names."""
MOST_FOR_MARKS = 0.6
"""The part of a line that its marks may take."""
LEAST_FOR_END = 0.4
"""The part of a line that its end may take, however long its text is."""


def mark_text(mark: Mark) -> str:
    """A mark as text: the sign of its status and the number of its note."""
    times = f" x{mark.count:,}" if mark.count > 1 else ""
    return f"{SIGNS[mark.status][0]}{mark.number}{times}"


def box_height(box: Box, columns: int = 1) -> float:
    """The height of a box whose lines are in so many columns."""
    return PAD + HEAD + LINE * ceil(len(box.lines) / columns) + PAD / 2


def draw_box(parent: Element, box: Box, area: Area, hints: Hints, columns: int = 1) -> None:
    """Draw the box in an area that is high enough for it."""
    here = group(parent, f"{box.what} {box.name}")
    rectangle(here, area, _kind(box.all_marks))
    left, baseline = area.x + PAD, area.y + PAD + 8
    room = area.width - 2 * PAD
    right = draw_marks(here, box.marks, (area.right - PAD, baseline + 2), room, hints)
    words(here, (left, baseline), KIND.fitted(clean(box.what), right - left), KIND)
    name = NAME.fitted(clean(box.name), room)
    words(here, (left, baseline + 17), name, NAME)
    width = (room - (columns - 1) * 2 * PAD) / columns
    for index, line in enumerate(box.lines):
        row, column = divmod(index, columns)
        x, y = left + column * (width + 2 * PAD), area.y + PAD + HEAD + row * LINE
        draw_line(here, line, Area(x, y, width, LINE), hints)


def draw_line(parent: Element, line: Line, area: Area, hints: Hints) -> None:
    """Draw a line: its text at the left, its end and its marks at the right."""
    text, end = clean(line.text), clean(line.end)
    left, baseline = area.x + INDENT * line.depth, area.y + 12
    here = group(parent, line.hint or f"{text} {end}")
    right = draw_marks(here, line.marks, (area.right, baseline), area.width, hints)
    if end:
        left_over = right - left - SPACE
        room = max(left_over - TEXT.width(text), left_over * LEAST_FOR_END)
        end = END.fitted(end, room)
        words(here, (right, baseline), end, END, anchor="end")
        right -= END.width(end) + SPACE
    words(here, (left, baseline), TEXT.fitted(text, right - left), TEXT)


def draw_marks(
    parent: Element, marks: Sequence[Mark], end: tuple[float, float], room: float, hints: Hints
) -> float:
    """Draw marks that end there. Returns where anything to their left has to end."""
    right, baseline = end
    shown = sorted(marks, key=lambda mark: GRAVITY.index(mark.status))[:CHIPS]
    while shown and sum(_chip_width(mark_text(mark)) for mark in shown) > room * MOST_FOR_MARKS:
        shown.pop()
    if more := len(marks) - len(shown):
        numbers = ", ".join(str(mark.number) for mark in marks[:HINTED] if mark not in shown)
        right = _chip(parent, f"+{more}", "kt-box", (right, baseline), f"also {numbers}")
    for mark in reversed(shown):
        hint = hints.get(mark.number, "")
        right = _chip(parent, mark_text(mark), KINDS[mark.status], (right, baseline), hint)
    return right - SPACE if marks else right


def _chip_width(text: str) -> float:
    return MARK.width(text) + 8


def _chip(parent: Element, text: str, kind: str, place: tuple[float, float], hint: str) -> float:
    """Draw a mark that ends at the place. Returns where the one to its left has to end."""
    right, baseline = place
    width = _chip_width(text)
    here = group(parent, hint)
    area = Area(right - width, baseline - 11.5, width, CHIP_HEIGHT)
    rectangle(here, area, kind, radius=3)
    words(here, (area.middle, baseline), text, MARK, anchor="middle")
    return area.x - 4


def _kind(marks: Iterable[Mark]) -> str:
    gravest = min((GRAVITY.index(mark.status) for mark in marks), default=len(GRAVITY))
    return KINDS[GRAVITY[gravest]] if gravest < len(GRAVITY) else "kt-box"
