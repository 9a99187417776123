"""What the lab needs from its supervisor: programs and their health checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kuryr_runbook.lab.settings import LabSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHealth:
    """Healthy if `url` answers with one of `statuses`, requested from the program's namespace."""

    url: str
    statuses: tuple[int, ...] = (200,)
    ca: Path | None = None
    certificate: Path | None = None
    """Client certificate (PEM), with its `key`."""
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHealth:
    """Healthy if `command` ends with status 0, run in the program's namespace."""

    command: tuple[str, ...]


Health = HttpHealth | CommandHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process of the lab, run by the supervisor, with a log named after it."""

    name: str
    command: tuple[str, ...]
    health: Health
    netns: str | None = None
    """Network namespace that the program runs in; None only for programs without sockets."""
    mount_ns: Path | None = None
    """File of a mount namespace (see `nodes`), entered in addition to the network namespace."""
    uts_ns: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    deadline: float = 60.0
    """Seconds that the program may take until it is healthy."""
    stop_seconds: int = 10
    """Seconds between SIGTERM and SIGKILL to the program's group."""
    address: str = ""
    """Its address for people, shown by `lab status`."""


class Processes(Protocol):
    """The supervisor's interface for the parts of the lab."""

    def start(self, program: Program) -> None:
        """Run the program (again, if it changed or died), and wait until it is healthy.

        Does nothing if it is running, unchanged and healthy. Raises LabError with the end of its
        log when it dies or is not healthy by its deadline.
        """

    def stop(self, name: str) -> None:
        """Stop the program and forget it; does nothing if there is none with that name."""


class Progress(Protocol):
    """Shows a person what is going on."""

    def __call__(self, message: str, /) -> None:
        """Print one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What every part of the lab gets: parameters, supervisor, and a way to show progress."""

    settings: LabSettings
    processes: Processes
    say: Progress
