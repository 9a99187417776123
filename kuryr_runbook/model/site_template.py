"""Puts values into the commented example of a site file, and keeps its comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path

import yaml

LINE = re.compile(
    r"(?P<indent> *)(?P<off># )?(?P<key>[a-z][a-z0-9_]*):(?P<value> [^#]*[^# ])?(?P<rest> +#.*)?"
)
"""A key of the example: in use, or commented out with its default."""


SCHEMA_LINE = "# yaml-language-server: $schema="
"""How an editor finds the schema of a site file."""


def filled(template: str, values: Mapping[str, object]) -> str:
    """The template with these values; keys have dots.

    A value for a key that is commented out puts it into use. Raises KeyError for a missing key.
    """
    left = set(values)
    lines = []
    for line, key, match in _keyed(template):
        lines.append(_valued(match, values[key]) if match and key in values else line)
        left.discard(key)
    if left:
        raise KeyError(", ".join(sorted(left)))
    return "\n".join(lines) + "\n"


def keys_of(template: str) -> tuple[str, ...]:
    """The keys of the template in their order, also those that are commented out."""
    return tuple(key for _, key, match in _keyed(template) if match is not None)


def with_schema(text: str, schema: Path) -> str:
    """The text with an absolute reference to the schema, for a file that is not beside it.

    It is a URL, since editors end a path at its first blank.
    """
    first, _, rest = text.partition("\n")
    if not first.startswith(SCHEMA_LINE):
        raise ValueError("the template does not begin with a reference to its schema")
    return f"{SCHEMA_LINE}{schema.absolute().as_uri()}\n{rest}"


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
    style = '"' if isinstance(value, str) and "'" in value else None
    dumped = yaml.safe_dump(value, default_flow_style=True, default_style=style, width=inf)
    text = dumped.removesuffix("\n...\n").strip()
    line = f"{match['indent']}{match['key']}: {text}"
    if not match["rest"]:
        return line
    comment = match["rest"].strip()
    return f"{line.ljust(match.end() - len(comment) - 1)} {comment}"
