"""Puts values into the commented example of a site file, and keeps its comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import inf
from textwrap import wrap

import yaml

COLUMNS = 100

LINE = re.compile(
    r"(?P<indent> *)(?P<off># )?(?P<key>[a-z][a-z0-9_]*):(?P<value> [^#]*[^# ])?(?P<rest> +#.*)?"
)
"""A key of the example: in use, or commented out with its default."""


def filled(template: str, values: Mapping[str, object], remarks: Mapping[str, str]) -> str:
    """The template with these values and, above their keys, these remarks; keys have dots.

    A value for a key that is commented out puts it into use. Raises KeyError for a missing key.
    """
    left = {*values, *remarks}
    lines = []
    for line, key, match in _keyed(template):
        if match is not None and key in remarks:
            before = f"{match['indent']}# "
            lines += wrap(remarks[key], COLUMNS, initial_indent=before, subsequent_indent=before)
        lines.append(_valued(match, values[key]) if match and key in values else line)
        left.discard(key)
    if left:
        raise KeyError(", ".join(sorted(left)))
    return "\n".join(lines) + "\n"


def _keyed(template: str) -> Iterator[tuple[str, str, re.Match[str] | None]]:
    """Each line, with the path of the key in it, if there is one."""
    parents: list[tuple[int, str]] = []
    for line in template.splitlines():
        match = LINE.fullmatch(line)
        if match is None:
            yield line, "", None
            continue
        while parents and parents[-1][0] >= len(match["indent"]):
            parents.pop()
        yield line, ".".join([*(key for _, key in parents), match["key"]]), match
        if not match["off"]:
            parents.append((len(match["indent"]), match["key"]))


def _valued(match: re.Match[str], value: object) -> str:
    # On one line, however long: a second one would have to be indented more than its key.
    dumped = yaml.safe_dump(value, default_flow_style=True, width=inf)
    text = dumped.removesuffix("\n...\n").strip()
    line = f"{match['indent']}{match['key']}: {text}"
    if not match["rest"]:
        return line
    comment = match["rest"].strip()
    return f"{line.ljust(match.end() - len(comment) - 1)} {comment}"
