"""How wide the columns of a table are: names stay whole as long as there is room for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

LEAST_PROSE = 12
"""Columns that prose keeps if names need the room: names are copied, and prose is only read."""
LEAST_READABLE = 24
"""What a column with blanks in its cells needs to be readable."""


def column_widths(rows: Sequence[Sequence[str]], is_prose: Sequence[bool], room: int) -> list[int]:
    """The width of each column, at least 1, together at most `room` where that is possible.

    If there is room for everything, each column is as wide as its longest line. Otherwise prose
    wraps at words; then names with blanks do; then words of prose are folded, and only then those
    of names, the longest first.
    """
    lines = [
        [line for cell in column for line in cell.split("\n")] for column in zip(*rows, strict=True)
    ]
    whole = [_longest(column) for column in lines]
    words = [_longest(word for line in column for word in line.split()) for column in lines]
    readable = [
        max(word, min(line, LEAST_READABLE)) for word, line in zip(words, whole, strict=True)
    ]
    copied = [
        min(word, LEAST_PROSE) if prose else word
        for prose, word in zip(is_prose, words, strict=True)
    ]
    named = [
        wrapped if prose else line
        for prose, wrapped, line in zip(is_prose, readable, whole, strict=True)
    ]
    widths = [1] * len(whole)
    for wanted in (copied, words, readable, named, whole):
        widths = _raised(widths, wanted, room)
    return widths


def _raised(widths: Sequence[int], wanted: Sequence[int], room: int) -> list[int]:
    """Widths raised to the wanted ones; as far as there is room, the narrowest first."""
    found = list(widths)
    left = room - sum(found)
    while left > 0:
        short = [at for at, width in enumerate(found) if width < wanted[at]]
        if not short:
            break
        found[min(short, key=lambda at: found[at])] += 1
        left -= 1
    return found


def _longest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0) or 1
