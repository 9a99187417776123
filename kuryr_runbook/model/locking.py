"""The lock of a site: who holds it, and whether another process may take it.

A lock has two parts: a file on the machine, which the kernel unlocks when its process dies, and a
Lease in the cluster, which its holder renews. Clocks of two machines differ, so a time that another
machine wrote is never compared with the local time. As in client-go's leader election, a Lease is
dead if it did not change while we watched it for as long as it is valid.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from kuryr_runbook.model.documents import mapping, parse_json
from kuryr_runbook.model.errors import FileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that changes a site, as others see it."""

    user: str
    host: str
    pid: int
    since: str
    """Time in UTC, for people."""
    command: str
    directory: str
    """The directory of its record."""
    token: str
    """Random, to distinguish holders with the same pid."""
    lock_file: str
    """Boot id of the machine, device and inode of the lock file. Two holders with the same one
    cannot live at the same time, since a file's lock has one holder."""

    @property
    def identity(self) -> str:
        """The holderIdentity of the Lease, in the form that Kubernetes' own components use."""
        return f"{self.user}@{self.host}_{self.token}"

    def __str__(self) -> str:
        return (
            f"{self.user}@{self.host}, pid {self.pid}, since {self.since}, "
            f"`{self.command}` in {self.directory}"
        )

    def as_text(self) -> str:
        """The holder as JSON, for the lock file and the Lease."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """The holder that a text describes; None if it does not, or not completely."""
        try:
            values = mapping(parse_json(text, "the holder"), "the holder")
            holder = cls(**values)
        except (FileError, TypeError):
            return None
        texts = [value for name, value in values.items() if name != "pid"]
        is_whole = isinstance(values["pid"], int) and all(isinstance(text, str) for text in texts)
        return holder if is_whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRecord:
    """A Lease as it was read."""

    identity: str
    """holderIdentity; empty: nobody holds it."""
    holder: Holder | None
    """None: not written by the runbook."""
    seconds: float
    """Seconds for which it is valid after each renewal."""
    uid: str
    version: str
    """resourceVersion: different after each change."""

    def __str__(self) -> str:
        return str(self.holder) if self.holder else self.identity


@dataclass(frozen=True, slots=True)
class Sighting:
    """A Lease as it is now, and since when it has been so."""

    record: LeaseRecord | None
    """None: there is no Lease."""
    since: float
    """By our own monotonic clock, after the first response that showed it so."""
    changed: bool = False
    """Whether we saw it change: then its holder was alive."""

    def then(self, record: LeaseRecord | None, now: float) -> Sighting:
        """The sighting after another look."""
        return self if record == self.record else Sighting(record, now, changed=True)


class Verdict(StrEnum):
    """What a Lease means for a process that wants it."""

    FREE = "free"
    OURS = "ours"
    DEAD = "dead"
    HELD = "held"
    UNSURE = "unsure"
    """Its holder may be alive or dead: read it again."""


def judge(sighting: Sighting, me: Holder, now: float) -> Verdict:
    """Whether I may take the Lease; I hold the lock of my lock file."""
    record = sighting.record
    if record is None or not record.identity:
        return Verdict.FREE
    if record.identity == me.identity:
        return Verdict.OURS
    if record.holder is not None and record.holder.lock_file == me.lock_file:
        # If it were alive, it would hold the file's lock, which I have.
        return Verdict.DEAD
    if sighting.changed:
        return Verdict.HELD
    return Verdict.DEAD if now - sighting.since >= record.seconds else Verdict.UNSURE
