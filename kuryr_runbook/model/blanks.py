"""Blanks of a site file: what nobody has found out yet, and how to look it up.

A blank is a value, not a missing or an empty one: those would mean the key's default. So every
reader of a site sees it, whether it comes from a file, a form or papermill's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MARK = "LOOK UP:"
"""How the text begins that stands for a value."""
NOT_A_BLANK: dict[str, Any] = {"not": {"pattern": f"^{MARK}"}}
"""For the JSON schema of values that could otherwise be any text: an editor shows a blank."""


def blank(how: str) -> str:
    """The text in place of a value; `how` says how to find the value out."""
    return f"{MARK} {how}"


def blanks_of(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """The paths of all blanks, with how to look them up."""
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from blanks_of(value, where)
        elif isinstance(value, str) and value.startswith(MARK):
            yield where, value.removeprefix(MARK).strip()
