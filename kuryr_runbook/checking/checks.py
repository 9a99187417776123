"""The one kind of check: when and for which sites it runs; and running it, which never raises.

A check is a function over what was read that returns a verdict or yields several: causes of
problems, or a pass. Preflight, verification and diagnosis are lists of them, which `checks_on`
collects from the modules of questions; so adding a check is one edit.
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
"""The fact in a verdict with the reason why it could not get an answer."""
HOME = str(Path(__file__).parents[1])
"""The directory of our own code: a frame in it shows best where a check crashed."""
REPORT = (
    "this is a bug in kuryr-runbook, and says nothing about your site: report it with this line "
    "and the file that `kuryr-runbook diagnose --save-snapshot FILE` writes"
)


class Occasion(StrEnum):
    """When checks are run."""

    PREFLIGHT = "preflight"
    VERIFICATION = "verification"
    DIAGNOSIS = "diagnosis"


class Depth(IntEnum):
    """How deep a check's findings are; of two causes of one thing, the deeper one is reported."""

    GROUND = 0
    """What Kuryr depends on: versions, subnets, quotas, limits, the nodes' ports."""
    SAID = 1
    """What the programs logged about it; that may be old, so current facts come first."""
    PROGRAMS = 2
    """Kuryr's own programs, and the nodes that wait for them."""
    EFFECTS = 3
    """What pods and Services notice."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a check finds: a row of the documentation's table."""

    what: str
    seen: str
    """The symptoms."""
    reported: str = ""
    """What diagnosis reports, if it is more than the name of the check."""


Find = Callable[[Any], Verdict | Iterable[Verdict | CouldNotLook]]


@dataclass(frozen=True, slots=True)
class Check:
    """A check; used as the decorator of its function."""

    name: str
    """A stable name, such as `vip-from-pods`, for programs and people."""
    title: str
    source: str
    """The source that shows why it matters."""
    _: KW_ONLY
    on: tuple[Occasion, ...] = (Occasion.DIAGNOSIS,)
    moot: Callable[[Site], str] = lambda site: ""
    """Why it does not apply to a site; empty: it does."""
    depth: Depth = Depth.EFFECTS
    explains: Set[str] = frozenset()
    """The checks whose findings follow from this one's."""
    region: Region | None = None
    """The place in the picture of its causes, besides their victims."""
    faults: tuple[Fault, ...] = ()
    """Its rows in the documentation."""
    find: Find = lambda view: ()
    """Raises CouldNotLook, or yields it if the rest can be checked nevertheless."""

    def __call__(self, find: Find) -> Check:
        """The check with this function."""
        return replace(self, find=find)

    def ask(self, site: Site, view: object) -> list[Verdict]:
        """At least one verdict; if the check itself fails, that is an unknown.

        Verdicts before the failure are kept; a pass is only kept if there is nothing else.
        """
        found: list[Verdict] = []
        try:
            if reason := self.moot(site):
                return [skipped(reason)]
            said = self.find(view)
            for it in (said,) if isinstance(said, Verdict) else said:
                if isinstance(it, CouldNotLook):
                    _note_unseen(found, it)
                else:
                    found.append(it)
        except CouldNotLook as unseen:
            _note_unseen(found, unseen)
        except Exception as error:
            found.append(_unknown(_crash(error), REPORT, _crash(error)))
        problems = [it for it in found if it.status not in (Status.PASS, Status.SKIP)]
        return problems or found or [passed("nothing found")]

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
    """The checks of that occasion in these modules, the deepest first."""
    found = {
        check.name: check
        for module in modules
        for check in vars(module).values()
        if isinstance(check, Check) and occasion in check.on
    }
    return tuple(sorted(found.values(), key=lambda check: check.depth))


def findings_of(checks: Iterable[Check], site: Site, view: object) -> Iterator[Finding]:
    """The findings of each of the checks, in their order."""
    for check in checks:
        for verdict in check.ask(site, view):
            yield check.finding(verdict)


def _note_unseen(found: list[Verdict], why: CouldNotLook) -> None:
    """Several parts of a check may get no answer for the same reason, which is noted once."""
    verdict = _unknown(f"could not look: {why}", why.remedy, str(why))
    if verdict not in found:
        found.append(verdict)


def _unknown(evidence: str, remedy: str, unseen: str) -> Verdict:
    facts = {UNSEEN: unseen}
    return Verdict(status=Status.UNKNOWN, evidence=evidence, remedy=remedy, facts=facts)


def _crash(error: Exception) -> str:
    ours = [it for it in traceback.extract_tb(error.__traceback__) if HOME in it.filename]
    place = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"the check crashed with {type(error).__name__}: {error}{place}"
