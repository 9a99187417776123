"""Takes a site's Lease and keeps it: renewed by a thread, given up in time, deleted at the end.

A holder that cannot renew stops before anybody else may take the Lease: it gives up
GIVE_UP_SECONDS after it sent its last renewal, while anybody else has to watch the Lease for its
whole duration, which begins when that renewal arrived, or later. Each uses its own monotonic clock.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from kuryr_runbook.clients.kubernetes.leases import Leases
from kuryr_runbook.model.errors import LockedError, LockLostError, RunbookError
from kuryr_runbook.model.locking import Holder, LeaseRecord, Sighting, Verdict, judge

RENEW_SECONDS = 2.0
GIVE_UP_SECONDS = 20.0
"""After the last renewal; the rest of LEASE_SECONDS is for stopping what is under way."""
LOOK_SECONDS = 0.5
"""How often to read a Lease whose holder may be dead."""
STOPPING_SECONDS = 10.0
"""How long release() waits for a renewal in progress."""

Say = Callable[[str], None]


class LeaseKeeper:
    """One holder's Lease, from take() to release()."""

    def __init__(self, leases: Leases, me: Holder, say: Say) -> None:
        """`me` already holds the lock on its lock file."""
        self.lost: LockLostError | None = None
        """Why the Lease could not be kept, if it was lost."""
        self._leases = leases
        self._me = me
        self._say = say
        self._ended = threading.Event()
        self._mutex = threading.Lock()
        self._trouble = "no answer yet"
        self._tried = False
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    @property
    def taken(self) -> bool:
        """Whether the Lease was taken; from then on it is renewed."""
        return self._renewer.ident is not None

    def take(self) -> None:
        """Take the Lease, if need be from a dead holder, and start renewing it.

        While the holder may be dead, waits and says so: until the Lease changes, or has not changed
        for as long as it is valid. Raises LockedError when it is held.
        """
        shown = False
        sighting = Sighting(self._leases.read(), time.monotonic())
        while True:
            began = time.monotonic()
            verdict = judge(sighting, self._me, began)
            if verdict is Verdict.HELD:
                raise locked_error(str(sighting.record))
            if verdict is Verdict.UNSURE:
                if not shown and sighting.record is not None:
                    self._say(_waiting(sighting.record))
                shown = True
                time.sleep(LOOK_SECONDS)
            elif taken := self._try(verdict, sighting.record):
                self._keep(taken, began)
                return
            sighting = sighting.then(self._leases.read(), time.monotonic())

    def _try(self, verdict: Verdict, record: LeaseRecord | None) -> LeaseRecord | None:
        self._tried = True
        if record is None:
            return self._leases.create(self._me)
        if verdict is Verdict.DEAD:
            self._say(f"taking over the lock of a dead run: {record}")
        return self._leases.replace(record, self._me)

    def release(self) -> None:
        """Stop renewing and delete the Lease. If it cannot be deleted, it expires on its own."""
        with self._mutex:
            self._ended.set()
        if not self._tried:
            return
        if self.taken:
            self._renewer.join(STOPPING_SECONDS)
        try:
            record = self._leases.read()
            if record is not None and record.identity == self._me.identity:
                self._leases.delete(record)
        except RunbookError as error:
            self._say(f"the site's Lease could not be deleted, and will expire: {error.message}")

    def _keep(self, record: LeaseRecord, began: float) -> None:
        self._record, self._renewed = record, began
        self._renewer.start()
        # A second thread, since the one that renews may hang in a name lookup or credential plugin.
        threading.Thread(target=self._watch, name="lease-watch", daemon=True).start()

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            began = time.monotonic()
            try:
                renewed = self._renewal()
            except LockLostError as error:
                self._lose(error)
            except RunbookError as error:
                self._trouble = error.message
            else:
                if renewed is not None:
                    self._record, self._renewed = renewed, began

    def _renewal(self) -> LeaseRecord | None:
        """The renewed Lease; None if it has to be retried. Raises LockLostError if it was taken."""
        if renewed := self._leases.replace(self._record, self._me):
            return renewed
        found = self._leases.read()
        if found is None:
            return self._leases.create(self._me)
        if found.identity == self._me.identity:
            # Our own renewal, whose answer was lost, or somebody's edit.
            return self._leases.replace(found, self._me)
        raise LockLostError(
            f"the lock of the site was lost: {found} took it over",
            remedy="this process must have been suspended for a long time; wait until the other "
            "run is done, then run again: what is already done is kept",
        )

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if time.monotonic() - self._renewed > GIVE_UP_SECONDS:
                self._lose(
                    LockLostError(
                        "the lock of the site was lost: its Lease could not be renewed for "
                        f"{GIVE_UP_SECONDS:.0f} s: {self._trouble}",
                        remedy="find out why the API server did not answer, then run again: what "
                        "is already done is kept",
                    )
                )

    def _lose(self, error: LockLostError) -> None:
        """Interrupt the work as Ctrl-C would: it may be minutes until its next step."""
        with self._mutex:
            if self._ended.is_set():
                return
            self._ended.set()
            self.lost = error
        # Sent to the main thread itself, so that a system call that blocks it ends, too.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def locked_error(holder: str) -> LockedError:
    """The error that names the holder."""
    return LockedError(
        f"another run is changing this site: {holder}",
        remedy="wait until it is done, or end it, which releases the lock. `--dry-run` needs no "
        "lock",
    )


def _waiting(record: LeaseRecord) -> str:
    return (
        f"another run has the site's lock: {record}; waiting up to {record.seconds:.0f} s for a "
        "sign of life"
    )
