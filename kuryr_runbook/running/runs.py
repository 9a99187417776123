"""A run: phases in order, each notebook in a kernel of its own, stopped by the first failure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from kuryr_runbook.clients.leases import LeaseClient, Leases
from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.model.errors import RecordError, RunbookError
from kuryr_runbook.model.options import PARAMETERS, Options, options_parameter
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.phases.base import read_site
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.phases.locking import SiteLock, Work, locked
from kuryr_runbook.phases.saved_plans import read_document
from kuryr_runbook.recording.html import export_html
from kuryr_runbook.recording.signing import load_signer
from kuryr_runbook.running import notebooks
from kuryr_runbook.running.account import (
    CellAccount,
    CellStatus,
    PhaseAccount,
    RunAccount,
    RunStatus,
    held,
    now,
)
from kuryr_runbook.running.directories import free_directory, make_directory
from kuryr_runbook.running.displayed import displayed_plans
from kuryr_runbook.running.failures import phase_error
from kuryr_runbook.running.interrupts import one_interrupt
from kuryr_runbook.running.recorder import Recorder
from kuryr_runbook.running.secrecy import RunSecrets, secrets_of

CHANGES_PENDING_EXIT = 3
INTERRUPTED_EXIT = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run."""

    command: str = "kuryr-runbook run"
    """What was called, for those whom the site's lock keeps out meanwhile."""
    dry_run: bool = False
    """Stop each phase after its plan."""
    options: Options = field(default_factory=Options)
    """What the phases are told."""
    run_dir: Path | None = None
    """A new or empty directory; None: runs/<site>/<UTC time> below the working directory."""
    notebooks: Path = field(default_factory=notebooks.notebook_directory)
    """Where the notebooks lie."""
    leases: Callable[[Site], Leases] = LeaseClient
    """The site's lock in its cluster."""
    cell_seconds: int = 4 * 3600
    """The last resort against a cell that hangs; the waits of phases have deadlines of their own,
    far shorter."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    status: RunStatus
    directory: Path
    error: RunbookError | None
    """Why it failed; None when it succeeded or was interrupted."""
    pending: bool = False
    """Whether a dry run found something to change."""
    record_error: RecordError | None = None
    """Why there is no record of it."""

    @property
    def exit_code(self) -> int:
        """As documented in the README."""
        if self.status is RunStatus.INTERRUPTED:
            return INTERRUPTED_EXIT
        if error := self.error or self.record_error:
            return error.exit_code
        return CHANGES_PENDING_EXIT if self.pending else 0


def run_phases(
    site_file: Path, phases: Sequence[PhaseEntry], options: RunOptions, progress: LiveProgress
) -> RunResult:
    """Execute the phases' notebooks for a site.

    Raises, before anything runs, SiteError and UsageError: the site is invalid, a notebook is
    missing or takes other parameters, the run's directory is in use, the key that signs its record
    cannot be used; LockedError when another run
    changes the site, UnreachableError when its cluster cannot be asked for the lock. What happens
    later is in the result and in run.json.
    """
    site = read_site(site_file)
    recorder = Recorder(site, options.command, load_signer(site))
    parameters = _parameters(site_file, options)
    if options.options.approved_plan is not None:
        read_document(options.options.approved_plan, site)
    account = _account(site, site_file, options)
    account.phases = [_planned(phase, options.notebooks, parameters) for phase in phases]
    directory = free_directory(site, options.run_dir)
    with (
        one_interrupt(),
        secrets_of(site) as secrets,
        _site_lock(site, directory, options, progress) as lock,
    ):
        lock.take_lease(needs_cluster=phases[0].load().needs_cluster)
        make_directory(directory, newest=options.run_dir is None)
        means = _Means(options, progress, lock, secrets, recorder)
        with held(directory):
            return _Run(directory, account, means).execute(phases, parameters)


@contextmanager
def _site_lock(
    site: Site, directory: Path, options: RunOptions, progress: LiveProgress
) -> Iterator[SiteLock]:
    """The lock of the site; in a dry run, which changes nothing, none is taken."""
    if options.dry_run:
        yield SiteLock(None)
        return
    work = Work(command=options.command, directory=directory)
    with locked(site, lambda: options.leases(site), work, progress.line) as lock:
        yield lock


@dataclass(frozen=True, slots=True)
class _Means:
    """What a run works with."""

    options: RunOptions
    progress: LiveProgress
    lock: SiteLock
    secrets: RunSecrets
    recorder: Recorder


class _Run:
    """One run under way; the watcher of its cells."""

    def __init__(self, directory: Path, account: RunAccount, means: _Means) -> None:
        self.directory = directory
        self.account = account
        self.options = means.options
        self.progress = means.progress
        self.lock = means.lock
        self.secrets = means.secrets
        self.recorder = means.recorder
        self.cells: dict[str, CellAccount] = {}
        self.step = ""

    def execute(self, phases: Sequence[PhaseEntry], parameters: dict[str, Any]) -> RunResult:
        self.account.write(self.directory)
        for origin in self.secrets.known.too_short:
            self.progress.line(f"{origin} is too short to be told from words: it isn't looked for")
        status, error = RunStatus.SUCCEEDED, None
        try:
            for phase, account in zip(phases, self.account.phases, strict=True):
                error = self._phase(phase, account, parameters)
                if error is not None:
                    status = RunStatus.FAILED
                    break
        except KeyboardInterrupt:
            error = self.lock.lost
            status = RunStatus.FAILED if error else RunStatus.INTERRUPTED
        except BaseException:
            self._end(RunStatus.FAILED)
            raise
        unrecorded = self._end(status)
        return RunResult(status, self.directory, error, self._pending(phases), unrecorded)

    def _pending(self, phases: Sequence[PhaseEntry]) -> bool:
        """Whether a plan that a dry run showed has a change that would stay."""
        return self.options.dry_run and any(
            count
            for phase in phases
            if phase.lasting
            for plan in displayed_plans(self.directory / phase.notebook)
            for action, count in plan["counts"].items()
            if action != Action.KEEP
        )

    def _end(self, status: RunStatus) -> RecordError | None:
        """Close the account, and record the run; why that could not be done is given back."""
        self.account.status, self.account.ended = status, now()
        self.account.write(self.directory)
        try:
            self.recorder.record(self.directory, self.account, self.secrets.known)
        except RecordError as error:
            return error
        return None

    def _phase(
        self, phase: PhaseEntry, account: PhaseAccount, parameters: dict[str, Any]
    ) -> RunbookError | None:
        """Run one phase. A KeyboardInterrupt is entered in the account and goes on."""
        self.cells = {cell.id: cell for cell in account.cells}
        account.status, account.started = RunStatus.RUNNING, now()
        self.account.write(self.directory)
        self.progress.phase(phase.stem, phase.title)
        began = time.monotonic()
        error: RunbookError | None = None
        ended_as = RunStatus.INTERRUPTED
        try:
            error = self._notebook(phase, parameters)
            ended_as = RunStatus.FAILED if error else RunStatus.SUCCEEDED
        finally:
            account.status = ended_as
            account.ended, account.seconds = now(), round(time.monotonic() - began, 1)
            account.error = self.secrets.redacted(str(error)) if error else None
            self.account.write(self.directory)
            self.progress.phase_ended(account.status)
            self._keep_readable(self.directory / phase.notebook)
        return error

    def _notebook(self, phase: PhaseEntry, parameters: dict[str, Any]) -> RunbookError | None:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from papermill.exceptions import PapermillExecutionError

        from kuryr_runbook.running.engine import Inheritance, execute

        target = self.directory / phase.notebook
        try:
            self.lock.take_lease(needs_cluster=phase.load().needs_cluster)
            execute(
                self.options.notebooks / phase.notebook,
                target,
                parameters,
                watcher=self,
                inherited=Inheritance(self.lock.descriptors, self.secrets),
                cell_seconds=self.options.cell_seconds,
            )
        except (PapermillExecutionError, CellTimeoutError, DeadKernelError) as error:
            return phase_error(error, notebook=str(target), step=self.step)
        except RunbookError as error:
            return error
        except KeyboardInterrupt:
            if self.lock.lost is None:
                raise
            return self.lock.lost
        return None

    def _keep_readable(self, notebook: Path) -> None:
        """The HTML beside the notebook; no empty log of the kernel, and no secret in it."""
        log = notebook.with_suffix(".kernel.log")
        if log.exists() and not log.stat().st_size:
            log.unlink()
        elif log.exists():
            self.secrets.redact_file(log)
        if notebook.exists():
            export_html(notebook)

    # The watcher: called from the engine while cells run.

    def cell_started(self, key: str) -> None:
        self.step = self.cells[key].step
        self.progress.step(self.step)

    def cell_ran(self, key: str) -> None:
        self._cell(key, CellStatus.RAN)

    def cell_failed(self, key: str) -> None:
        self._cell(key, CellStatus.FAILED)

    def printed(self, text: str) -> None:
        self.progress.line(text)

    def displayed(self, text: str) -> None:
        # In a dry run the plan is what the operator came for; else it stands in the notebook.
        if self.options.dry_run:
            self.progress.block(text)

    def _cell(self, key: str, status: CellStatus) -> None:
        self.cells[key].status = status
        self.account.write(self.directory)


def _parameters(site_file: Path, options: RunOptions) -> dict[str, Any]:
    """The site's sections as YAML gives them: strings stay strings."""
    values: dict[str, Any] = yaml.safe_load(site_file.expanduser().read_text())
    values = {name: value for name, value in values.items() if name in SECTIONS}
    told = options_parameter(options.options)
    return {**values, "dry_run": options.dry_run, "options": told}


def _account(site: Site, site_file: Path, options: RunOptions) -> RunAccount:
    return RunAccount(
        site=site.name,
        site_file=str(site_file),
        dry_run=options.dry_run,
        pid=os.getpid(),
        version=version("kuryr-runbook"),
        started=now(),
    )


def _planned(phase: PhaseEntry, directory: Path, parameters: dict[str, Any]) -> PhaseAccount:
    path = directory / phase.notebook
    notebook = notebooks.read_notebook(path)
    notebooks.refuse_mismatch(path, notebook, PARAMETERS)
    cells = notebooks.injected(parameters, notebook)
    return PhaseAccount(
        phase=phase.name,
        notebook=phase.notebook,
        cells=[CellAccount(cell.id, cell.step) for cell in cells],
    )
