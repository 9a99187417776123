"""How diagnosis finds the causes behind findings: each takes over the victims that it explains.

A check yields causes. A deeper one takes over what follows from it, so that a controller that is
down is one finding, not one for each pod without an interface.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace

from kuryr_runbook.checking.checks import UNSEEN, Check
from kuryr_runbook.checking.verdicts import passed
from kuryr_runbook.model.findings import Finding, Status, Verdict, Victim
from kuryr_runbook.model.site import Site

IDLE = "what was found has no effects now"
LOOK_AGAIN = "repeat this with a user that may read it, or with a newer snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause(Verdict):
    """Something that is wrong, or will be, and its effects."""

    nodes: frozenset[str] | None = None
    """It only explains findings on these nodes; None: on any."""
    own: bool = False
    """It only explains findings about its own victims."""
    explains: Set[str] | None = None
    """The checks whose findings follow from it; None: those that its check lists."""
    is_hint: bool = False
    """It comes from a log, and counts only if it has effects now; it is a warning if a deeper cause
    explains all of these as well."""
    reaches: Callable[[Victim], bool] | None = None
    """Whether it can explain a finding about a victim; None: all that its checks find."""
    reported_by: Set[str] = frozenset()
    """Checks that report the same in more detail: it counts only where none of them finds anything
    about its victims, or about victims of another kind."""


@dataclass(slots=True)
class _Suspect:
    """A cause that may become a finding."""

    check: Check
    cause: Cause
    victims: list[Victim]
    status: Status
    """The worst status of itself and its effects."""
    effects: dict[str, None]
    gone: bool = False
    """It follows from another one, or comes from a log and has no effects."""
    idle: bool = False
    """It comes from a log and has no effects."""


def found(
    checks: Iterable[Check],
    site: Site,
    view: object,
    concerns: Callable[[Victim], bool] = lambda victim: True,
) -> list[Finding]:
    """The findings, deepest cause first; then what could not be checked, and the rest.

    The checks are ordered by depth. A cause with victims is left out if none of them is relevant.
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
    _leave_out_reported(suspects)
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
    """The verdict as a cause."""
    if isinstance(verdict, Cause):
        return verdict
    return Cause(**{field.name: getattr(verdict, field.name) for field in fields(Verdict)})


def _closure(checks: Iterable[Check]) -> Mapping[str, frozenset[str]]:
    """The transitive effects of each check's findings."""
    direct = {check.name: check.explains for check in checks}

    def follow(name: str, seen: set[str]) -> set[str]:
        for effect in direct.get(name, ()):
            if effect not in seen:
                seen.add(effect)
                follow(effect, seen)
        return seen

    return {name: frozenset(follow(name, set())) for name in direct}


def _attribute(suspects: list[_Suspect], closure: Mapping[str, frozenset[str]]) -> None:
    """Assign to each cause the victims of its effects; the deepest one is first."""
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


def _leave_out_reported(suspects: Iterable[_Suspect]) -> None:
    """What another check says better is not said twice."""
    reports: dict[str, _Reports] = defaultdict(_Reports)
    for suspect in suspects:
        reports[suspect.check.name].add(suspect)
    for suspect in suspects:
        for name in suspect.cause.reported_by & reports.keys():
            for better in reports[name].about(suspect.victims):
                better.effects[suspect.check.name] = None
                suspect.gone = True


class _Reports:
    """One check's suspects, by what they are about: there may be as many as nodes."""

    def __init__(self) -> None:
        self._by_victim: dict[Victim, list[_Suspect]] = defaultdict(list)
        self._by_kinds: dict[frozenset[str], list[_Suspect]] = defaultdict(list)

    def add(self, suspect: _Suspect) -> None:
        """Index one."""
        for victim in suspect.victims:
            self._by_victim[victim].append(suspect)
        self._by_kinds[frozenset(it.kind for it in suspect.victims)].append(suspect)

    def about(self, victims: Iterable[Victim]) -> Iterator[_Suspect]:
        """Those about one of the victims, or about nothing of such a kind."""
        for victim in victims:
            yield from self._by_victim.get(victim, ())
        for kind in {it.kind for it in victims}:
            for kinds, others in self._by_kinds.items():
                if kind not in kinds:
                    yield from others


def _take(suspect: _Suspect, other: _Suspect) -> None:
    """Move victims of the other that it explains to the first one."""
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
    """The victims that a cause explains, and the others; None: it explains none of this."""
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
    """One finding for all checks that could not get an answer for the same reason."""
    first, verdict = asked[0]
    more = f", and {len(asked) - 1} more checks" if len(asked) > 1 else ""
    effects = tuple(check.name for check, _ in asked[1:])
    verdict = replace(verdict, remedy=verdict.remedy or LOOK_AGAIN)
    return replace(first.finding(verdict), title=f"{first.title}{more}", effects=effects)
