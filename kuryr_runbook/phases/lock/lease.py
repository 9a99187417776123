"""Taking a site's Lease and keeping it: renewed by a thread, given up in time, deleted at the end.

A holder that could not renew stops before anybody else may take the Lease: it gives up after
GIVE_UP_SECONDS since its last renewal was sent, while another one watches the Lease for its whole
duration, which began when that renewal arrived, or later. Both count by their own monotonic clocks.
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
"""Between two looks at a Lease whose holder may be dead."""
STOPPING_SECONDS = 10.0
"""For a renewal under way to end, at the release."""

Say = Callable[[str], None]


class LeaseKeeper:
    """One holder's Lease, from take() to release()."""

    def __init__(self, leases: Leases, me: Holder, say: Say) -> None:
        """`me` holds the lock of its lock file already."""
        self.lost: LockLostError | None = None
        """Why the Lease could not be kept."""
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
        """Whether the Lease was taken, and has been renewed since."""
        return self._renewer.ident is not None

    def take(self) -> None:
        """Take the Lease, from a dead holder too, and begin to renew it.

        Waits, and says so, while the holder may be dead: until the Lease changes, or did not change
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
            self._say(f"taking over the lock of a run that is dead: {record}")
        return self._leases.replace(record, self._me)

    def release(self) -> None:
        """Stop renewing and delete the Lease. One that cannot be deleted runs out by itself."""
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
            self._say(f"the site's Lease stays, and runs out by itself: {error.message}")

    def _keep(self, record: LeaseRecord, began: float) -> None:
        self._record, self._renewed = record, began
        self._renewer.start()
        # Beside the thread that renews, which may hang in a name lookup or a credential plugin.
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
        """The renewed Lease; None: try again. Raises LockLostError when another one has it."""
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
            remedy="this process must have been stopped for long; wait until the other run is "
            "done, then run again: what is done already is kept",
        )

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if time.monotonic() - self._renewed > GIVE_UP_SECONDS:
                self._lose(
                    LockLostError(
                        "the lock of the site was lost: its Lease could not be renewed for "
                        f"{GIVE_UP_SECONDS:.0f} s: {self._trouble}",
                        remedy="see why the API server did not answer, then run again: what is "
                        "done already is kept",
                    )
                )

    def _lose(self, error: LockLostError) -> None:
        """Stop what is under way as Ctrl-C would: it may take minutes to its next step."""
        with self._mutex:
            if self._ended.is_set():
                return
            self._ended.set()
            self.lost = error
        # To the thread itself: a system call that blocks it has to end too.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def locked_error(holder: str) -> LockedError:
    """The refusal, which names the holder."""
    return LockedError(
        f"another run changes this site: {holder}",
        remedy="wait until it is done, or end it: the lock goes with it. `--dry-run` needs no lock",
    )


def _waiting(record: LeaseRecord) -> str:
    return (
        f"another run has the site's lock: {record}; waiting for a sign of its life, at most "
        f"{record.seconds:.0f} s"
    )
