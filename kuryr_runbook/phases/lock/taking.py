"""The lock of a site: whoever changes it holds the lock, on this machine and in the cluster."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_state_path

from kuryr_runbook.clients.kubernetes.leases import Leases
from kuryr_runbook.clients.lock_files import LockFile
from kuryr_runbook.model.errors import LockLostError, UnreachableError, UsageError
from kuryr_runbook.model.locking import Holder
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.lock.lease import LeaseKeeper, Say, locked_error

VARIABLE = "KURYR_RUNBOOK_LOCK"
"""Tells a process, and those that it starts, that the lock whose token it holds is theirs."""
ORPHAN_SECONDS = 10.0
"""For the kernel of a run that was killed to notice and to end; it takes about one."""
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the lock is wanted for, shown to those who meet it."""

    command: str
    directory: Path
    """Where the record of it is kept."""


class SiteLock:
    """The lock while it is held."""

    def __init__(
        self, keeper: Callable[[], LeaseKeeper] | None, descriptors: tuple[int, ...] = ()
    ) -> None:
        """`keeper` makes what will hold the Lease; None: there is nothing for us to hold."""
        self.descriptors = descriptors
        """For a process that works for us to keep open: until it ends too, the site is locked."""
        self._make_keeper = keeper
        self._keeper: LeaseKeeper | None = None

    @property
    def was_held(self) -> bool:
        """Whether whom we work for had it already, when it was asked for."""
        return self._make_keeper is None

    @property
    def lost(self) -> LockLostError | None:
        """Why the lock could not be kept: what was done under it was interrupted then."""
        return self._keeper.lost if self._keeper else None

    def take_lease(self, *, needs_cluster: bool) -> None:
        """Take the lock's part in the cluster, unless we have it.

        What needs no cluster goes on without it when there is none to ask; all else then fails
        here, as it would a moment later. Raises LockedError when another run has it.
        """
        if self._make_keeper is None or (self._keeper and self._keeper.taken):
            return
        try:
            self._keeper = self._keeper or self._make_keeper()
            self._keeper.take()
        except (UnreachableError, UsageError):
            if needs_cluster:
                raise

    def release(self) -> None:
        """Let the Lease go."""
        if self._keeper is not None:
            self._keeper.release()


@contextmanager
def locked(site: Site, leases: Callable[[], Leases], work: Work, say: Say) -> Iterator[SiteLock]:
    """Hold the lock's part on this machine, and that in the cluster from take_lease() on.

    There is nothing to do when this process, or one that it works for, has the lock. Raises
    LockedError when another run has it, and LockLostError in the place of the KeyboardInterrupt
    that stops what is done under a lock that could not be kept.
    """
    file = LockFile(user_state_path("kuryr-runbook") / "locks" / f"{site.name}.lock")
    try:
        if file.acquire():
            pass
        elif _is_ours(file):
            yield SiteLock(None)
            return
        else:
            _await_orphan(file, say)
        me = _holder(file, work)
        with _announced(file, me):
            lock = SiteLock(lambda: LeaseKeeper(leases(), me, say), (file.descriptor,))
            try:
                yield lock
            except KeyboardInterrupt:
                if lock.lost is not None:
                    raise lock.lost from None
                raise
            finally:
                lock.release()
    finally:
        file.close()


def _is_ours(file: LockFile) -> bool:
    holder = Holder.from_text(file.read())
    return holder is not None and holder.token == os.environ.get(VARIABLE)


def _await_orphan(file: LockFile, say: Say) -> None:
    """Take the lock from a holder that is dead but for a kernel, which ends in a moment."""
    holder = Holder.from_text(file.read())
    if holder is None:
        raise locked_error("one that has just begun, on this machine")
    if not _is_gone(holder.pid):
        raise locked_error(str(holder))
    say(f"waiting for the kernel of a run that was killed: {holder}")
    end = time.monotonic() + ORPHAN_SECONDS
    while not file.acquire():
        if time.monotonic() > end:
            raise locked_error(f"{holder}; it was killed, but a kernel of it still runs")
        time.sleep(LOOK_SECONDS)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def _holder(file: LockFile, work: Work) -> Holder:
    return Holder(
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        command=work.command,
        directory=str(work.directory),
        token=secrets.token_hex(8),
        lock_file=file.identity,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # In a container, a user may have no name.
        return str(os.getuid())


@contextmanager
def _announced(file: LockFile, me: Holder) -> Iterator[None]:
    """Name the holder to those who meet the file, and to the processes that work for it."""
    before = os.environ.get(VARIABLE)
    file.write(me.as_text())
    os.environ[VARIABLE] = me.token
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before
        file.write("")
