"""The way of a packet as a drawing: one line for each hop, its state as a word and a sign."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from html import escape

from kuryr_runbook.display.findings import SIGNS
from kuryr_runbook.display.tables import WIDTH, View
from kuryr_runbook.model.findings import Hop


def path_view(title: str, hops: Sequence[Hop]) -> View:
    """Each hop below the one that leads to it, with what was seen there."""
    return View(
        text="\n".join([title, "", *_lines(hops)]),
        html=_html(title, hops),
        data={"hops": [asdict(hop) for hop in hops]},
    )


def _lines(hops: Sequence[Hop]) -> Iterator[str]:
    for position, hop in enumerate(hops):
        if hop.depth == 0 and position:
            yield ""
        branch = below = ""
        if hop.depth:
            stem = "".join(_bar(hops, position, depth) for depth in range(1, hop.depth))
            goes_on = _goes_on(hops, position, hop.depth)
            branch, below = (
                f"{stem}{'├' if goes_on else '└'}─ ",
                f"{stem}{'│' if goes_on else ' '}  ",
            )
        child = "│" if _goes_on(hops, position, hop.depth + 1) else " "
        below = f"{below}{child}  "
        yield from _wrapped(f"{hop.what} {hop.name}", branch, f"{below}  ")
        yield from _wrapped(f"{SIGNS[hop.status]}  {hop.seen}", below, f"{below}  ")


def _bar(hops: Sequence[Hop], position: int, depth: int) -> str:
    return "│  " if _goes_on(hops, position, depth) else "   "


def _goes_on(hops: Sequence[Hop], position: int, depth: int) -> bool:
    """Whether another hop of that depth follows, before one that is less deep."""
    later = next((hop for hop in hops[position + 1 :] if hop.depth <= depth), None)
    return later is not None and later.depth == depth


def _wrapped(text: str, begin: str, further: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=begin, subsequent_indent=further)


def _html(title: str, hops: Sequence[Hop]) -> str:
    rows = "".join(
        f'<li style="margin-left: {1.5 * hop.depth}em; list-style: none">'
        f"<b>{escape(hop.what)}</b> <code>{escape(hop.name)}</code> "
        f"{escape(SIGNS[hop.status])}: {escape(hop.seen)}</li>"
        for hop in hops
    )
    return f"<p><b>{escape(title)}</b></p><ul style='padding-left: 0'>{rows}</ul>"
