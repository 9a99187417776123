"""A packet's path as a tree: one line for each hop, with its state as a word and a sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape

from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.display.tables import View
from kuryr_runbook.display.trees import Branch, tree_lines
from kuryr_runbook.model.findings import Hop


def path_view(title: str, hops: Sequence[Hop]) -> View:
    """Each hop below the one it is reached from, with what was seen there."""
    tree = [
        Branch(hop.depth, (f"{hop.what} {hop.name}", f"{SIGNS[hop.status]}  {hop.seen}"))
        for hop in hops
    ]
    return View(
        text="\n".join([title, "", *tree_lines(tree)]),
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
