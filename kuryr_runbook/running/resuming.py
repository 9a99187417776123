"""Continues where the last run of a site stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry
from kuryr_runbook.recording.standing import RUNS
from kuryr_runbook.running.account import DONE, FILE, RunStatus, read_whole_run

COMMANDS = {"audit", "rotate_credentials", "troubleshooting"}
"""Names in the runs of commands without notebooks, which cannot be continued."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run that stopped, to be continued."""

    directory: Path
    """The directory of the run."""
    phases: tuple[PhaseEntry, ...]
    """All of its phases."""
    done: frozenset[str]
    """Names of the phases that it has done."""


def last_stopped(site: Site) -> Resumption:
    """The newest run of the site in the default place, except for dry runs.

    Raises UsageError when there is none, or nothing is left to do in it.
    """
    directory, account = next(_runs(RUNS.absolute() / site.name), (None, {}))
    if directory is None:
        raise UsageError(
            f"there is no run of {site.name} below {RUNS.absolute()} to continue",
            remedy="call this in the same directory as that run, or run without --resume, which "
            "also finds what is done; runs with --run-dir cannot be continued",
        )
    names = [phase["phase"] for phase in account["phases"]]
    phases = tuple(phase for phase in PHASES if phase.name in names)
    status = account["status"]
    if len(phases) != len(names) or status in (RunStatus.SUCCEEDED, RunStatus.RUNNING):
        raise UsageError(
            f"the last run of {site.name}, of {', '.join(names)}, is {status}: {directory}",
            remedy="there is nothing to continue: run without --resume",
        )
    done = {phase["phase"] for phase in account["phases"] if phase["status"] in DONE}
    return Resumption(directory, phases, frozenset(done))


def _runs(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Runs of notebooks that changed something, newest first."""
    for path in sorted(runs.glob(f"*/{FILE}"), reverse=True):
        account = read_whole_run(path.parent)
        names = {phase["phase"] for phase in account["phases"]}
        if not account["dry_run"] and not names & COMMANDS:
            yield path.parent, account
