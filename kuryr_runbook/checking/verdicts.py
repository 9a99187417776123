"""What the checks have in common: a verdict becomes a finding, and not being able to look, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.support import Objection
from kuryr_runbook.snapshots.reading import Unreadable

T = TypeVar("T")
S = TypeVar("S")

SHOWN = 5
"""How many of several culprits a text names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An answer, before it is known to which check it belongs."""

    status: Status
    evidence: str
    remedy: str = ""
    subject: str = ""
    victims: tuple[str, ...] = ()


class CouldNotLook(Exception):  # noqa: N818 - it is no error: it becomes an unknown
    """What a check needs was not read; it ends as unknown."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


def readable(value: T | Unreadable) -> T:
    """The value; raises CouldNotLook when it could not be read."""
    if isinstance(value, Unreadable):
        raise CouldNotLook(value.reason, value.remedy)
    return value


def passed(evidence: str) -> Verdict:
    """All is as it should be."""
    return Verdict(status=Status.PASS, evidence=evidence)


def failed(evidence: str, remedy: str, subject: str = "") -> Verdict:
    """It is not, and what to do."""
    return Verdict(status=Status.FAIL, evidence=evidence, remedy=remedy, subject=subject)


def warned(evidence: str, remedy: str, subject: str = "") -> Verdict:
    """It may work, and what to look after."""
    return Verdict(status=Status.WARN, evidence=evidence, remedy=remedy, subject=subject)


def skipped(evidence: str) -> Verdict:
    """The question does not arise for this site, and why."""
    return Verdict(status=Status.SKIP, evidence=evidence)


def objected(objection: Objection) -> Verdict:
    """It does not go together with the release."""
    return Verdict(
        status=objection.status,
        evidence=f"{objection.subject}: {objection.reason}",
        remedy=objection.way_out,
    )


def check(
    name: str, title: str
) -> Callable[[Callable[[S], Verdict]], Callable[[S], Iterator[Finding]]]:
    """Make a check of that name out of a function from a snapshot to a verdict."""

    def of(judge: Callable[[S], Verdict]) -> Callable[[S], Iterator[Finding]]:
        @wraps(judge)
        def finding(snapshot: S) -> Iterator[Finding]:
            try:
                verdict = judge(snapshot)
            except CouldNotLook as reason:
                verdict = Verdict(
                    status=Status.UNKNOWN,
                    evidence=f"could not look: {reason}",
                    remedy=reason.remedy,
                )
            yield Finding(
                check=name,
                title=title,
                status=verdict.status,
                evidence=verdict.evidence,
                subject=verdict.subject,
                remedy=verdict.remedy,
                victims=verdict.victims,
            )

        return finding

    return of


def some(items: Sequence[str]) -> str:
    """The first few of several texts, and how many more there are."""
    more = [f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return "; ".join([*items[:SHOWN], *more])


def only(items: Sequence[str]) -> str:
    """The one item, for a finding's subject; empty when there are several."""
    return items[0] if len(items) == 1 else ""
