"""The topology as a drawing: networks at the top, then nodes and load balancers, then findings.

Its elements have no ids, so one page can have several drawings, and no meaning depends on a colour
alone. In JupyterLab it uses the theme's colours, elsewhere the reader's preferred scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from kuryr_runbook.display.drawing import Area, Font, clean, group, path, rectangle, words
from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.display.markup import xml_text
from kuryr_runbook.display.topology_boxes import (
    END,
    KIND,
    LINE,
    MARK,
    PAD,
    TEXT,
    Legend,
    Spot,
    box_height,
    draw_box,
    draw_marks,
)
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.topology import Box, Mark, Note, Topology

WIDTH, MARGIN, GAP, HALL = 880, 16, 16, 32
"""In pixels; HALL is the space between two rows, for the lines that join them."""
COLUMN = (WIDTH - 2 * MARGIN - 2 * GAP) / 3
CAPTION = 26
NOTES = 12
"""How many findings are shown; the others are counted."""
TITLE = Font("kt-title", 15, bold=True)
LINKS = {True: "kt-joined", False: "kt-gone", None: "kt-open"}

STYLE = """
.kt{--ink:var(--jp-content-font-color0,#1c1e21);--paper:var(--jp-layout-color0,#fff);
--fail:#d93025;--warn:#c76a15;--unknown:#7b61c9;font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){.kt{--ink:var(--jp-content-font-color0,#e8eaed);
--paper:var(--jp-layout-color0,#17191c)}}
.kt text{fill:var(--ink)}
.kt-spot{position:absolute;border-radius:4px}
.kt-spot:hover,.kt-spot:focus-visible{outline:2px solid;outline-offset:2px}
.kt .kt-title{font-size:15px;font-weight:bold}
.kt .kt-name{font-size:13px;font-weight:bold}
.kt .kt-kind,.kt .kt-text,.kt .kt-end{font-size:12px}
.kt .kt-kind,.kt .kt-end{fill-opacity:.75}
.kt .kt-mark{font-size:11px;font-weight:bold}
.kt-page{fill:var(--paper)}
.kt-area{fill:var(--ink);fill-opacity:.05}
.kt-box{fill:var(--paper);stroke:var(--ink);stroke-opacity:.45}
.kt-joined,.kt-open,.kt-gone{fill:none;stroke:var(--ink);stroke-opacity:.7;stroke-width:2}
.kt-open{stroke-dasharray:2 4}
.kt-gone{stroke:var(--fail);stroke-opacity:1;stroke-dasharray:5 3}
.kt-fail{fill:var(--paper);stroke:var(--fail);stroke-width:2}
.kt-warn{fill:var(--paper);stroke:var(--warn);stroke-width:2}
.kt-unknown{fill:var(--paper);stroke:var(--unknown);stroke-width:2;stroke-dasharray:4 3}
"""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing, and what of it is about findings."""

    svg: str
    height: float
    """In pixels, at its full width."""
    spots: tuple[Spot, ...]


def topology_svg(topology: Topology, title: str) -> str:
    """The drawing, for a page or for a file of its own."""
    return topology_drawing(topology, title).svg


def topology_drawing(topology: Topology, title: str) -> Drawing:
    """The drawing, for a page that leads from it elsewhere."""
    title = clean(title)
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "class": "kt", "role": "img"})
    root.set("aria-label", title)
    SubElement(root, "title").text = title
    SubElement(root, "desc").text = described(topology)
    SubElement(root, "style").text = STYLE
    page = group(root)
    legend = Legend({note.number: f"{note.title}: {note.evidence}" for note in topology.notes})
    below = _header(root, topology, title, legend)
    below = _networks(root, topology, below, legend)
    below = _ground(root, topology, below, legend)
    height = _notes(root, topology.notes, below + GAP, legend) + MARGIN
    rectangle(page, Area(0, 0, WIDTH, height), "kt-page", radius=6)
    root.set("viewBox", f"0 0 {WIDTH} {height:.0f}")
    root.set("width", f"{WIDTH}")
    # The browser makes it narrower where there is less room, and keeps its shape.
    root.set("style", "display:block;max-width:100%;height:auto")
    return Drawing(xml_text(root), height, tuple(legend.spots))


def described(topology: Topology) -> str:
    """What the drawing shows, for those who cannot see it."""
    shown = [f"{SIGNS[note.status]}: {note.title}" for note in topology.notes[:NOTES]]
    more = len(topology.notes) - len(shown)
    shown += [f"and {more} more findings"] if more else []
    return clean(f"{topology.facts}. {'; '.join(shown) or 'Nothing is wrong'}.")


def _column(index: int) -> float:
    return MARGIN + index * (COLUMN + GAP)


def _header(root: Element, topology: Topology, title: str, legend: Legend) -> float:
    room = WIDTH / 2
    right = draw_marks(root, topology.marks, (WIDTH - MARGIN, MARGIN + 14), room, legend)
    words(root, (MARGIN, MARGIN + 14), TITLE.begun(title, right - MARGIN), TITLE)
    facts = TEXT.begun(clean(topology.facts), WIDTH - 2 * MARGIN)
    words(root, (MARGIN, MARGIN + 33), facts, KIND)
    return MARGIN + 44


def _networks(root: Element, topology: Topology, top: float, legend: Legend) -> float:
    """Draw, and join: the external network; the router between programs and project; subnets."""
    external, router = topology.external, topology.router
    above = Area(MARGIN, top, WIDTH - 2 * MARGIN, box_height(external, WIDTH - 2 * MARGIN, 3))
    draw_box(root, external, above, legend, columns=3)
    row = (topology.programs, router, topology.project)
    areas = _row(row, above.bottom + HALL)
    _link(root, [(above.middle, above.bottom), (areas[1].middle, areas[1].y)], router)
    bus = areas[1].bottom + HALL / 2
    subnets = _row(topology.subnets, areas[1].bottom + HALL)
    # Where links overlap, those of joined boxes are drawn over the others.
    both = sorted(zip(topology.subnets, subnets, strict=True), key=lambda it: it[0].joined is True)
    for box, area in both:
        corners = [(areas[1].middle, areas[1].bottom), (areas[1].middle, bus)]
        corners += [(area.middle, bus), (area.middle, area.y)]
        _link(root, corners, box)
    for box, area in zip((*row, *topology.subnets), (*areas, *subnets), strict=True):
        draw_box(root, box, area, legend)
    return subnets[0].bottom


def _link(root: Element, corners: list[tuple[float, float]], box: Box) -> None:
    """Draw the line that joins a box, or that should."""
    path(root, corners, LINKS[box.joined])
    if box.joined is False:
        x, y = corners[-1]
        words(root, (x + 6, y - 3), SIGNS[Status.FAIL][0], MARK)


def _row(boxes: Sequence[Box], top: float) -> list[Area]:
    """Areas of the same height, one per column."""
    height = max(box_height(box, COLUMN) for box in boxes)
    return [Area(_column(index), top, COLUMN, height) for index in range(len(boxes))]


def _ground(root: Element, topology: Topology, top: float, legend: Legend) -> float:
    """Draw nodes below the nodes' and pods' subnets, load balancers below the Services'."""
    below = top + HALL / 2
    wide, narrow = 2 * COLUMN + GAP, COLUMN
    nodes = _grid(topology.nodes, Area(_column(0), below, wide, 0), columns=2)
    services = _grid(topology.services, Area(_column(2), below, narrow, 0), columns=1)
    bottom = max([area.bottom for area in (*nodes, *services)], default=below + CAPTION) + PAD
    for x, width, caption in (
        (_column(0), wide, "nodes and their pods"),
        (_column(2), narrow, "services and their load balancers"),
    ):
        area = Area(x, below, width, bottom - below)
        rectangle(root, area, "kt-area", radius=6)
        words(root, (x + PAD, below + 18), caption, KIND)
    for index in range(3):
        middle = _column(index) + COLUMN / 2
        path(root, [(middle, top), (middle, below)], "kt-joined")
    for box, area in zip((*topology.nodes, *topology.services), (*nodes, *services), strict=True):
        draw_box(root, box, area, legend)
    return bottom


def _grid(boxes: Sequence[Box], room: Area, columns: int) -> list[Area]:
    """Areas row by row, with the same height in each row."""
    width = (room.width - (columns + 1) * PAD) / columns
    areas, top = [], room.y + CAPTION
    for first in range(0, len(boxes), columns):
        row = boxes[first : first + columns]
        height = max(box_height(box, width) for box in row)
        areas += [
            Area(room.x + PAD + index * (width + PAD), top, width, height)
            for index in range(len(row))
        ]
        top += height + PAD
    return areas


def _notes(root: Element, notes: Sequence[Note], top: float, legend: Legend) -> float:
    """Draw what the marks mean."""
    words(root, (MARGIN, top + 14), "Findings" if notes else "✓ Nothing is wrong", TITLE)
    baseline = top + 14.0
    room = WIDTH - 2 * MARGIN - 60
    for note in notes[:NOTES]:
        baseline += LINE + 7
        here = group(root, note.evidence)
        mark = Mark(number=note.number, status=note.status)
        draw_marks(here, (mark,), (MARGIN + 48, baseline), WIDTH, Legend({}))
        row = Area(MARGIN, baseline - LINE, WIDTH - 2 * MARGIN, 2 * LINE + 4)
        legend.mark(row, (mark,), is_note=True)
        victims = f" ({note.victims:,} affected)" if note.victims > 1 else ""
        title = TEXT.begun(clean(note.title), room - TEXT.width(victims)) + victims
        words(here, (MARGIN + 60, baseline), title, TEXT)
        baseline += LINE
        words(here, (MARGIN + 60, baseline), END.begun(clean(note.evidence), room), END)
    if len(notes) > NOTES:
        baseline += LINE + 7
        more = f"and {len(notes) - NOTES} more: see the table of findings"
        words(root, (MARGIN + 60, baseline), more, END)
    return baseline + 4
