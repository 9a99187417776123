"""Draws the boxes of the topology: name, lines, and the marks of findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from kuryr_runbook.display.drawing import Area, Font, clean, group, rectangle, words
from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.model.findings import GRAVITY, Status
from kuryr_runbook.model.topology import Box, Line, Mark


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of the drawing that is about a finding."""

    area: Area
    number: int
    """Of the finding."""
    is_note: bool = False
    """Whether it is the finding's own line below the drawing."""


@dataclass(frozen=True, slots=True)
class Legend:
    """What the marks mean, and where they have been drawn."""

    hints: Mapping[int, str]
    """The text of each finding, by its number."""
    spots: list[Spot] = field(default_factory=list)
    """In the order of drawing: later ones are on top."""

    def mark(self, area: Area, marks: Iterable[Mark], *, is_note: bool = False) -> None:
        """Remember that something with these marks is there: it is about the gravest finding."""
        gravest = min(marks, key=lambda mark: GRAVITY.index(mark.status), default=None)
        if gravest is not None:
            self.spots.append(Spot(area, gravest.number, is_note))


PAD, LINE, HEAD, INDENT, SPACE = 10, 17, 32, 10, 8
NAME, KIND = Font("kt-name", 13, bold=True), Font("kt-kind", 12)
TEXT, END, MARK = Font("kt-text", 12), Font("kt-end", 12), Font("kt-mark", 11, bold=True)
KINDS = {Status.FAIL: "kt-fail", Status.WARN: "kt-warn", Status.UNKNOWN: "kt-unknown"}
CHIPS = 3
"""Marks in a line; the number of further ones is shown beside them."""
CHIP_HEIGHT, CHIP_GAP = 15, 4
HINTED = 50
"""How many of those a hint names."""
MOST_FOR_MARKS = 0.6
"""The part of a line that its marks may take."""


def mark_text(mark: Mark) -> str:
    """A mark as text: the sign of its status and the number of its note."""
    times = f" x{mark.count:,}" if mark.count > 1 else ""
    return f"{SIGNS[mark.status][0]}{mark.number}{times}"


def box_height(box: Box, width: float, columns: int = 1) -> float:
    """The height of a box of that width whose lines are in so many columns."""
    name = NAME.wrapped(clean(box.name), width - 2 * PAD)
    lines = sum(_heights(box.lines, _line_width(width, columns), columns))
    return PAD + HEAD + LINE * (len(name) - 1) + lines + PAD / 2


def draw_box(parent: Element, box: Box, area: Area, legend: Legend, columns: int = 1) -> None:
    """Draw the box in an area that is high enough for it."""
    here = group(parent, f"{box.what} {box.name}")
    rectangle(here, area, _kind(box.all_marks))
    legend.mark(area, box.all_marks)
    left, baseline = area.x + PAD, area.y + PAD + 8
    room = area.width - 2 * PAD
    right = draw_marks(here, box.marks, (area.right - PAD, baseline + 2), room, legend)
    words(here, (left, baseline), KIND.fitted(clean(box.what), right - left), KIND)
    for part in NAME.wrapped(clean(box.name), room):
        baseline += LINE
        words(here, (left, baseline), part, NAME)
    width = _line_width(area.width, columns)
    top = baseline + HEAD - LINE - 8
    heights = _heights(box.lines, width, columns)
    for index, line in enumerate(box.lines):
        row, column = divmod(index, columns)
        x, y = left + column * (width + 2 * PAD), top + sum(heights[:row])
        draw_line(here, line, Area(x, y, width, heights[row]), legend)


def _line_width(width: float, columns: int) -> float:
    """The width of each line in a box of that width."""
    return (width - 2 * PAD - (columns - 1) * 2 * PAD) / columns


def _heights(lines: Sequence[Line], width: float, columns: int) -> list[float]:
    """The height of each row of lines."""
    rows = [LINE * len(_rows(line, width)) for line in lines]
    return [max(rows[first : first + columns]) for first in range(0, len(rows), columns)]


