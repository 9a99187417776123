"""Whether a run lives: it holds a lock on its directory, which the kernel takes from the dead."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kuryr_runbook.clients.lock_files import lock_within

_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lock of a run's directory."""
    handle = os.open(directory, _LOOK)
    try:
        lock_within(handle, fcntl.LOCK_EX, what=f"the run {directory}")
        yield
    finally:
        os.close(handle)


def is_held(directory: Path) -> bool:
    """Whether a process holds it. Raises OSError."""
    handle = os.open(directory, _LOOK)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
