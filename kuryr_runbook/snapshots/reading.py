"""What stands in a snapshot where something could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kuryr_runbook.model.errors import RunbookError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It could not be read: whether it is there is not known."""

    reason: str
    remedy: str = ""
    """What to do so that it can be read, where that is known."""


def attempted(read: Callable[[], T]) -> T | Unreadable:
    """What `read` gives, or why it could not."""
    try:
        return read()
    except RunbookError as error:
        return Unreadable(error.message, error.remedy or "")
