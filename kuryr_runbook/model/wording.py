"""Counted nouns, "1 record" and "2 records", the verbs that go with them, and command lines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun in the singular or the plural, by default with an s."""
    return f"{number:,} {agreeing(number, one, many or f'{one}s')}"


def agreeing(number: int, one: str, many: str) -> str:
    """The form of a word that goes with a number."""
    return one if number == 1 else many


def command_of(run: Mapping[str, Any]) -> str:
    """A recorded run's command line, with its options as far as the record has them."""
    return shlex.join([*run["command"].split(), *run.get("arguments", ())])
