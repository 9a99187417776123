"""The lock of a site: who holds it, and whether another may take it.

A lock has two parts: a file on the machine, whose lock the kernel takes from a dead process, and
a Lease in the cluster, which its holder renews. Clocks of two machines differ, so no time that
another machine wrote is compared with the time here. As in client-go's leader election, a Lease
is dead when it did not change while we looked at it for as long as it is valid.
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
    """A process that changes a site, as those who meet its lock see it."""

    user: str
    host: str
    pid: int
    since: str
    """Time in UTC, for people."""
    command: str
    directory: str
    """Where it leaves its record."""
    token: str
    """Random: tells holders apart whatever their pids."""
    lock_file: str
    """Boot of the machine, device and inode of the lock file. Two holders with the same one cannot
    live at the same time, since one file's lock has one holder."""

    @property
    def identity(self) -> str:
        """The holderIdentity of the Lease, in the form of Kubernetes' own components."""
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
        """The holder that a text describes; None when it describes none, or not all of it."""
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
    """How long it is valid after each renewal."""
    uid: str
    version: str
    """resourceVersion: another one with each change."""

    def __str__(self) -> str:
        return str(self.holder) if self.holder else self.identity


@dataclass(frozen=True, slots=True)
class Sighting:
    """A Lease as it is now, and since when we have seen it like that."""

    record: LeaseRecord | None
    """None: there is no Lease."""
    since: float
    """By our own monotonic clock, after the answer that showed it so first."""
    changed: bool = False
    """Whether it was seen to change: somebody who lives made it so."""

    def then(self, record: LeaseRecord | None, now: float) -> Sighting:
        """The sighting after another look."""
        return self if record == self.record else Sighting(record, now, changed=True)


class Verdict(StrEnum):
    """What a Lease means for one who wants it."""

    FREE = "free"
    OURS = "ours"
    DEAD = "dead"
    HELD = "held"
    UNSURE = "unsure"
    """Its holder may live or not: look again."""


def judge(sighting: Sighting, me: Holder, now: float) -> Verdict:
    """Whether I may have the Lease. I hold the lock of my lock file."""
    record = sighting.record
    if record is None or not record.identity:
        return Verdict.FREE
    if record.identity == me.identity:
        return Verdict.OURS
    if record.holder is not None and record.holder.lock_file == me.lock_file:
        # It would hold the file's lock, which I have.
        return Verdict.DEAD
    if sighting.changed:
        return Verdict.HELD
    return Verdict.DEAD if now - sighting.since >= record.seconds else Verdict.UNSURE
