"""The picture: well-formed whatever the names are, legible at any size, and the same as text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making.pictured import EXAMPLE, example, faults, topology
from worlds.world import World

from kuryr_runbook.display.drawing import Area, Font, clean
from kuryr_runbook.display.findings import finding_anchors
from kuryr_runbook.display.terminal import FIXED_WIDTH
from kuryr_runbook.display.topology import topology_view
from kuryr_runbook.display.topology_svg import described, topology_drawing, topology_svg
from kuryr_runbook.display.trees import Branch, tree_lines
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.topology import Box, Line, Mark, Note, Topology

TITLE = "Topology of site lab"
SHOWN = (Status.FAIL, Status.WARN, Status.UNKNOWN)


def spoilt(world: World) -> World:
    world.remove("port", "port-web-1")
    world.remove("port", "leg-s-services")
    world.add_rule("r-open", "g-nodes")
    world.warn("web-2", "error 500 </svg><script>")
    return world


def all_wrong(world: World) -> World:
    world.resources["port"].clear()
    return world


def blind(world: World) -> World:
    world.broken = {"router": AccessError("no right " * 60), "Node": AccessError("no\nnodes")}
    return world


@pytest.mark.parametrize("spoil", [lambda world: world, spoilt, all_wrong, blind])
@pytest.mark.parametrize("nodes", [1, 3, 7])
@pytest.mark.parametrize("driver", [VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN])
def test_nothing_overlaps_and_no_text_leaves_its_box(
    spoil: object, nodes: int, driver: VifDriver
) -> None:
    assert callable(spoil)
    found = topology(spoil(World(24, driver, nodes=nodes)))
    assert faults(topology_svg(found, TITLE)) == []


@pytest.mark.parametrize("spoil", [lambda world: world, spoilt, all_wrong])
def test_300_nodes_are_one_page(spoil: object) -> None:
    assert callable(spoil)
    view = topology_view(topology(spoil(World(900, nodes=300))), TITLE)
    svg = view.html.partition("<details>")[0].removeprefix("<div>")
    assert faults(svg) == []
    assert len(view.html) < 64_000
    height = re.search(r'viewBox="0 0 880 (\d+)"', svg)
    assert height is not None
    assert int(height[1]) < 1650
    assert len(view.text.splitlines()) < 200


# Names are foreign: with what ends a tag, turns a line around, is no character, or is wide.
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["</svg><script>alert(1)</script>", "]]>", "&amp;", "\x00\x1b[31m", "\u202eback", "\ud800",
     "\ufffe", "a\nb\tc", "m" * 300, "日本" * 80, "x" * 70 + "-1", "web-7d9f8b6c5-x2x9z"]
)  # fmt: skip
MARKS = st.builds(
    Mark,
    number=st.integers(1, 99),
    status=st.sampled_from(SHOWN),
    count=st.integers(1, 20_000),
)
MANY_MARKS = st.lists(MARKS, max_size=5, unique_by=lambda it: it.number).map(tuple)
LINES = st.builds(
    Line, text=TEXTS, end=TEXTS, depth=st.integers(0, 1), hint=TEXTS, marks=MANY_MARKS
)
BOXES = st.builds(
    Box,
    what=TEXTS,
    name=TEXTS,
    lines=st.lists(LINES, max_size=4).map(tuple),
    marks=MANY_MARKS,
    joined=st.none() | st.booleans(),
)
NOTES = st.builds(
    Note,
    number=st.integers(1, 999),
    status=st.sampled_from(SHOWN),
    title=TEXTS,
    evidence=TEXTS,
    victims=st.integers(0, 10_000),
)
TOPOLOGIES = st.builds(
    Topology,
    site=TEXTS,
    facts=TEXTS,
    marks=MANY_MARKS,
    external=BOXES,
    router=BOXES,
    programs=BOXES,
    project=BOXES,
    subnets=st.tuples(BOXES, BOXES, BOXES),
    nodes=st.lists(BOXES, max_size=4).map(tuple),
    services=st.lists(BOXES, max_size=3).map(tuple),
    notes=st.lists(NOTES, max_size=4).map(tuple),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(TOPOLOGIES, TEXTS)
def test_any_names_are_drawn_well_formed_and_in_their_boxes(found: Topology, title: str) -> None:
    svg = topology_svg(found, title)
    assert faults(svg) == []
    assert len(svg) < 200_000
    assert "<script" not in svg
    view = topology_view(found, title)
    assert "<script" not in view.html
    assert "\x1b" not in view.text + view.html
    # What is wider than its column is counted by terminals, and not by Python.
    assert all(len(line) <= FIXED_WIDTH for line in view.text.splitlines())


@given(TEXTS, st.floats(0, 400))
def test_a_text_that_is_made_to_fit_fits(text: str, room: float) -> None:
    font = Font("kt-text", 12)
    for made in (font.fitted(text, room), font.begun(text, room)):
        assert font.width(made) <= room or made == "…"
        assert made == text or "…" in made or not made


def test_of_a_name_both_ends_are_kept_and_of_a_sentence_the_beginning() -> None:
    font = Font("kt-text", 12)
    assert re.fullmatch(r"kuryr-d\w*…\w*-x2x9z", font.fitted("kuryr-demo-7d9f8b6c5-x2x9z", 130))
    assert re.fullmatch(r"no rule.*\w…", font.begun("no rule of that group admits it", 120))


@given(TEXTS, st.floats(24, 400))
def test_a_wrapped_text_is_whole_unless_two_rows_are_too_few(text: str, room: float) -> None:
    font = Font("kt-text", 12)
    rows = font.wrapped(text, room)
    assert 1 <= len(rows) <= 2
    assert all(font.width(row) <= room or row == "…" for row in rows)
    if "…" not in "".join(rows):
        assert re.sub(r"\s", "", "".join(rows)) == re.sub(r"\s", "", text)


def test_names_that_differ_in_any_part_stay_different() -> None:
    found = topology(World(4, nodes=1))
    pods = [f"shop-frontend-{kind}-7d9f8b6c5-x2x9{letter}" for kind in ("canary", "stable")
            for letter in "ab"]  # fmt: skip
    lines = tuple(Line(text=pod, end="10.64.0.10", depth=1) for pod in pods)
    [node] = found.nodes
    svg = topology_svg(replace(found, nodes=(replace(node, lines=lines),)), TITLE)
    assert faults(svg) == []
    drawn = re.sub(r"<[^>]*>|10\.64\.0\.10", "", svg)
    assert all(pod in drawn for pod in pods)


def test_what_has_findings_leads_to_them() -> None:
    found = topology(spoilt(World(12, nodes=3)))
    checks = [note.check for note in found.notes]
    anchors = [*finding_anchors(checks)]
    assert len({*anchors}) == len(anchors)
    html = topology_view(found, TITLE, linked=True).html
    assert {*re.findall(r'href="#([^"]*)"', html)} == {*anchors}
    # With the keyboard, each finding is reached once.
    links = re.findall(r"<a [^>]*>", html)
    noted = [link for link in links if "tabindex" not in link]
    assert [re.findall(r'href="#([^"]*)"', link) for link in noted] == [[it] for it in anchors]
    assert "<a " not in topology_view(found, TITLE).html
    assert "<a " not in topology_view(topology(World()), TITLE, linked=True).html


def test_links_are_where_their_findings_are_drawn() -> None:
    found = topology(spoilt(World(12, nodes=3)))
    drawing = topology_drawing(found, TITLE)
    drawn = [Area(float(x), float(y), float(w), float(h)) for x, y, w, h in re.findall(
        r'<rect class="kt-(?:fail|warn|unknown)" x="([^"]*)" y="([^"]*)" width="([^"]*)" '
        r'height="([^"]*)"', drawing.svg)]  # fmt: skip
    spots = [(round(it.area.x), round(it.area.y)) for it in drawing.spots]
    in_notes = len(found.notes)
    assert all((round(it.x), round(it.y)) in spots for it in drawn[:-in_notes])
    assert [spot.number for spot in drawing.spots if spot.is_note] == [
        note.number for note in found.notes
    ]
    assert all(spot.area.bottom <= drawing.height for spot in drawing.spots)


def test_what_turns_or_hides_text_is_spelled_out() -> None:
    assert clean(" a\n\tb\x00\u202e\u200b\ud800c ") == r"a b\x00\u202e\u200b\ud800c"


def test_a_failure_is_a_sign_and_words_and_not_a_colour_alone() -> None:
    svg = topology_svg(topology(spoilt(World(12, nodes=3))), TITLE)
    for said in (
        ">✗1<", ">!4<", 'class="kt-gone"', ">none<", "&lt;/svg&gt;&lt;script&gt;",
        "<title>One router connects nodes, pods and Services: no: router k8s-router has no",
    ):  # fmt: skip
        assert said in svg


def test_it_says_what_it_is_to_those_who_do_not_see_it() -> None:
    found = topology(spoilt(World(12, nodes=3)))
    svg = topology_svg(found, TITLE)
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" class="kt" role="img"')
    assert f"<title>{TITLE}</title><desc>3 nodes, 12 pods" in svg
    assert "✗ FAIL: One router connects nodes, pods and Services: no" in described(found)
    assert described(topology(World())).endswith("Nothing is wrong.")


def test_the_text_is_the_same_as_a_tree() -> None:
    view = topology_view(topology(spoilt(World(12, nodes=3))), TITLE)
    assert max(map(len, view.text.splitlines())) <= FIXED_WIDTH
    for said in (
        "└─ router k8s-router  ✗1", "   │  ├─ node worker2", "│  │     ├─ web-1: 10.64.0.11  ✗2",
        "router: none", "✗1  One router connects nodes, pods and Services: no",
    ):  # fmt: skip
        assert said in view.text
    assert topology_view(topology(World()), TITLE).text.endswith("✓ Nothing is wrong.")


class Tags(HTMLParser):
    """The tags of a page that are open, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_may_hold_several() -> None:
    page = "".join(
        topology_view(topology(world), TITLE).html for world in (World(), spoilt(World(6)))
    )
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert " id=" not in page


def test_trees_go_on_where_something_follows() -> None:
    tree = [Branch(0, ("a", "x")), Branch(1, ("b",)), Branch(2, ("c",)), Branch(1, ("d",))]
    assert list(tree_lines([*tree, Branch(0, ("e",))], FIXED_WIDTH)) == [
        "a", "│  x", "├─ b", "│  └─ c", "└─ d", "", "e",
    ]  # fmt: skip


def test_the_picture_of_the_documents_is_the_one_that_is_drawn() -> None:
    assert EXAMPLE.read_text() == example(), "PYTHONPATH=tests python -m making.pictured"
