"""The lock of a site: whoever changes the site holds it, on this machine and in the cluster."""

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
"""Environment variable with the token of the lock that a process and its children may use."""
ORPHAN_SECONDS = 10.0
"""How long to wait for the kernel of a killed run to notice and end; it takes about 1 s."""
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the lock is wanted for, shown to others who find it taken."""

    command: str
    directory: Path
    """Where its record is kept."""


class SiteLock:
    """The lock while it is held."""

    def __init__(
        self, keeper: Callable[[], LeaseKeeper] | None, descriptors: tuple[int, ...] = ()
    ) -> None:
        """`keeper` makes the LeaseKeeper; None if the lock is held by whom we work for."""
        self.descriptors = descriptors
        """A process that works for us keeps these open: the site stays locked until it ends."""
        self._make_keeper = keeper
        self._keeper: LeaseKeeper | None = None

    @property
    def was_held(self) -> bool:
        """Whether the process that we work for already had the lock."""
        return self._make_keeper is None

    @property
    def lost(self) -> LockLostError | None:
        """Why the lock could not be kept, if it was lost; its work has then been interrupted."""
        return self._keeper.lost if self._keeper else None

    def take_lease(self, *, needs_cluster: bool) -> None:
        """Take the lock's part in the cluster, unless we have it.

        If there is no cluster to ask, work that needs no cluster continues without it; any other
        work fails here, as it would a moment later. Raises LockedError when another run has it.
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
        """Release the Lease."""
        if self._keeper is not None:
            self._keeper.release()


@contextmanager
def locked(site: Site, leases: Callable[[], Leases], work: Work, say: Say) -> Iterator[SiteLock]:
    """Hold the lock's part on this machine, and from take_lease() on its part in the cluster.

    Does nothing if this process, or one that it works for, already has the lock. Raises LockedError
    when another run has it. If the lock cannot be kept, raises LockLostError in place of the
    KeyboardInterrupt that stops the work.
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
    """Take the lock from a dead holder whose kernel still has it, and will end in a moment."""
    holder = Holder.from_text(file.read())
    if holder is None:
        raise locked_error("one that has just started, on this machine")
    if not _is_gone(holder.pid):
        raise locked_error(str(holder))
    say(f"waiting for the kernel of a killed run to end: {holder}")
    end = time.monotonic() + ORPHAN_SECONDS
    while not file.acquire():
        if time.monotonic() > end:
            raise locked_error(f"{holder}; it was killed, but its kernel is still running")
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
    """Show the holder to others who find the file, and to the processes that work for it."""
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
