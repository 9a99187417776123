"""What a run is to do, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.kubernetes.leases import LeaseClient, Leases
from kuryr_runbook.model.approval import Document
from kuryr_runbook.model.errors import ExitCode, RunbookError
from kuryr_runbook.model.options import Options, options_parameter
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.running.account import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is to do."""

    site: Site
    site_file: Path
    """Where the site was read from."""
    phases: tuple[PhaseEntry, ...]
    """In order."""
    command: str = "kuryr-runbook run"
    """The command, as shown to others whom the site's lock keeps out."""
    arguments: tuple[str, ...] = ()
    """The options and arguments that the command was called with, for the record."""
    dry_run: bool = False
    """Stop each phase after its plan."""
    options: Options = field(default_factory=Options)
    """Options of this run."""
    agreed: Document | None = None
    """The plans that a person agreed to: nothing else is done. Kept in the run's directory."""
    run_dir: Path | None = None
    """A new or empty directory; None means runs/<site>/<UTC time> below the current directory."""
    notebooks: Path = field(default_factory=lambda: packaged("notebooks"))
    """Directory of the notebooks."""
    leases: Callable[[Site], Leases] = LeaseClient
    """Makes the client for the site's lock in its cluster."""
    recheck: frozenset[str] = frozenset()
    """Names of phases that an earlier run has done: they only run if their plan has changes."""
    cell_seconds: int = 4 * 3600
    """The last resort against a cell that hangs; the phases' waits have their own, much shorter
    deadlines."""

    def agreed_in(self, file: Path) -> RunRequest:
        """The same, with the agreed plans in that file."""
        return replace(self, options=self.options.model_copy(update={"approved_plan": file}))

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of each notebook; the site's values without its defaults."""
        sections = self.site.model_dump(mode="json", include={*SECTIONS}, exclude_unset=True)
        options = options_parameter(self.options)
        return {**sections, "dry_run": self.dry_run, "options": options}


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    status: RunStatus
    directory: Path
    error: RunbookError | None
    """Why it failed; None when it succeeded or was interrupted."""
    pending: bool = False
    """Whether a dry run found something to change."""
    record_error: RunbookError | None = None
    """Why there is no record, or no copy of it."""

    @property
    def errors(self) -> list[RunbookError]:
        """All errors to report."""
        return [error for error in (self.error, self.record_error) if error is not None]

    @property
    def exit_code(self) -> ExitCode:
        """As documented in the README."""
        if self.status is RunStatus.INTERRUPTED:
            return ExitCode.INTERRUPTED
        if self.errors:
            return self.errors[0].exit_code
        return ExitCode.CHANGES_PENDING if self.pending else ExitCode.DONE
