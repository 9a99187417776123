"""Waiting in tests for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 60
"""Far more than anything takes, on a machine that has much else to do."""


def await_true(is_so: Callable[[], bool], what: object) -> None:
    """Wait until it is so, and fail with what it was that did not happen.

    `what` is looked at in the end: it may be a list in which `is_so` notes what it saw.
    """
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not after {SECONDS} s: {what}"
        time.sleep(0.05)
