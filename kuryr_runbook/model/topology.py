"""The topology of a site: its parts as boxes with lines, and the findings marked on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kuryr_runbook.model.findings import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A finding, marked on the part that it is about."""

    number: int
    """The number of the note that explains it."""
    status: Status
    count: int = 1
    """How many things it stands for on this part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text in a box: what it is, and its state."""

    text: str
    end: str = ""
    depth: int = 0
    """1: it is part of the nearest previous line with 0."""
    hint: str = ""
    """More about it, shown on demand."""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of the site, or the sum of several."""

    what: str
    """Its kind: node, service, router."""
    name: str
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    joined: bool | None = None
    """Whether it is connected to what it should be; None: not known, or not applicable."""

    @property
    def all_marks(self) -> tuple[Mark, ...]:
        """Its own marks, and those of its lines."""
        return summed([self.marks, *(line.marks for line in self.lines)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The explanation of a mark."""

    number: int
    status: Status
    title: str
    evidence: str
    victims: int
    """How many objects are affected; 0: none that has a name."""
    check: str = ""
    """The check that found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A site at one time. Of many similar parts, a few are shown individually: findings first."""

    site: str
    facts: str
    """How many parts there are."""
    marks: tuple[Mark, ...]
    """Marks that are about no particular part."""
    external: Box
    router: Box
    """`joined` to the external network."""
    programs: Box
    project: Box
    subnets: tuple[Box, Box, Box]
    """Of nodes, pods and Services; `joined` to the router."""
    nodes: tuple[Box, ...]
    services: tuple[Box, ...]
    notes: tuple[Note, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All parts."""
        above = (self.external, self.router, self.programs, self.project)
        return (*above, *self.subnets, *self.nodes, *self.services)


def summed(groups: Iterable[Iterable[Mark]]) -> tuple[Mark, ...]:
    """One mark for each finding, with how many things it stands for in total."""
    found: dict[int, Mark] = {}
    for marks in groups:
        for mark in marks:
            count = mark.count + (found[mark.number].count if mark.number in found else 0)
            found[mark.number] = Mark(number=mark.number, status=mark.status, count=count)
    return tuple(found[number] for number in sorted(found))
