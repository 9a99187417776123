"""Waiting in tests for what another process or thread does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from kuryr_runbook.running import kernel_start

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


def await_end(pid: int) -> None:
    """Wait until that process has ended; its zombie counts as ended."""
    await_true(lambda: has_ended(pid), f"process {pid} ends")


def has_ended(pid: int) -> bool:
    """Whether there is no such process, or only its zombie: its new parent may be slow."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kernels_of(pid: int, count: int) -> list[int]:
    """The kernels of a run's process, once there are so many."""
    found: list[int] = []

    def there() -> bool:
        found[:] = [
            child
            for child in children(pid)
            if kernel_start.__name__ in Path(f"/proc/{child}/cmdline").read_text()
        ]
        return len(found) == count

    await_true(there, f"process {pid} has {count} kernels")
    return found


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
