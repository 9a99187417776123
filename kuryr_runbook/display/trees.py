"""Trees as lines of text, with the branches drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kuryr_runbook.display.tables import WIDTH
from kuryr_runbook.model.visible import one_line


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of a tree; its parent is the last one before it that is less deep."""

    depth: int
    lines: tuple[str, ...]


def tree_lines(tree: Sequence[Branch]) -> Iterator[str]:
    """The tree's lines, of at most 80 columns; an empty line separates the roots."""
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
                one_line(line), WIDTH, initial_indent=begin, subsequent_indent=f"{below}  "
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
