"""A Lease in memory, for pure tests: it stands in for our own client layer."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.kubernetes.leases import LEASE_SECONDS
from kuryr_runbook.model.locking import Holder, LeaseRecord


def holder(token: str, **values: Any) -> Holder:
    """A holder on a machine of its own, unless told otherwise."""
    return replace(
        Holder(
            user="alice",
            host=f"host-{token}",
            pid=4711,
            since="2026-11-25T03:40:00+00:00",
            command="kuryr-runbook run",
            directory="/runs/lab/1",
            token=token,
            lock_file=f"boot-{token}:1:1",
        ),
        **values,
    )


class MemoryLeases:
    """One Lease with the API server's rule: a change of another version than the last is refused.

    `error`: what every call raises instead of answering.
    """

    def __init__(self, seconds: float = LEASE_SECONDS) -> None:
        self.record: LeaseRecord | None = None
        self.error: Exception | None = None
        self.seconds = seconds
        self.writes = 0
        self._mutex = threading.Lock()

    def read(self) -> LeaseRecord | None:
        with self._mutex:
            self._answer()
            return self.record

    def create(self, holder: Holder) -> LeaseRecord | None:
        with self._mutex:
            self._answer()
            return self._write(holder, f"uid-{self.writes}") if self.record is None else None

    def replace(self, record: LeaseRecord, holder: Holder) -> LeaseRecord | None:
        with self._mutex:
            self._answer()
            return self._write(holder, record.uid) if record == self.record else None

    def delete(self, record: LeaseRecord) -> None:
        with self._mutex:
            self._answer()
            if record == self.record:
                self.record = None

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error

    def _write(self, holder: Holder, uid: str) -> LeaseRecord:
        self.writes += 1
        self.record = LeaseRecord(
            identity=holder.identity,
            holder=holder,
            seconds=self.seconds,
            uid=uid,
            version=str(self.writes),
        )
        return self.record


class HeldLeases(MemoryLeases):
    """A Lease that a holder elsewhere renews all the time."""

    def read(self) -> LeaseRecord | None:
        with self._mutex:
            return self._write(holder("other"), "uid")


TESTS = Path(__file__).parents[1]
"""For processes that a test starts: where this module is found."""
