"""Trees as lines of text, with the branches drawn; and a packet's path as one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape

from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.display.tables import View, plain
from kuryr_runbook.model.findings import Hop
from kuryr_runbook.model.visible import one_line


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of a tree; its parent is the last one before it that is less deep."""

    depth: int
    lines: tuple[str, ...]


def tree_lines(tree: Sequence[Branch], width: int) -> Iterator[str]:
    """The tree's lines, of at most that width; an empty line separates the roots."""
    for position, branch in enumerate(tree):
        if branch.depth == 0 and position:
            yield ""
        begin = below = ""
        if branch.depth:
            stem = "".join(_bar(tree, position, depth) for depth in range(1, branch.depth))
            goes_on = _goes_on(tree, position, branch.depth)
            begin, below = (
                f"{stem}{'├' if goes_on else '└'}─ ",
                f"{stem}{'│' if goes_on else ' '}  ",
            )
        child = "│" if _goes_on(tree, position, branch.depth + 1) else " "
        below = f"{below}{child}  "
        for line in branch.lines:
            yield from textwrap.wrap(
                one_line(line), width, initial_indent=begin, subsequent_indent=f"{below}  "
            )
            begin = below


def _bar(tree: Sequence[Branch], position: int, depth: int) -> str:
    return "│  " if _goes_on(tree, position, depth) else "   "


def _goes_on(tree: Sequence[Branch], position: int, depth: int) -> bool:
    """Whether another node of that depth follows before one that is less deep."""
    for later in tree[position + 1 :]:
        if later.depth <= depth:
            return later.depth == depth
    return False


def path_view(title: str, hops: Sequence[Hop]) -> View:
    """Each hop below the one it is reached from, with what was seen there."""
    tree = [
        Branch(hop.depth, (f"{hop.what} {hop.name}", f"{SIGNS[hop.status]}  {hop.seen}"))
        for hop in hops
    ]
    return View(
        plain(lambda width: [title, "", *tree_lines(tree, width)]),
        html=_html(title, hops),
        data={"hops": [asdict(hop) for hop in hops]},
    )


def _html(title: str, hops: Sequence[Hop]) -> str:
    rows = "".join(
        f'<li style="margin-left: {1.5 * hop.depth}em; list-style: none">'
        f"<b>{escape(hop.what)}</b> <code>{escape(hop.name)}</code> "
        f"{escape(SIGNS[hop.status])}: {escape(hop.seen)}</li>"
        for hop in hops
    )
    return f"<p><b>{escape(title)}</b></p><ul style='padding-left: 0'>{rows}</ul>"
