"""Many sites: which must not be worked on together, in which order, when to stop, how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from kuryr_runbook.model.errors import ExitCode

Item = TypeVar("Item")

GRAVITY = (
    ExitCode.INTERRUPTED,
    ExitCode.FAILED,
    ExitCode.CHECK_FAILED,
    ExitCode.USAGE,
    ExitCode.UNREACHABLE,
    ExitCode.CHECK_UNKNOWN,
    ExitCode.CHANGES_PENDING,
    ExitCode.DONE,
)
"""Exit statuses of single sites, the worst first."""


class State(StrEnum):
    """How the work for one site ended."""

    DONE = "done"
    CHANGES = "changes"
    FAILED = "failed"
    CHECK_FAILED = "check failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    """Wrong usage, or a problem in the site's file."""
    NO_ANSWER = "no answer"
    INTERRUPTED = "interrupted"
    NOT_STARTED = "not started"


STATES: Mapping[int | None, State] = {
    ExitCode.DONE: State.DONE,
    ExitCode.CHANGES_PENDING: State.CHANGES,
    ExitCode.CHECK_FAILED: State.CHECK_FAILED,
    ExitCode.CHECK_UNKNOWN: State.UNKNOWN,
    ExitCode.USAGE: State.REFUSED,
    ExitCode.UNREACHABLE: State.NO_ANSWER,
    ExitCode.INTERRUPTED: State.INTERRUPTED,
    None: State.NOT_STARTED,
}
"""By exit status; anything else, such as the end by a signal, is a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One site of a fleet."""

    file: Path
    name: str
    """The site's."""
    release: str
    """Of Kuryr, as the file names it."""
    server: str = ""
    """Address of its cluster's API server; empty if its kubeconfig does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAnswer:
    """What became of one site."""

    site: str
    """Its name; empty if its file cannot be read."""
    file: Path
    status: int | None
    """Exit status of the command for this site alone; None: it was not started."""
    wave: int | None = None
    """From 1; None where there are no waves, or for a site that is in none."""
    seconds: float = 0.0
    summary: str = ""
    """The result in a few lines."""
    error: str = ""
    """Why there is no result, with what to do."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The result for machines."""

    @property
    def state(self) -> State:
        """Its status as a word."""
        return STATES.get(self.status, State.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The newest run of a site that could change something."""

    site: str
    """Its name; empty if its file cannot be read."""
    file: Path
    exit_code: ExitCode
    """Its part in the exit status for all sites."""
    release: str = ""
    status: str = ""
    """Of the run; empty if there is none."""
    started: str = ""
    run: Path | None = None
    """The run's directory."""
    phase: str = ""
    """Where the run is, or where it stopped; empty if it has done all of its phases."""
    error: str = ""


def same_ones(members: Iterable[Member]) -> Iterator[str]:
    """Which members are the same site, or the same cluster, in words."""
    names, servers = defaultdict[str, list[Member]](list), defaultdict[str, list[Member]](list)
    for member in members:
        names[member.name].append(member)
        if member.server:
            servers[member.server].append(member)
    for name, same in names.items():
        if len(same) > 1:
            yield f"site {name}: {_files(same)}"
    for server, same in servers.items():
        if len({member.name for member in same}) > 1:
            yield f"cluster {server}: {_files(same)}"


def _files(members: Iterable[Member]) -> str:
    return ", ".join(str(member.file) for member in members)


def in_waves(items: Sequence[Item], canaries: int, size: int | None) -> list[Sequence[Item]]:
    """The first few as a wave of their own, then waves of that size; None: all others in one."""
    rest = items[canaries:]
    step = size or max(len(rest), 1)
    waves = [items[:canaries], *(rest[at : at + step] for at in range(0, len(rest), step))]
    return [wave for wave in waves if wave]


def is_too_much(failed: int, size: int, tolerated: float) -> bool:
    """Whether more than that percentage of a wave failed; 0 tolerates no failure at all."""
    return failed * 100 > size * tolerated


def worst_status(statuses: Iterable[int | None]) -> ExitCode:
    """The exit status for all sites together; those not started were never the reason."""
    found = {
        status if status in GRAVITY else ExitCode.FAILED
        for status in statuses
        if status is not None
    }
    return next((status for status in GRAVITY if status in found), ExitCode.DONE)
