"""What the lab asks of its supervisor: programs, and how to see that one is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kuryr_runbook.lab.settings import LabSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHealth:
    """Well when `url` answers with one of `statuses`, asked from the namespace of the program."""

    url: str
    statuses: tuple[int, ...] = (200,)
    ca: Path | None = None
    certificate: Path | None = None
    """Client certificate (PEM); `key` beside it."""
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHealth:
    """Well when `command` ends with status 0, run from the namespace of the program."""

    command: tuple[str, ...]


Health = HttpHealth | CommandHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process of the lab, run by the supervisor, with a log named after it."""

    name: str
    command: tuple[str, ...]
    health: Health
    netns: str | None = None
    """Network namespace that the program runs in; None only for what opens no socket."""
    mount_ns: Path | None = None
    """File that holds a mount namespace (see `nodes`), entered beside the network's."""
    uts_ns: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    deadline: float = 60.0
    """Seconds that the program may take until it is well."""
    stop_seconds: int = 10
    """Seconds between SIGTERM and SIGKILL to the program's group."""
    address: str = ""
    """Where people reach it, for `lab status`."""


class Processes(Protocol):
    """The supervisor, as the parts of the lab see it."""

    def start(self, program: Program) -> None:
        """Run the program (again, when it changed or died) and wait until it is well.

        Does nothing for a program that runs unchanged and well. Raises LabError with the end of
        its log when it dies or is not well by its deadline.
        """

    def stop(self, name: str) -> None:
        """Stop the program and forget it; nothing happens when there is none of that name."""


class Progress(Protocol):
    """Tells a person what goes on."""

    def __call__(self, message: str, /) -> None:
        """Show one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What every part of the lab is handed: parameters, supervisor, and somewhere to talk."""

    settings: LabSettings
    processes: Processes
    say: Progress
