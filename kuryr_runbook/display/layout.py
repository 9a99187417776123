"""How wide the columns of a table are: names stay whole as long as there is room for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

TIGHT = 16
"""What sentences can do with before names are broken; columns that need no more stay whole."""
READABLE = 24
"""What sentences get before names with blanks get a whole line."""


def column_widths(rows: Sequence[Sequence[str]], is_prose: Sequence[bool], room: int) -> list[int]:
    """The width of each column, at least 1, together at most `room` where that is possible.

    If there is room for everything, each column is as wide as its longest line. Otherwise prose
    wraps at words; then names with blanks do; and only then, words are folded, the longest first.
    """
    lines = [
        [line for cell in column for line in cell.split("\n")] for column in zip(*rows, strict=True)
    ]
    whole = [_longest(column) for column in lines]
    words = [_longest(word for line in column for word in line.split()) for column in lines]

    def wanted(names: Sequence[int], prose: Sequence[int]) -> list[int]:
        return [b if is_b else a for a, b, is_b in zip(names, prose, is_prose, strict=True)]

    tight, readable = ([min(line, most) for line in whole] for most in (TIGHT, READABLE))
    short = [max(word, least) for word, least in zip(words, tight, strict=True)]
    steps = (
        wanted(words, tight),
        wanted(short, tight),
        wanted(short, readable),
        wanted(whole, readable),
        wanted(whole, [max(word, least) for word, least in zip(words, readable, strict=True)]),
        whole,
    )
    widths = [1] * len(whole)
    for step in steps:
        widths = _raised(widths, step, room)
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
