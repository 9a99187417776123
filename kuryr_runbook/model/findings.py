"""Findings: the results of checks, in one shape from the check to the record.

Checks, phases and guard rails all report a `Verdict`: a status, the evidence, the remedy, and as
data the affected objects and what was counted or read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kuryr_runbook.model.fixes import Fix

PLUGIN_DIGEST = "plugin_sha256"
"""The fact in a finding with the digest of the CNI plugin on a node."""


class Status(StrEnum):
    """The result of a check. `unknown` means it could not get an answer; it is never a pass."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class Region(StrEnum):
    """A part of a site's picture; a finding may belong there, besides the objects it affects."""

    PROGRAMS = "programs"
    PROJECT = "project"
    ROUTER = "router"
    GUARDS = "guards"
    """The security groups that apply to pods' packets."""
    NODES = "nodes"
    PODS = "pods"
    SERVICES = "services"


@dataclass(frozen=True, slots=True)
class Victim:
    """An affected object."""

    kind: str
    """pod, node, service, `load balancer` and so on, in its API's own terms."""
    name: str
    namespace: str = ""
    """Empty if its kind has none."""
    node: str = field(default="", compare=False)
    """The node that it is on; empty: none, or not known."""

    @property
    def place(self) -> str:
        """Its name, with its namespace if it has one."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, and what to do about it."""

    status: Status
    evidence: str
    remedy: str = ""
    """Empty if there is nothing to do."""
    victims: tuple[Victim, ...] = ()
    """The objects that it affects."""
    facts: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    """The evidence as data."""
    fixes: tuple[Fix, ...] = ()
    """What the runbook itself can fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Verdict):
    """A verdict, and the check that it comes from."""

    check: str
    """Stable name, such as `vip-from-pods`."""
    title: str
    subject: str = ""
    """The object that it is about, if it is about one."""
    source: str = ""
    """The source that shows why it matters; empty if the title says it all."""
    region: Region | None = None
    """Its place in the picture; None: that of its victims."""
    effects: tuple[str, ...] = ()
    """Names of the checks that would otherwise have reported these victims."""
    cause: str = ""
    """The causes that diagnosis found for it; empty: it did not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One place on a packet's path."""

    depth: int
    """How many places are above it."""
    what: str
    """Its kind: pod, port, listener."""
    name: str
    status: Status
    seen: str


GRAVITY = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS, Status.SKIP)
"""The worst first."""


def worst(findings: Iterable[Verdict]) -> Status:
    """The worst status; skip if there are no findings."""
    seen = {finding.status for finding in findings}
    return next((status for status in GRAVITY if status in seen), Status.SKIP)
