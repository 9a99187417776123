"""Findings: the answers that checks give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kuryr_runbook.model.fixes import Fix


class Status(StrEnum):
    """What a check found. `unknown` means it could not look; it is never a pass."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer: which check, about what, what was seen, and what to do when it is bad."""

    check: str
    """Stable name, such as `vip-from-pods`."""
    title: str
    status: Status
    evidence: str
    subject: str = ""
    """The object that it is about, when it is about one."""
    remedy: str = ""
    source: str = ""
    """Where it is known from that this matters; empty where the title says it all."""
    victims: tuple[str, ...] = ()
    """The objects that suffer from it: `pod namespace/name` and the like."""
    effects: tuple[str, ...] = ()
    """Names of the checks that would have found these otherwise."""
    cause: str = ""
    """What diagnosis says about it; empty: it was not asked."""
    fixes: tuple[Fix, ...] = ()
    """What of it the runbook can mend by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One place on the way of a packet."""

    depth: int
    """How many places lie above it."""
    what: str
    """Its kind: pod, port, listener."""
    name: str
    status: Status
    seen: str


GRAVITY = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS, Status.SKIP)
"""The gravest first."""


def worst(findings: Iterable[Finding]) -> Status:
    """The status that decides; skip when there is nothing."""
    seen = {finding.status for finding in findings}
    return next((status for status in GRAVITY if status in seen), Status.SKIP)
