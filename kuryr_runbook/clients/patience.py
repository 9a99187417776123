"""Trying again, with growing pauses and a deadline: after a failure, or until something is so."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TypeVar

from kuryr_runbook.clients.exchanges import Notify, left_of_all
from kuryr_runbook.model.errors import RunbookError

__all__ = ["TRANSIENT", "Notify", "TransientError", "patiently", "polls", "retry_after"]

T = TypeVar("T")

TRANSIENT = frozenset({429, 500, 502, 503, 504})
"""Statuses after which another attempt may help: too many requests, and the server's problems."""
LONGEST_PAUSE = 60.0

LOOK_PAUSES = (0.3, 2.0)
"""The shortest and the longest pause between two polls, in seconds. In between it is a tenth of the
time waited so far, so no event is noticed later than that."""
REMIND_SECONDS = 15.0

_FIRST_PAUSE, _LAST_PAUSE = 0.5, 8.0
"""In seconds, between attempts; each is twice as long as the one before it."""
_SPREAD = 0.5
"""Seconds by which pauses differ, so that threads that failed together do not return together."""


class TransientError(Exception):
    """An attempt failed with `error`, but another one may succeed; never leaves `patiently`."""

    def __init__(self, error: RunbookError, retry_after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after
        """The pause that the server asks for, in seconds."""


def patiently(attempt: Callable[[], T], *, seconds: float, notify: Notify) -> T:
    """What `attempt` returns, repeated after TransientErrors for at most that long.

    `notify` gets a line before each pause. Raises the last attempt's RunbookError.
    """
    end = time.monotonic() + left_of_all(seconds)
    growing = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except TransientError as error:
            pause = max(growing + random.uniform(0, _SPREAD), error.retry_after)  # noqa: S311
            if time.monotonic() + pause >= end:
                raise error.error from error
            notify(f"{error.error.message}; trying again in {pause:.0f} s")
            time.sleep(pause)
        growing = min(2 * growing, _LAST_PAUSE)


def polls(what: str, *, seconds: float, notify: Notify) -> Iterator[None]:
    """The moments at which to check whether `what` has happened, for at most that long.

    `notify` gets a line now and then meanwhile.
    """
    shortest, longest = LOOK_PAUSES
    seconds = left_of_all(seconds)
    start = reminded = time.monotonic()
    while (now := time.monotonic()) < start + seconds:
        spent = now - start
        if now >= reminded + REMIND_SECONDS:
            notify(f"waiting for {what}: {spent:.0f} s of at most {seconds:.0f} s")
            reminded = now
        yield
        time.sleep(min(max(spent / 10, shortest), longest))


def retry_after(value: str | None) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110: a number or a date); 0 without one."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return min(float(value), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(value).timestamp()
    except ValueError:
        return 0.0
    return min(max(until - time.time(), 0.0), LONGEST_PAUSE)
