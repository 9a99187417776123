"""Marks in a snapshot what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kuryr_runbook.clients.exchanges import call_with_timeout
from kuryr_runbook.model.errors import AccessError, RunbookError, UnreachableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It could not be read, so it is not known whether it exists."""

    reason: str
    remedy: str = ""
    """How to make it readable, if that is known."""


def attempted(read: Callable[[], T]) -> T | Unreadable:
    """What `read` returns, or why it could not."""
    try:
        return read()
    except RunbookError as error:
        return Unreadable(error.message, error.remedy or "")


def demanded(read: Callable[[], T]) -> T:
    """What `read` returns; its errors are raised, since the caller makes changes."""
    return read()


class Attempt(Protocol):
    """What to do if something cannot be read: `attempted` or `demanded`."""

    def __call__(self, read: Callable[[], T]) -> T | Unreadable:
        """What `read` returns, or why it could not."""


def within(seconds: float) -> Attempt:
    """Like `attempted`, for a person who waits: what takes longer than that could not be read."""

    def bounded(read: Callable[[], T]) -> T:
        try:
            return call_with_timeout(read, seconds)
        except TimeoutError as error:
            raise UnreachableError(f"no complete answer in {seconds:.0f} s") from error

    def attempt(read: Callable[[], T]) -> T | Unreadable:
        return attempted(lambda: bounded(read))

    return attempt


def known(value: T | Unreadable) -> T:
    """What was read. Raises AccessError if it could not be."""
    if isinstance(value, Unreadable):
        raise AccessError(value.reason, remedy=value.remedy or None)
    return value
