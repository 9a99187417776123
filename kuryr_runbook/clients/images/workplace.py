"""The folder in which an engine keeps images and layers, and who is at work in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kuryr_runbook.clients.lock_files import lock_within
from kuryr_runbook.clients.writing import make_directory, open_lock

LOCK = "at-work.lock"
TIDY_SECONDS = 10 * 60.0
"""How long another process may tidy: two commands of the engine, with their own deadlines."""


class Workplace:
    """A folder in which several runs may build at once, each for its own site.

    The engine of a killed run may go on for a while: it counts as at work as long as it keeps the
    descriptors open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptors: tuple[int, ...] = ()
        """For the engine to keep open; empty while we are not at work."""

    @contextmanager
    def at_work(self, tidy: Callable[[], None]) -> Iterator[None]:
        """Be at work there. If nobody else is, `tidy` first: anything unfinished is a leftover."""
        make_directory(self.folder)
        descriptor = open_lock(self.folder / LOCK)
        try:
            if _locked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                tidy()
            # Waits for whoever is tidying.
            with suppress(OSError):
                lock_within(descriptor, fcntl.LOCK_SH, what=f"{self.folder}", seconds=TIDY_SECONDS)
            self.descriptors = (descriptor,)
            yield
        finally:
            self.descriptors = ()
            os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    """Whether we have the lock. On a file system without locks nobody has it, so nobody tidies."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