def draw_line(parent: Element, line: Line, area: Area, legend: Legend) -> None:
    """Draw a line: its text at the left, its end and its marks at the right."""
    left, baseline = area.x + INDENT * line.depth, area.y + 12
    here = group(parent, line.hint or f"{clean(line.text)} {clean(line.end)}")
    right = draw_marks(here, line.marks, (area.right, baseline), area.width, legend)
    legend.mark(area, line.marks)
    for row, (text, end) in enumerate(_rows(line, area.width)):
        below = baseline + row * LINE
        words(here, (right, below), end, END, anchor="end")
        words(here, (left, below), text, TEXT)


def _rows(line: Line, width: float) -> list[tuple[str, str]]:
    """The text and the end of each row: names are told apart by any part, so they are wrapped."""
    text, end = clean(line.text), clean(line.end)
    room = width - INDENT * line.depth - _marks_width(line.marks, width)
    *above, last = TEXT.wrapped(text, room)
    beside = room - TEXT.width(last) - SPACE
    rows = (
        [(last, end)]
        if END.width(end) <= beside or not end
        else [(last, ""), ("", END.fitted(end, room))]
    )
    return [*((it, "") for it in above), *rows]


def draw_marks(
    parent: Element, marks: Sequence[Mark], end: tuple[float, float], room: float, legend: Legend
) -> float:
    """Draw marks that end there. Returns where anything to their left has to end."""
    right, baseline = end
    shown = _shown(marks, room)
    if more := _more(marks, shown):
        numbers = ", ".join(str(mark.number) for mark in marks[:HINTED] if mark not in shown)
        right = _chip(parent, more, "kt-box", (right, baseline), f"also {numbers}")
    for mark in reversed(shown):
        hint = legend.hints.get(mark.number, "")
        end = (right, baseline)
        legend.mark(_chip_area(mark_text(mark), end), (mark,))
        right = _chip(parent, mark_text(mark), KINDS[mark.status], end, hint)
    return right - SPACE if marks else right


def _shown(marks: Sequence[Mark], room: float) -> list[Mark]:
    """The gravest marks that have room."""
    shown = sorted(marks, key=lambda mark: GRAVITY.index(mark.status))[:CHIPS]
    while shown and sum(_chip_width(mark_text(mark)) for mark in shown) > room * MOST_FOR_MARKS:
        shown.pop()
    return shown


def _more(marks: Sequence[Mark], shown: Sequence[Mark]) -> str:
    return f"+{len(marks) - len(shown)}" if len(marks) > len(shown) else ""


def _marks_width(marks: Sequence[Mark], room: float) -> float:
    """What marks take of a line, with the space to their left."""
    shown = _shown(marks, room)
    texts = [*map(mark_text, shown), *filter(None, [_more(marks, shown)])]
    return sum(_chip_width(it) + CHIP_GAP for it in texts) + SPACE if texts else 0


def _chip_width(text: str) -> float:
    return MARK.width(text) + 8


def _chip_area(text: str, end: tuple[float, float]) -> Area:
    right, baseline = end
    width = _chip_width(text)
    return Area(right - width, baseline - 11.5, width, CHIP_HEIGHT)


def _chip(parent: Element, text: str, kind: str, place: tuple[float, float], hint: str) -> float:
    """Draw a mark that ends at the place. Returns where the one to its left has to end."""
    area, baseline = _chip_area(text, place), place[1]
    here = group(parent, hint)
    rectangle(here, area, kind, radius=3)
    words(here, (area.middle, baseline), text, MARK, anchor="middle")
    return area.x - CHIP_GAP


def _kind(marks: Iterable[Mark]) -> str:
    gravest = min((GRAVITY.index(mark.status) for mark in marks), default=len(GRAVITY))
    return KINDS[GRAVITY[gravest]] if gravest < len(GRAVITY) else "kt-box"
