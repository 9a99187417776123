"""Polls until something has happened, always with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

from kuryr_runbook.display.waiting import begin_wait

Look = Callable[[], tuple[bool, str]]
"""Returns whether it has happened, and what was seen."""

STEP_SECONDS = 1.0


def wait_for(what: str, seconds: float, look: Look) -> tuple[bool, str]:
    """Call `look` once a second until it succeeds or time is up; return its last result."""
    wait = begin_wait(what, seconds)
    start = time.monotonic()
    try:
        while True:
            done, seen = look()
            spent = time.monotonic() - start
            if done:
                wait.came(seen, spent)
                return True, seen
            if spent >= seconds:
                wait.expired(seen, spent)
                return False, seen
            wait.still(seen, spent)
            time.sleep(STEP_SECONDS)
    except BaseException:
        wait.broken()
        raise
