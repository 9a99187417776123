"""Findings: what checks say, in one shape from the check to the record.

Whoever judges something, a check, a phase or a guard rail, says it as a `Verdict`: a status, the
evidence, the remedy, and as data whom it concerns and what was counted or read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kuryr_runbook.model.fixes import Fix

PLUGIN_DIGEST = "plugin_sha256"
"""The fact of a finding that is the digest of the CNI plugin on a node."""


class Status(StrEnum):
    """What a check found. `unknown` means it could not look; it is never a pass."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class Region(StrEnum):
    """A part of a site's picture; a finding may come from there, beside whom it concerns."""

    PROGRAMS = "programs"
    PROJECT = "project"
    ROUTER = "router"
    GUARDS = "guards"
    """The security groups that pods' packets meet."""
    NODES = "nodes"
    PODS = "pods"
    SERVICES = "services"


@dataclass(frozen=True, slots=True)
class Victim:
    """An object that suffers."""

    kind: str
    """pod, node, service, `load balancer` and so on, in the words of its API's people."""
    name: str
    namespace: str = ""
    """Empty where its kind has none."""
    node: str = field(default="", compare=False)
    """Where it is; empty: nowhere, or not known."""

    @property
    def place(self) -> str:
        """Its name, with its namespace if it has one."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was seen, and what to do about it."""

    status: Status
    evidence: str
    remedy: str = ""
    """Empty where nothing is to be done."""
    victims: tuple[Victim, ...] = ()
    """Whom it concerns."""
    facts: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    """What the evidence says in words, for those who compute with it."""
    fixes: tuple[Fix, ...] = ()
    """What of it the runbook can mend by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Verdict):
    """A verdict, and the check that it is of."""

    check: str
    """Stable name, such as `vip-from-pods`."""
    title: str
    subject: str = ""
    """The object that it is about, when it is about one."""
    source: str = ""
    """Where it is known from that this matters; empty where the title says it all."""
    region: Region | None = None
    """Where it comes from in the picture; None: from its victims."""
    effects: tuple[str, ...] = ()
    """Names of the checks that would have found these victims otherwise."""
    cause: str = ""
    """What diagnosis says about it; empty: it was not asked."""


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


def worst(findings: Iterable[Verdict]) -> Status:
    """The status that decides; skip when there is nothing."""
    seen = {finding.status for finding in findings}
    return next((status for status in GRAVITY if status in seen), Status.SKIP)
