"""Trying again, with growing pauses and a deadline: after a failure, or until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay
from tenacity.wait import wait_exponential_jitter

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

_growing = wait_exponential_jitter(multiplier=0.5, max=8, jitter=0.5)


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
    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_before_delay(left_of_all(seconds)),
        wait=_pause,
        before_sleep=lambda state: notify(_retry_message(state)),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except TransientError as error:
        raise error.error from error


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


def _pause(state: RetryCallState) -> float:
    return max(_growing(state), _failure(state).retry_after)


def _retry_message(state: RetryCallState) -> str:
    return f"{_failure(state).error.message}; trying again in {state.upcoming_sleep:.0f} s"


def _failure(state: RetryCallState) -> TransientError:
    return cast("TransientError", state.outcome and state.outcome.exception())
