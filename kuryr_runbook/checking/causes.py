"""How diagnosis comes from what it sees to causes: each takes the victims that it explains.

A check yields causes. One that lies deeper takes over what follows from it, so that a controller
that is down is one finding, and not one for each pod without an interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace

from kuryr_runbook.checking.checks import UNSEEN, Check
from kuryr_runbook.checking.verdicts import passed
from kuryr_runbook.model.findings import Finding, Status, Verdict, Victim
from kuryr_runbook.model.site import Site

IDLE = "nothing follows now from what was found"
LOOK_AGAIN = "look again with a user that may read it, or with a newer snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Verdict):
    """Something that is wrong, or will be, and what follows from it."""

    nodes: frozenset[str] | None = None
    """It explains what happens on these nodes alone; None: anywhere."""
    own: bool = False
    """It explains what befalls its victims alone."""
    explains: Set[str] | None = None
    """The checks whose findings follow from it; None: those that its check names."""
    is_hint: bool = False
    """It was said once, and counts only if something follows from it now; as a warning where a
    deeper cause explains all of that as well."""
    reaches: Callable[[Victim], bool] | None = None
    """Whether it can explain what befalls somebody; None: all that its checks find."""


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
    """It follows from another one, or was said once and nothing follows from it."""
    idle: bool = False
    """The latter."""


def found(
    checks: Iterable[Check],
    site: Site,
    view: object,
    concerns: Callable[[Victim], bool] = lambda victim: True,
) -> list[Finding]:
    """What the checks find, deepest cause first; then what could not be looked at, and the rest.

    The order of the checks is that of depth. Of causes that have victims those are left out that
    have none that concerns.
    """
    suspects: list[_Suspect] = []
    blind: dict[str, list[tuple[Check, Verdict]]] = {}
    silent: list[Finding] = []
    able: list[Check] = []
    for check in checks:
        verdicts = check.ask(site, view)
        if all(it.status is not Status.UNKNOWN for it in verdicts):
            able.append(check)
        for verdict in verdicts:
            match verdict.status:
                case Status.UNKNOWN:
                    blind.setdefault(str(verdict.facts[UNSEEN]), []).append((check, verdict))
                case Status.FAIL | Status.WARN:
                    cause = _cause(verdict)
                    suspects.append(_Suspect(check, cause, [*cause.victims], cause.status, {}))
                case _:
                    silent.append(check.finding(verdict))
    _attribute(suspects, _closure(able))
    busy = {suspect.check.name for suspect in suspects if not suspect.idle}
    idle = {suspect.check.name: suspect.check for suspect in suspects if suspect.idle}
    silent += [it.finding(passed(IDLE)) for name, it in idle.items() if name not in busy]
    findings = [
        _finding(suspect, victims)
        for suspect in suspects
        if not suspect.gone
        and ((victims := [*filter(concerns, suspect.victims)]) or not suspect.cause.victims)
    ]
    return [
        *(it for it in findings if it.status is Status.FAIL),
        *map(_unknown, blind.values()),
        *(it for it in findings if it.status is not Status.FAIL),
        *sorted(silent, key=lambda it: it.status is Status.SKIP),
    ]


def _cause(verdict: Verdict) -> Cause:
    """The verdict itself, or one that nothing more is known of."""
    if isinstance(verdict, Cause):
        return verdict
    return Cause(**{field.name: getattr(verdict, field.name) for field in fields(Verdict)})


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
    """Give each cause the victims of what follows from it; the deepest takes them first."""
    for suspect in suspects:
        if suspect.gone:
            continue
        names: Set[str] | None = suspect.cause.explains
        if names is None:
            names = closure.get(suspect.check.name, suspect.check.explains)
        else:
            names = frozenset(names).union(*(closure.get(name, ()) for name in names))
        for other in suspects:
            if other is not suspect and not other.gone and other.check.name in names:
                _take(suspect, other)
        if suspect.cause.is_hint and not suspect.effects:
            taken = (it for it in suspects if it.gone and not it.idle and it.check.name in names)
            if any(_reached(suspect, it.cause.victims) is not None for it in taken):
                suspect.status = Status.WARN
            else:
                suspect.gone = suspect.idle = True


def _take(suspect: _Suspect, other: _Suspect) -> None:
    """Give the one what of the other lies in its reach."""
    reached = _reached(suspect, other.victims)
    if reached is None:
        return
    (taken, left), own = reached, set(suspect.victims)
    if other.status is Status.FAIL:
        suspect.status = Status.FAIL
    suspect.effects[other.check.name] = None
    suspect.effects.update(other.effects)
    suspect.victims += [victim for victim in taken if victim not in own]
    other.victims = left
    other.gone = not left


def _reached(
    suspect: _Suspect, victims: Sequence[Victim]
) -> tuple[list[Victim], list[Victim]] | None:
    """Whom of them a cause explains, and whom not; None: what befalls them is not of it."""
    reach, taken, left = suspect.cause, [*victims], list[Victim]()
    if reach.own or reach.nodes is not None:
        own, nodes = set(suspect.victims), reach.nodes or frozenset()
        left = [it for it in taken if it not in own and it.node not in nodes]
        taken = [it for it in taken if it in own or it.node in nodes]
        if not taken:
            return None
    if reach.reaches is not None and taken:
        left += [it for it in taken if not reach.reaches(it)]
        taken = [it for it in taken if reach.reaches(it)]
        if not taken:
            return None
    return taken, left


def _finding(suspect: _Suspect, suffering: list[Victim]) -> Finding:
    verdict = replace(suspect.cause, status=suspect.status, victims=tuple(suffering))
    return replace(suspect.check.finding(verdict), effects=tuple(suspect.effects))


def _unknown(asked: list[tuple[Check, Verdict]]) -> Finding:
    """One for all checks that fail to look for the same reason."""
    first, verdict = asked[0]
    more = f", and {len(asked) - 1} more checks" if len(asked) > 1 else ""
    effects = tuple(check.name for check, _ in asked[1:])
    verdict = replace(verdict, remedy=verdict.remedy or LOOK_AGAIN)
    return replace(first.finding(verdict), title=f"{first.title}{more}", effects=effects)
