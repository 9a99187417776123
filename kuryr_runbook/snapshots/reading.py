"""What stands in a snapshot where something could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kuryr_runbook.model.errors import AccessError, RunbookError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It could not be read: whether it is there is not known."""

    reason: str
    remedy: str = ""
    """What to do so that it can be read, where that is known."""


def attempted(read: Callable[[], T]) -> T | Unreadable:
    """What `read` returns, or why it could not."""
    try:
        return read()
    except RunbookError as error:
        return Unreadable(error.message, error.remedy or "")


def demanded(read: Callable[[], T]) -> T:
    """What `read` returns; what it raises is the caller's: for what is read to change something."""
    return read()


class Attempt(Protocol):
    """What becomes of something that cannot be read: `attempted` or `demanded`."""

    def __call__(self, read: Callable[[], T]) -> T | Unreadable:
        """What `read` returns, or why it could not."""


def known(value: T | Unreadable) -> T:
    """What was read. Raises AccessError where it could not be."""
    if isinstance(value, Unreadable):
        raise AccessError(value.reason, remedy=value.remedy or None)
    return value
