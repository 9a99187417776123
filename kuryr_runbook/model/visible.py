"""The only place that makes text safe to show: it cannot control a terminal or hide anything.

All text from a cluster, a cloud, a file or an argument passes through here on its way to a
terminal, a page, a drawing or a message.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

LINE_LETTERS = 600
LINES = 200
"""Limits of a message."""
CELL_LETTERS = 10_000
"""Limit of a table cell."""

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Printable for Python, but invisible: the rest of Unicode's Default_Ignorable_Code_Point."""


def visible(text: str) -> str:
    """The text with every invisible character spelled out as in Python: `\\x1b`.

    Invisible is everything that `str.isprintable` refuses: control characters, direction marks,
    characters of no width, line and paragraph separators, lone surrogates. Line feeds stay, and a
    tab becomes blanks. Visible text does not change.
    """
    return "\n".join(map(_visible_line, text.split("\n")))


def one_line(text: str) -> str:
    """The same for places where a second line would be mistaken for something else."""
    return _visible_line(text)


def _visible_line(line: str) -> str:
    if line.isprintable() and not _UNSEEN.search(line):
        return line
    return "".join(map(_spelled, line.expandtabs()))


def _spelled(letter: str) -> str:
    seen = letter.isprintable() and not _UNSEEN.match(letter)
    return letter if seen else ascii(letter)[1:-1]


def bounded(text: str, letters: int) -> str:
    """The text, or only its start and its end if it is longer than that."""
    if len(text) <= letters:
        return text
    half = letters // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"


def message(text: str) -> str:
    """A message, visible and of limited length whatever is in it."""
    lines = bounded(text, 2 * LINES * LINE_LETTERS).split("\n")
    if len(lines) > LINES:
        lines = [*lines[:LINES], f"[... {len(lines) - LINES} lines ...]"]
    return "\n".join(bounded(visible(bounded(line, LINE_LETTERS)), LINE_LETTERS) for line in lines)


def json_text(value: Any, indent: int | None = None) -> str:
    """The value as JSON in visible ASCII, with everything else escaped."""
    # Python leaves this one control character as it is.
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def yaml_text(value: Any) -> str:
    """JSON values as YAML in visible ASCII, with everything else escaped; no anchors."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    # Enumerations are text in JSON, too.
    Dumper.add_multi_representer(str, lambda dumper, text: dumper.represent_str(str(text)))
    Dumper.add_multi_representer(dict, lambda dumper, item: dumper.represent_dict(item.items()))
    shown: str = yaml.dump(
        value, Dumper=Dumper, sort_keys=False, allow_unicode=False, width=math.inf
    )
    return shown.removesuffix("\n")
