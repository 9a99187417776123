"""The one kind of check: what it asks, when, and of which site; and asking it, which never raises.

A check is a function over what was read that returns a verdict, or yields several: causes of what
is wrong, or a pass. Preflight, verification and diagnosis are lists of them, made by `checks_on`
of what stands in the modules of questions; so a new check is one edit.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import KW_ONLY, dataclass, fields, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from kuryr_runbook.checking.verdicts import CouldNotLook, passed, skipped
from kuryr_runbook.model.findings import Finding, Region, Status, Verdict
from kuryr_runbook.model.site import Site

UNSEEN = "unseen"
"""The fact of a verdict that tells why nobody could look."""
HOME = str(Path(__file__).parents[1])
"""Where our own code is; what it calls tells less of where it went wrong."""
REPORT = (
    "this is a defect of kuryr-runbook, and says nothing about your site: report it with this line "
    "and, from `kuryr-runbook diagnose --save-snapshot FILE`, the file"
)


class Occasion(StrEnum):
    """When checks are asked."""

    PREFLIGHT = "preflight"
    VERIFICATION = "verification"
    DIAGNOSIS = "diagnosis"


class Depth(IntEnum):
    """How deep lies what a check finds; of two causes of one thing, the deeper one is told."""

    GROUND = 0
    """What Kuryr stands on: versions, subnets, quotas, limits, the nodes' ports."""
    SAID = 1
    """What the programs said of it; it may be old, so what is seen comes first."""
    PROGRAMS = 2
    """Kuryr's own programs, and the nodes that wait for them."""
    EFFECTS = 3
    """What pods and Services notice."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a check finds, as the documentation tells it: a row of its table."""

    what: str
    seen: str
    """What users notice."""
    told: str = ""
    """What diagnosis says then, where it is more than the name of the check."""


Find = Callable[[Any], Verdict | Iterable[Verdict | CouldNotLook]]


@dataclass(frozen=True, slots=True)
class Check:
    """A question; used as the decorator of the function that answers it."""

    name: str
    """Stable, such as `vip-from-pods`: machines and people refer to it."""
    title: str
    source: str
    """Where it is known from that this matters."""
    _: KW_ONLY
    on: tuple[Occasion, ...] = (Occasion.DIAGNOSIS,)
    moot: Callable[[Site], str] = lambda site: ""
    """Why it does not arise for a site; empty: it does."""
    depth: Depth = Depth.EFFECTS
    explains: Set[str] = frozenset()
    """The checks whose findings follow from this one's."""
    region: Region | None = None
    """Where in the picture it finds causes, beside their victims."""
    faults: tuple[Fault, ...] = ()
    """What of it the documentation tells."""
    find: Find = lambda view: ()
    """Raises CouldNotLook, or yields it where the rest can be looked at nevertheless."""

    def __call__(self, find: Find) -> Check:
        """The check that this function answers."""
        return replace(self, find=find)

    def ask(self, site: Site, view: object) -> list[Verdict]:
        """At least one verdict; whatever goes wrong in the check is unknown, and no more.

        What was found before that stands; a pass stands only alone.
        """
        found: list[Verdict] = []
        try:
            if reason := self.moot(site):
                return [skipped(reason)]
            said = self.find(view)
            for it in (said,) if isinstance(said, Verdict) else said:
                found.append(_unseen(it) if isinstance(it, CouldNotLook) else it)
        except CouldNotLook as unseen:
            found.append(_unseen(unseen))
        except Exception as error:
            found.append(_unknown(_crash(error), REPORT, _crash(error)))
        telling: list[Verdict] = []
        for verdict in found:
            # Several parts of a check may be blind for the same reason.
            if verdict.status not in (Status.PASS, Status.SKIP) and verdict not in telling:
                telling.append(verdict)
        return telling or found or [passed("nothing found")]

    def finding(self, verdict: Verdict) -> Finding:
        """The verdict as one of this check's findings."""
        victims = verdict.victims
        return Finding(
            check=self.name,
            title=self.title,
            source=self.source,
            region=self.region,
            subject=str(victims[0]) if len(victims) == 1 else "",
            **{field.name: getattr(verdict, field.name) for field in fields(Verdict)},
        )


def checks_on(occasion: Occasion, *modules: ModuleType) -> tuple[Check, ...]:
    """The checks of that occasion that stand in these modules, the deepest first."""
    found = {
        check.name: check
        for module in modules
        for check in vars(module).values()
        if isinstance(check, Check) and occasion in check.on
    }
    return tuple(sorted(found.values(), key=lambda check: check.depth))


def findings_of(checks: Iterable[Check], site: Site, view: object) -> Iterator[Finding]:
    """What each of the checks says, in their order."""
    for check in checks:
        for verdict in check.ask(site, view):
            yield check.finding(verdict)


def _unseen(why: CouldNotLook) -> Verdict:
    return _unknown(f"could not look: {why}", why.remedy, str(why))


def _unknown(evidence: str, remedy: str, unseen: str) -> Verdict:
    facts = {UNSEEN: unseen}
    return Verdict(status=Status.UNKNOWN, evidence=evidence, remedy=remedy, facts=facts)


def _crash(error: Exception) -> str:
    ours = [it for it in traceback.extract_tb(error.__traceback__) if HOME in it.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"the check broke off with {type(error).__name__}: {error}{place}"
