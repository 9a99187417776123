"""Asking again, with growing pauses and a deadline: after a failure, or for what is to come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from kuryr_runbook.clients.exchanges import Notify, left_of_all
from kuryr_runbook.model.errors import RunbookError

__all__ = ["TRANSIENT", "Notify", "TransientError", "looks", "patiently", "retry_after"]

T = TypeVar("T")

TRANSIENT = frozenset({429, 500, 502, 503, 504})
"""Answers that another attempt may better: too many requests, and the server's own troubles."""
LONGEST_PAUSE = 60.0

LOOK_PAUSES = (0.3, 2.0)
"""The shortest and the longest pause between two looks at what is awaited, in seconds. In between
it is a tenth of what was waited so far: so much too late is what came noticed at most."""
REMIND_SECONDS = 15.0

_growing = wait_exponential_jitter(multiplier=0.5, max=8, jitter=0.5)


class TransientError(Exception):
    """An attempt failed with `error`, and another one may not; never leaves `patiently`."""

    def __init__(self, error: RunbookError, retry_after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after
        """What the server asks to wait, in seconds."""


def patiently(attempt: Callable[[], T], *, seconds: float, notify: Notify) -> T:
    """What `attempt` gives, trying again after TransientErrors for that long at most.

    `notify` gets a line before each pause. Raises the last attempt's RunbookError.
    """
    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_before_delay(left_of_all(seconds)),
        wait=_pause,
        before_sleep=lambda state: notify(_told(state)),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except TransientError as error:
        raise error.error from error


def looks(what: str, *, seconds: float, notify: Notify) -> Iterator[None]:
    """The moments at which to look whether `what` is so by now, for that long at most.

    `notify` gets a line now and then while it is not.
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


def _told(state: RetryCallState) -> str:
    return f"{_failure(state).error.message}; trying again in {state.upcoming_sleep:.0f} s"


def _failure(state: RetryCallState) -> TransientError:
    return cast("TransientError", state.outcome and state.outcome.exception())
