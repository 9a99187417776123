"""A file that one process on this machine locks; the kernel unlocks it when the process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kuryr_runbook.clients.exchanges import left_of_all
from kuryr_runbook.clients.files import read_bytes, read_text
from kuryr_runbook.clients.writing import make_directory, open_lock
from kuryr_runbook.model.errors import UnreachableError, UsageError

LOCK_SECONDS = 60.0
LOOK_SECONDS = 0.05
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def lock_within(descriptor: int, how: int, *, what: str, seconds: float = LOCK_SECONDS) -> None:
    """Take an flock that other processes only hold for moments.

    `how`: LOCK_SH or LOCK_EX; `what` says in words what is locked. Raises UnreachableError if it is
    not released in that time.
    """
    end = time.monotonic() + left_of_all(seconds)
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < end:
                time.sleep(LOOK_SECONDS)
                continue
            raise UnreachableError(
                f"{what}: another process has held its lock for {seconds:.0f} s, and should have "
                "for a moment only",
                remedy="find out who has it open (`fuser -v FILE`), and end a process that is "
                "stopped or hangs on its disk",
            ) from None
        return


class LockFile:
    """A lock file, and what its holder wrote into it.

    The file is never removed: another process could then lock a file that nobody else can open any
    more. Raises UsageError if the file cannot be written or locked.
    """

    def __init__(self, path: Path) -> None:
        try:
            make_directory(path.parent)
            self.descriptor = open_lock(path)
        except UsageError as error:
            raise _unusable(path, error.message) from error
        self.path = path

    @property
    def identity(self) -> str:
        """The same for all processes that opened this very file since the machine booted."""
        status = os.fstat(self.descriptor)
        boot = read_text(BOOT_ID, "the id of this boot,").strip()
        return f"{boot}:{status.st_dev}:{status.st_ino}"

    def acquire(self) -> bool:
        """Take the lock; False if another process has it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise _unusable(self.path, error.strerror or str(error)) from error
        return True

    def read(self) -> str:
        """The holder's text; for a moment after it took the lock, that of the previous holder."""
        return read_bytes(self.path, "the lock file").decode(errors="replace")

    def write(self, text: str) -> None:
        """Write who holds the lock."""
        try:
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, text.encode(), 0)
        except OSError as error:
            raise _unusable(self.path, error.strerror or str(error)) from error

    def close(self) -> None:
        """Release the lock, unless a child process keeps the descriptor open."""
        os.close(self.descriptor)


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(
        f"the lock file {path} cannot be used: {why}",
        remedy="make its directory writable, or set XDG_STATE_HOME to a directory on a local disk",
    )


_LOOK = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lock of a run's directory, which the kernel releases if the run dies."""
    handle = os.open(directory, _LOOK)
    try:
        lock_within(handle, fcntl.LOCK_EX, what=f"the run {directory}")
        yield
    finally:
        os.close(handle)


def is_held(directory: Path) -> bool:
    """Whether a process holds the lock. Raises OSError."""
    handle = os.open(directory, _LOOK)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
