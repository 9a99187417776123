"""Options of the commands that run phases: which, how, and how the run is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry, chosen

Command = TypeVar("Command", bound=Callable[..., Any])


def collecting(**kinds: type[Any]) -> Callable[[Command], Command]:
    """Collect options into dataclasses: each takes those with its fields' names."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**given: Any) -> Any:
            values = {
                name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
                for name, kind in kinds.items()
            }
            return command(**given, **values)

        return cast("Command", call)

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChoice:
    """The options that choose phases."""

    only: tuple[str, ...]
    first: str | None
    last: str | None

    @property
    def is_made(self) -> bool:
        """Whether any of them was given."""
        return bool(self.only or self.first or self.last)

    @property
    def arguments(self) -> list[str]:
        """The same choice, for another command."""
        ends = {"--from": self.first, "--until": self.last}
        chosen = [*(("--only", name) for name in self.only), *ends.items()]
        return [f"{option}={name}" for option, name in chosen if name is not None]

    @property
    def phases(self) -> list[PhaseEntry]:
        """The chosen phases in order; by default all. Raises UsageError."""
        return chosen(self.only, self.first, self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options that say how to run, and how to report the run."""

    site_file: Path
    yes: bool
    dry_run: bool
    run_dir: Path | None
    log_format: str
    junit: Path | None


phase_type = click.Choice([phase.name for phase in PHASES])


def phase_options(command: Command) -> Command:
    """Options that choose phases: `only`, `first` and `last`."""
    options = (
        click.option(
            "--only",
            multiple=True,
            type=phase_type,
            help="Run only this phase; repeatable [default: all, in order].",
        ),
        click.option("--from", "first", type=phase_type, help="Start with this phase."),
        click.option("--until", "last", type=phase_type, help="Stop after this phase."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report_options(command: Command) -> Command:
    """Options for reporting a run: `log_format` and `junit`."""
    options = (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="Format of progress on stderr; json has one line per event.",
        ),
        click.option(
            "--junit",
            type=UserPath(dir_okay=False),
            help="Write phases and findings as JUnit XML, even if the run fails.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


yes_option = click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before the first change: for machines.",
)
RUN_EXITS = {
    ExitCode.CHANGES_PENDING: 'there are changes, after --dry-run or a "no"',
    ExitCode.CHECK_FAILED: "a check failed; if in preflight, nothing was changed",
    ExitCode.CHECK_UNKNOWN: "a check could not get an answer",
}
dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan of each phase and change nothing; exit status 3 if there are changes.",
)
force_conflicts_option = click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take over fields of Kubernetes objects that other managers hold.",
)
run_dir_option = click.option(
    "--run-dir",
    type=UserPath(),
    help="Empty or new directory for this run [default: runs/<site>/<UTC time>].",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `run` that its notebooks get as their parameter `options`."""

    approved_plan: Path | None
    force_conflicts: bool
    resilience: bool
    probe_nodes: bool
