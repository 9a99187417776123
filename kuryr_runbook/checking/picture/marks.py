"""Where findings are marked in the topology, and how many parts are summed up."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from kuryr_runbook.checking.checks import UNSEEN
from kuryr_runbook.checking.verdicts import CouldNotLook, pod_victim
from kuryr_runbook.checking.view.cloud import Look, ipv4, ipv4_range
from kuryr_runbook.model.findings import GRAVITY, Finding, Region, Status, Victim
from kuryr_runbook.model.topology import Line, Mark, Note
from kuryr_runbook.snapshots.cloud.resources import Subnet
from kuryr_runbook.snapshots.reading import Unreadable

T = TypeVar("T")

NAMED = 3
"""Names that are shown of a group; a hint has more."""
HINTED = 100

API = Victim("service", "kubernetes", "default")

Spot = Region | Victim | str
"""A place in the picture; a text is the reason why something could not be read."""


class Marks:
    """The findings to mark, by what they are about."""

    def __init__(self, look: Look, findings: Iterable[Finding]) -> None:
        marked = [it for it in findings if it.status not in (Status.PASS, Status.SKIP)]
        self.notes = tuple(
            Note(
                number=number,
                status=it.status,
                title=it.title if it.status is Status.UNKNOWN else f"{it.title}: no",
                evidence=it.evidence,
                victims=len(it.victims),
                check=it.check,
            )
            for number, it in enumerate(marked, start=1)
        )
        self._at: dict[Spot, dict[int, Mark]] = {}
        self._used: set[int] = set()
        shown_at = _Homes(look)
        for note, finding in zip(self.notes, marked, strict=True):
            places: list[Spot] = [] if finding.region is None else [finding.region]
            places += [str(finding.facts[UNSEEN])] if UNSEEN in finding.facts else []
            for place in (*places, *map(shown_at.place, finding.victims)):
                mark = Mark(number=note.number, status=note.status)
                self._at.setdefault(place, {})[note.number] = mark

    def at(self, *places: Spot) -> tuple[Mark, ...]:
        """The marks for these places, which then count as shown."""
        found = {n: mark for place in places for n, mark in self._at.get(place, {}).items()}
        self._used.update(found)
        return tuple(found[number] for number in sorted(found))

    def line(self, text: str, see: Callable[[], str], *places: Spot) -> Line:
        """A line that ends with what was seen, or with "not known"."""
        try:
            return Line(text=text, end=see(), marks=self.at(*places))
        except CouldNotLook as reason:
            return Line(text=text, end="not known", hint=str(reason), marks=self.blind(reason))

    def blind(self, reason: CouldNotLook) -> tuple[Mark, ...]:
        """The marks for something that could not be read."""
        return self.at(str(reason))

    @property
    def elsewhere(self) -> tuple[Mark, ...]:
        """The marks that were not shown anywhere."""
        return tuple(
            Mark(number=note.number, status=note.status)
            for note in self.notes
            if note.number not in self._used
        )


class _Homes:
    """The places of victims that are not parts of the picture."""

    def __init__(self, look: Look) -> None:
        pods, ports = look.cluster.pods, look.cloud.ports
        known = {} if isinstance(pods, Unreadable) else {pod: pod_victim(pod) for pod in pods}
        self._pods = frozenset(known.values())
        self._at = {pod.address: victim for pod, victim in known.items() if pod.address}
        self._ports = {} if isinstance(ports, Unreadable) else {port.id: port for port in ports}
        self._subnets = dict(_subnets(look))

    def place(self, victim: Victim) -> Spot:
        """The place of a victim: itself, if it is a part of the picture."""
        match victim.kind:
            case "API server":
                return API
            case "KuryrPort":
                pod = replace(victim, kind="pod")
                return pod if pod in self._pods else Region.PODS
            case "KuryrLoadBalancer":
                return replace(victim, kind="service")
            case "port":
                port = self._ports.get(victim.name)
                ids = {it.subnet_id for it in port.fixed_ips} if port else set()
                homes = (role for role, it in self._subnets.items() if it.id in ids)
                return next(homes, Region.PODS)
            case "address":
                return self._at.get(victim.name) or self._around(victim.name)
        return victim

    def _around(self, address: str) -> Region:
        ip = ipv4(address)
        for role, subnet in self._subnets.items():
            network = ipv4_range(subnet.cidr)
            if ip is not None and network is not None and ip in network:
                return role
        return Region.NODES


def _subnets(look: Look) -> Iterator[tuple[Region, Subnet]]:
    sees: dict[Region, Callable[[], Subnet]] = {
        Region.NODES: lambda: look.node_subnet,
        Region.PODS: lambda: look.pod_subnet,
        Region.SERVICES: lambda: look.service_subnet,
    }
    for role, see in sees.items():
        try:
            yield role, see()
        except CouldNotLook:
            continue


def gravity(marks: Iterable[Mark]) -> int:
    """The severity of the worst mark: lower is worse."""
    return min((GRAVITY.index(mark.status) for mark in marks), default=len(GRAVITY))


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which worker2 comes before worker10."""
    # `int` does not parse digits of other scripts, or differently.
    parts = re.split(r"([0-9]{1,18})", name)
    return [(int(part), "") if index % 2 else (-1, part) for index, part in enumerate(parts)]


def chosen(
    items: Sequence[T], limit: int, marks_of: Callable[[T], Iterable[Mark]]
) -> tuple[list[T], list[T], list[T]]:
    """Those to show individually; of the others, those with findings and those without.

    If they are few all of them, in their order; else the worst of those with findings.
    """
    if len(items) <= limit:
        return list(items), [], []
    graveness = [gravity(marks_of(item)) for item in items]
    by_graveness = sorted(range(len(items)), key=graveness.__getitem__)
    troubled = [items[index] for index in by_graveness if graveness[index] < len(GRAVITY)]
    rest = [item for item, grave in zip(items, graveness, strict=True) if grave == len(GRAVITY)]
    return troubled[:limit], troubled[limit:], rest


def by_state(
    items: Iterable[T], state_of: Callable[[T], str], limit: int = 4
) -> list[tuple[str, list[T]]]:
    """The items in each state, the most frequent state first; rare ones together at the end."""
    found: dict[str, list[T]] = defaultdict(list)
    for item in items:
        found[state_of(item)].append(item)
    states = sorted(found.items(), key=lambda state: -len(state[1]))
    rare = [item for _, here in states[limit:] for item in here]
    return [*states[:limit], *([("in other states", rare)] if rare else [])]


def listed(names: Sequence[str]) -> Line:
    """A few names, or the first and the last of many."""
    few = len(names) <= NAMED
    text = ", ".join(names) if few else f"{names[0]} … {names[-1]}"
    return Line(text=text, hint="" if few else ", ".join(names[:HINTED]))


def span(numbers: Sequence[int]) -> str:
    """From the smallest to the largest of at least one number."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
