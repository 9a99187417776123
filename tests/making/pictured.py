"""Pictures in tests: what is wrong with a drawing, and the one that the documents show.

`PYTHONPATH=tests python -m making.pictured` writes the latter anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.drawing import Area, Font
from kuryr_runbook.display.topology_boxes import END, KIND, MARK, NAME, TEXT
from kuryr_runbook.display.topology_svg import TITLE, topology_svg
from kuryr_runbook.model.topology import Topology

EXAMPLE = Path(__file__).parents[2] / "docs" / "topology.svg"
FONTS = {font.name: font for font in (TITLE, NAME, KIND, TEXT, END, MARK)}
SVG = "{http://www.w3.org/2000/svg}"
SLACK = 0.3
"""Numbers in a drawing are rounded."""


def topology(world: World) -> Topology:
    look = Look(world.read())
    return topology_of(look, check_diagnosis(look))


def example() -> str:
    """Three workers and three faults."""
    world = World(12, nodes=3)
    for subnet, address in (("nodes", "172.16.0.1"), ("pods", "10.64.0.1"), ("services", "")):
        leg = world.resource("port", f"leg-s-{subnet}")
        leg["fixed_ips"][0]["ip_address"] = address or "10.96.255.254"
    world.remove("port", "port-web-1")
    world.pool_members["p-default/web-0"].pop()
    world.add_rule("r-open", "g-nodes")
    return f"{topology_svg(topology(world), 'Topology of site lab')}\n"


def faults(svg: str) -> list[str]:
    """Texts that leave their boxes or run into others, boxes that overlap, and ids."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - written a moment ago
    rectangles = [_area(it) for it in root.iter(f"{SVG}rect")]
    texts = [(_room(it), it.text or "") for it in root.iter(f"{SVG}text")]
    return [
        *(f"id {it.get('id')}" for it in root.iter() if it.get("id") is not None),
        *_overlaps(rectangles),
        *_outside(texts, rectangles),
        *(
            f"{one!r} runs into {other!r}"
            for (room, one), (beside, other) in combinations(texts, 2)
            if _meet(room, beside) and one and other
        ),
    ]


def _area(element: ElementTree.Element) -> Area:
    return Area(*(float(element.get(key, "0")) for key in ("x", "y", "width", "height")))


def _room(element: ElementTree.Element) -> Area:
    font: Font = FONTS[element.get("class", "")]
    width = font.width(element.text or "")
    before = {"middle": width / 2, "end": width}.get(element.get("text-anchor", ""), 0.0)
    x, y = float(element.get("x", "0")), float(element.get("y", "0"))
    return Area(x - before, y - 0.75 * font.size, width, 0.9 * font.size)


def _overlaps(rectangles: list[Area]) -> Iterator[str]:
    for one, other in combinations(rectangles, 2):
        if _meet(one, other) and not (_holds(one, other) or _holds(other, one)):
            yield f"{one} overlaps {other}"


def _outside(texts: list[tuple[Area, str]], rectangles: list[Area]) -> Iterator[str]:
    for room, text in texts:
        begin = Area(room.middle, room.y + room.height / 2, 0, 0)
        around = [it for it in rectangles if _holds(it, begin)]
        inmost = min(around, key=lambda it: it.width * it.height, default=None)
        if inmost is None or not _holds(inmost, room):
            yield f"{text!r} leaves {inmost}"


def _holds(one: Area, other: Area) -> bool:
    return (
        one.x - SLACK <= other.x
        and one.y - SLACK <= other.y
        and other.right <= one.right + SLACK
        and other.bottom <= one.bottom + SLACK
    )


def _meet(one: Area, other: Area) -> bool:
    apart = (
        one.right <= other.x + SLACK
        or other.right <= one.x + SLACK
        or one.bottom <= other.y + SLACK
        or other.bottom <= one.y + SLACK
    )
    return not apart


if __name__ == "__main__":
    EXAMPLE.write_text(example())
