"""The picture of a site: a drawing in a notebook, a tree on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.drawing import HINT, Area, clean
from kuryr_runbook.display.findings import finding_anchors
from kuryr_runbook.display.tables import View, plain
from kuryr_runbook.display.terminal import FIXED_WIDTH
from kuryr_runbook.display.topology_boxes import mark_text
from kuryr_runbook.display.topology_svg import WIDTH, Drawing, topology_drawing
from kuryr_runbook.display.trees import Branch, tree_lines
from kuryr_runbook.model.topology import Box, Line, Mark, Topology
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot


def topology_view(topology: Topology, title: str, *, linked: bool = False) -> View:
    """Both forms; the page has the tree as well, for those whom a drawing does not help.

    `linked`: the page has the table of findings, too, to which the drawing leads.
    """
    text = "\n".join(_lines(topology, title, FIXED_WIDTH))
    drawing = topology_drawing(topology, title)
    picture = _leading(topology, drawing) if linked else drawing.svg
    tree = f"<details><summary>The same as text</summary><pre>{escape(text)}</pre></details>"
    return View(
        plain(lambda width: _lines(topology, title, width)),
        html=f"<div>{picture}{tree}</div>",
    )


def _leading(topology: Topology, drawing: Drawing) -> str:
    """The drawing below links to the findings.

    Not links of SVG: JupyterLab takes their addresses for those of files. Those of the notes are
    for the keyboard and for screen readers, all others for the pointer alone.
    """
    anchors = finding_anchors(note.check for note in topology.notes)
    notes = dict(zip((it.number for it in topology.notes), anchors, strict=True))
    titles = {it.number: clean(f"{it.title}: {it.evidence}")[:HINT] for it in topology.notes}
    links = (
        f'<a class="kt-spot" href="#{escape(notes[spot.number])}" '
        f'title="{escape(titles[spot.number])}" style="{_place(spot.area, drawing.height)}"'
        + ("" if spot.is_note else ' tabindex="-1" aria-hidden="true"')
        + "></a>"
        for spot in drawing.spots
        if spot.number in notes
    )
    style = "position: relative; display: inline-block; max-width: 100%"
    return f'<div style="{style}">{drawing.svg}{"".join(links)}</div>'


def _place(area: Area, height: float) -> str:
    """The area in parts of the drawing, which may be shown narrower than it was drawn."""
    return (
        f"left:{area.x / WIDTH:.2%};top:{area.y / height:.2%};"
        f"width:{area.width / WIDTH:.2%};height:{area.height / height:.2%}"
    )


def _lines(topology: Topology, title: str, width: int) -> Iterator[str]:
    marks = _marks(topology.marks)
    head = Branch(0, (f"{clean(title)}{marks}", clean(topology.facts)))
    yield from tree_lines([head, *_tree(topology)], width)
    yield ""
    if not topology.notes:
        yield "✓ Nothing is wrong."
    for note in topology.notes:
        mark = mark_text(Mark(number=note.number, status=note.status))
        victims = f" ({note.victims:,} affected)" if note.victims > 1 else ""
        branch = Branch(0, (f"{mark}  {clean(note.title)}{victims}", clean(note.evidence)))
        yield from tree_lines([branch], width)


def _tree(topology: Topology) -> Iterator[Branch]:
    """Subnets below the router, nodes and Services below their subnets."""
    yield from _box(topology.programs, 0)
    yield from _box(topology.project, 0)
    yield from _box(topology.external, 0)
    yield from _box(topology.router, 1)
    nodes, pods, services = topology.subnets
    for subnet, boxes in ((pods, ()), (nodes, topology.nodes), (services, topology.services)):
        yield from _box(subnet, 2)
        for box in boxes:
            yield from _box(box, 3)


def _box(box: Box, depth: int) -> Iterator[Branch]:
    yield Branch(depth, (clean(f"{box.what} {box.name}") + _marks(box.marks),))
    for line in box.lines:
        yield Branch(depth + 1 + line.depth, (_text(line),))


def _text(line: Line) -> str:
    parts = (clean(line.text), clean(line.end))
    return ": ".join(part for part in parts if part) + _marks(line.marks)


def _marks(marks: Iterable[Mark]) -> str:
    return "".join(f"  {mark_text(mark)}" for mark in marks)


def site_picture(snapshot: DiagnosisSnapshot, *, linked: bool = False) -> View:
    """The site's topology, with everything marked on it that diagnosis finds.

    `linked`: it leads to the table of findings, which is on the same page.
    """
    look = Look(snapshot)
    topology = topology_of(look, check_diagnosis(look))
    return topology_view(topology, f"Topology of site {topology.site}", linked=linked)
