"""How diagnosis comes from what it sees to causes: each takes the victims that it explains.

A check gives causes. One that lies deeper takes over what follows from it, so that a controller
that is down is one finding, and not one for each pod without an interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps

from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.fixes import Fix
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.objects import ClusterService, Pod


@dataclass(frozen=True, slots=True)
class Victim:
    """An object that suffers."""

    kind: str
    name: str
    """With its namespace where it has one: namespace/name."""
    node: str = ""
    """Where it is; empty: nowhere, or not known."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def pod_victim(pod: Pod) -> Victim:
    """A pod that suffers."""
    return Victim("pod", f"{pod.namespace}/{pod.name}", pod.node)


def service_victim(service: ClusterService) -> Victim:
    """A Service that suffers."""
    return Victim("service", str(service.service))


def node_victim(name: str) -> Victim:
    """A node that suffers."""
    return Victim("node", name, name)


def phase(name: str) -> str:
    """How to run a phase again."""
    return f"kuryr-runbook run --site FILE --only {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Something that is wrong, or will be."""

    status: Status
    evidence: str
    remedy: str
    victims: tuple[Victim, ...] = ()
    nodes: frozenset[str] | None = None
    """It explains what happens on these nodes alone; None: anywhere."""
    own: bool = False
    """It explains what befalls its victims alone."""
    explains: frozenset[str] | None = None
    """The checks whose findings follow from it; None: those that its check names."""
    is_hint: bool = False
    """It was said once, and counts only if something follows from it now."""
    fixes: tuple[Fix, ...] = ()
    """What of it is mended for certain, without harm to anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question of diagnosis."""

    name: str
    title: str
    source: str
    explains: frozenset[str]
    """The checks whose findings follow from this one's."""
    arises: Callable[[Site], bool]
    """Whether it makes sense for a site."""
    judge: Callable[[Look], list[Cause]]
    """Raises CouldNotLook."""


@dataclass(slots=True)
class _Suspect:
    """A cause on its way to a finding."""

    check: Check
    cause: Cause
    victims: list[Victim]
    status: Status
    """The worst of its own and its effects'."""
    effects: dict[str, None]
    gone: bool = False
    """It follows from another one."""


def question(
    name: str,
    title: str,
    source: str,
    explains: Iterable[str] = (),
    arises: Callable[[Site], bool] = lambda site: True,
) -> Callable[[Callable[[Look], Iterator[Cause]]], Check]:
    """Make a check of a function that finds causes."""

    def of(find: Callable[[Look], Iterator[Cause]]) -> Check:
        @wraps(find)
        def judge(look: Look) -> list[Cause]:
            return list(find(look))

        return Check(
            name=name,
            title=title,
            source=source,
            explains=frozenset(explains),
            arises=arises,
            judge=judge,
        )

    return of


def found(
    checks: Iterable[Check], look: Look, concerns: Callable[[Victim], bool] = lambda victim: True
) -> list[Finding]:
    """What the checks find, deepest cause first; then what could not be looked at, and the rest.

    The order of the checks is that of depth. Of causes that have victims those are left out that
    have none that concerns.
    """
    suspects: list[_Suspect] = []
    blind: dict[tuple[str, str], list[Check]] = {}
    answers: list[tuple[Check, int]] = []
    pointless: list[Check] = []
    for check in checks:
        if not check.arises(look.site):
            pointless.append(check)
            continue
        try:
            causes = check.judge(look)
        except CouldNotLook as reason:
            blind.setdefault((str(reason), reason.remedy), []).append(check)
            continue
        answers.append((check, len(causes)))
        suspects += [
            _Suspect(check, cause, list(cause.victims), cause.status, {}) for cause in causes
        ]
    _attribute(suspects, _closure([check for check, _ in answers]))
    left = [suspect for suspect in suspects if not suspect.gone]
    findings = [
        _finding(suspect, victims)
        for suspect in left
        if (victims := [it for it in suspect.victims if concerns(it)]) or not suspect.cause.victims
    ]
    return [
        *(it for it in findings if it.status is Status.FAIL),
        *(_unknown(reason, remedy, asked) for (reason, remedy), asked in blind.items()),
        *(it for it in findings if it.status is not Status.FAIL),
        *(_silent(check, Status.PASS, "nothing found") for check, found in answers if not found),
        *(_silent(check, Status.SKIP, "does not arise for this site") for check in pointless),
    ]


def _closure(checks: Iterable[Check]) -> Mapping[str, frozenset[str]]:
    """What follows from a check's findings, and from that, and so on."""
    direct = {check.name: check.explains for check in checks}

    def follow(name: str, seen: set[str]) -> set[str]:
        for effect in direct.get(name, ()):
            if effect not in seen:
                seen.add(effect)
                follow(effect, seen)
        return seen

    return {name: frozenset(follow(name, set())) for name in direct}


def _attribute(suspects: list[_Suspect], closure: Mapping[str, frozenset[str]]) -> None:
    """Give each cause the victims of what follows from it."""
    for suspect in suspects:
        if suspect.gone:
            continue
        names = suspect.cause.explains
        if names is None:
            names = closure[suspect.check.name]
        else:
            names = names.union(*(closure.get(name, frozenset()) for name in names))
        for other in suspects:
            if other is not suspect and not other.gone and other.check.name in names:
                _take(suspect, other)
        suspect.gone = suspect.cause.is_hint and not suspect.effects


def _take(suspect: _Suspect, other: _Suspect) -> None:
    """Give the one what of the other lies in its reach."""
    reach, own = suspect.cause, set(suspect.victims)
    if reach.own or reach.nodes is not None:
        nodes = reach.nodes or frozenset()
        taken = [it for it in other.victims if it in own or it.node in nodes]
        if not taken:
            return
        gone = set(taken)
        left = [it for it in other.victims if it not in gone]
    else:
        taken, left = other.victims, []
    if other.status is Status.FAIL:
        suspect.status = Status.FAIL
    suspect.effects[other.check.name] = None
    suspect.effects.update(other.effects)
    suspect.victims += [victim for victim in taken if victim not in own]
    other.victims = left
    other.gone = not left


def _finding(suspect: _Suspect, suffering: list[Victim]) -> Finding:
    check, cause = suspect.check, suspect.cause
    victims = tuple(map(str, suffering))
    return Finding(
        check=check.name,
        title=check.title,
        status=suspect.status,
        evidence=cause.evidence,
        subject=victims[0] if len(victims) == 1 else "",
        remedy=cause.remedy,
        source=check.source,
        victims=victims,
        effects=tuple(suspect.effects),
        fixes=cause.fixes,
    )


def _unknown(reason: str, remedy: str, asked: list[Check]) -> Finding:
    """One for all checks that fail to look for the same reason."""
    first = asked[0]
    more = f", and {len(asked) - 1} more checks" if len(asked) > 1 else ""
    return Finding(
        check=first.name,
        title=f"{first.title}{more}",
        status=Status.UNKNOWN,
        evidence=f"could not look: {reason}",
        remedy=remedy or "look again with a user that may read it, or with a newer snapshot",
        source=first.source,
        effects=tuple(check.name for check in asked[1:]),
    )


def _silent(check: Check, status: Status, evidence: str) -> Finding:
    return Finding(
        check=check.name,
        title=check.title,
        status=status,
        evidence=evidence,
        source=check.source,
    )
