"""The topology of a site: its parts as boxes with lines, and the findings marked on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kuryr_runbook.model.findings import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A finding at the place that it is about."""

    number: int
    """Of the note that tells it."""
    status: Status
    count: int = 1
    """How many things it stands for here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something in a box: what it is, and how it is."""

    text: str
    end: str = ""
    depth: int = 0
    """1: it is a part of the last line before it that is none."""
    hint: str = ""
    """More about it, for those who ask."""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of the site, or what stands for many."""

    what: str
    """Its kind: node, service, router."""
    name: str
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    joined: bool | None = None
    """Whether it hangs together with what it should; None: not known, or no question."""

    @property
    def all_marks(self) -> tuple[Mark, ...]:
        """Its own, and those of its lines."""
        return summed([self.marks, *(line.marks for line in self.lines)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a mark means."""

    number: int
    status: Status
    title: str
    evidence: str
    victims: int
    """How many suffer; 0: nobody by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A site at one time. Of what is many, few are by themselves, those with findings first."""

    site: str
    facts: str
    """How much there is."""
    marks: tuple[Mark, ...]
    """What is about no part in particular."""
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
    """Each finding's mark once, with how many things it stands for in all of them."""
    found: dict[int, Mark] = {}
    for marks in groups:
        for mark in marks:
            count = mark.count + (found[mark.number].count if mark.number in found else 0)
            found[mark.number] = Mark(number=mark.number, status=mark.status, count=count)
    return tuple(found[number] for number in sorted(found))
