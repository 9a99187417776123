"""Going on where the last run of a site stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry
from kuryr_runbook.recording.standing import RUNS
from kuryr_runbook.running.account import FILE, RunStatus, read_whole_run

COMMANDS = {"rotate_credentials", "troubleshooting"}
"""What commands do without notebooks: nothing of it is left to go on with."""
DONE = (RunStatus.SUCCEEDED, RunStatus.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Resumption:
    """What is left of a run."""

    directory: Path
    """Of the run that stopped."""
    phases: tuple[PhaseEntry, ...]
    """All that it was to do."""
    done: frozenset[str]
    """Names of those that it has done."""


def last_stopped(site: Site) -> Resumption:
    """The newest run of the site, in the default place, that was no dry run.

    Raises UsageError when there is none, or nothing of it is left to do.
    """
    directory, account = next(_runs(RUNS.absolute() / site.name), (None, {}))
    if directory is None:
        raise UsageError(
            f"there is no run of {site.name} below {RUNS.absolute()} to go on with",
            remedy="call it where that run was called, or run without --resume; a run with "
            "--run-dir is not found, but what it has done is: the phases find it",
        )
    names = [phase["phase"] for phase in account["phases"]]
    phases = tuple(phase for phase in PHASES if phase.name in names)
    status = account["status"]
    if len(phases) != len(names) or status in (RunStatus.SUCCEEDED, RunStatus.RUNNING):
        raise UsageError(
            f"the last run of {site.name}, of {', '.join(names)}, is {status}: {directory}",
            remedy="there is nothing to go on with: run without --resume",
        )
    done = {phase["phase"] for phase in account["phases"] if phase["status"] in DONE}
    return Resumption(directory, phases, frozenset(done))


def _runs(runs: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Runs of notebooks that changed something, the newest first."""
    for path in sorted(runs.glob(f"*/{FILE}"), reverse=True):
        account = read_whole_run(path.parent)
        names = {phase["phase"] for phase in account["phases"]}
        if not account["dry_run"] and not names & COMMANDS:
            yield path.parent, account
