"""Executes a run: its phases one after the other, with an account of each cell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.writing import move_file
from kuryr_runbook.display.plans import DRY_RUN
from kuryr_runbook.display.progress import Progress
from kuryr_runbook.display.redrawing import redrawn
from kuryr_runbook.display.tables import DATA_TYPE
from kuryr_runbook.model.errors import RecordError, RunbookError, UsageError
from kuryr_runbook.model.plan import Action
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.phases.lock.taking import SiteLock
from kuryr_runbook.recording.pages.frame import Around
from kuryr_runbook.recording.standing import is_beside
from kuryr_runbook.running.account import (
    DONE,
    CellAccount,
    CellStatus,
    PhaseAccount,
    RunAccount,
    RunStatus,
    now,
)
from kuryr_runbook.running.failures import phase_error
from kuryr_runbook.running.interrupts import uninterrupted
from kuryr_runbook.running.kernels import Kernels
from kuryr_runbook.running.notebooks import displayed_plans
from kuryr_runbook.running.pages import Pages
from kuryr_runbook.running.recorder import Recorder
from kuryr_runbook.running.request import RunRequest, RunResult
from kuryr_runbook.running.secrecy import RunSecrets


@dataclass(frozen=True, slots=True)
class Means:
    """What a run works with."""

    request: RunRequest
    progress: Progress
    lock: SiteLock
    secrets: RunSecrets
    kernels: Kernels
    recorder: Recorder


class Run:
    """One run, which watches its cells itself."""

    def __init__(self, directory: Path, account: RunAccount, means: Means) -> None:
        self.directory = directory
        self.account = account
        self.request = means.request
        self.progress = means.progress
        self.lock = means.lock
        self.secrets = means.secrets
        self.recorder = means.recorder
        self.kernels = means.kernels
        self.pages = Pages()
        self.next: PhaseEntry | None = None
        self.paged: PhaseEntry | None = None
        self.cells: dict[str, CellAccount] = {}
        self.step = ""

    def execute(self) -> RunResult:
        """Run the phases, and record the result."""
        self.account.write(self.directory)
        for origin in self.secrets.known.indistinct:
            self.progress.line(f"{origin}: short or a common word, so it is not redacted")
        status, error = RunStatus.SUCCEEDED, None
        try:
            error = self._phases()
            if error is not None:
                status = RunStatus.FAILED
        except KeyboardInterrupt:
            error = self.lock.lost
            status = RunStatus.FAILED if error else RunStatus.INTERRUPTED
        except BaseException:
            self._end(RunStatus.FAILED)
            raise
        unrecorded = self._end(status)
        return RunResult(
            status,
            self.directory,
            error,
            pending=self._pending(),
            record_error=unrecorded,
        )

    def _phases(self) -> RunbookError | None:
        """Run the phases until one fails."""
        phases = self.request.phases
        following = [*phases[1:], None]
        for phase, account, then in zip(phases, self.account.phases, following, strict=True):
            self.next = then
            error = self._phase(phase, account)
            if error is not None:
                return error
        return None

    def _pending(self) -> bool:
        """Whether a dry run's plans have lasting changes."""
        return self.request.dry_run and any(
            has_changes(plan)
            for phase in self.request.phases
            if phase.lasting
            for plan in displayed_plans(self.directory / phase.notebook)
        )

    def _end(self, status: RunStatus) -> RunbookError | None:
        """Complete the account and record the run. Returns the error if that fails."""
        try:
            with uninterrupted():
                self.account.status, self.account.ended = status, now()
                self.account.write(self.directory)
                self._amend_last_page()
                self.pages.finish()
                record = self.recorder.record(self.directory, self.account, self.secrets.known)
            self.recorder.copy(record)
        except (RecordError, UsageError) as error:
            return error
        return None

    def _phase(self, phase: PhaseEntry, account: PhaseAccount) -> RunbookError | None:
        """Run one phase. A KeyboardInterrupt is entered in the account, and passed on."""
        self.cells = {cell.id: cell for cell in account.cells}
        self.step = "start of the kernel"
        account.status, account.started = RunStatus.RUNNING, now()
        self.account.write(self.directory)
        self.progress.phase(phase.stem, phase.title)
        began = time.monotonic()
        error: RunbookError | None = None
        ended_as = RunStatus.INTERRUPTED
        try:
            error, unchanged = self._recheck(phase, account)
            if error is None and not unchanged:
                error = self._notebook(phase, self.request.parameters)
            done = RunStatus.UNCHANGED if unchanged else RunStatus.SUCCEEDED
            ended_as = RunStatus.FAILED if error else done
        finally:
            account.status = ended_as
            account.ended, account.seconds = now(), round(time.monotonic() - began, 1)
            account.error = self.secrets.redacted(str(error)) if error else None
            self.account.write(self.directory)
            self.progress.phase_ended(account.status)
            if (self.directory / phase.notebook).exists():
                self._want_page(phase, goes_on=ended_as in DONE)
        return error

    def _want_page(self, phase: PhaseEntry, *, goes_on: bool) -> None:
        self.paged = phase
        self.pages.want(self.directory / phase.notebook, self._around(phase, goes_on=goes_on))

    def _around(self, phase: PhaseEntry, *, goes_on: bool) -> Around:
        """What a phase's page links to; the page of the next phase only if that will run."""
        position = self.request.phases.index(phase)
        before = self.request.phases[:position][-1:]
        after = self.request.phases[position + 1 :][:1] if goes_on else ()
        return Around(
            site=self.request.site.name,
            run=self.directory.name,
            in_site=is_beside(self.directory, self.request.site.name),
            before=next((f"{it.stem}.html" for it in before if self._is_executed(it)), None),
            after=next((f"{it.stem}.html" for it in after), None),
        )

    def _is_executed(self, phase: PhaseEntry) -> bool:
        return (self.directory / phase.notebook).exists()

    def _amend_last_page(self) -> None:
        """Make it again without a link to the next phase, if that was not reached after all."""
        if self.paged is not None:
            after = self._around(self.paged, goes_on=True).after
            if after and not (self.directory / after).with_suffix(".ipynb").exists():
                self._want_page(self.paged, goes_on=False)

    def _recheck(
        self, phase: PhaseEntry, account: PhaseAccount
    ) -> tuple[RunbookError | None, bool]:
        """Plan a phase that an earlier run has done: the error if any, whether nothing changes.

        The notebook of a plan with changes is kept beside the one that then carries them out.
        """
        if phase.name not in self.request.recheck or not phase.lasting:
            return None, False
        error = self._notebook(phase, {**self.request.parameters, "dry_run": True})
        notebook = self.directory / phase.notebook
        plans = displayed_plans(notebook)
        unchanged = bool(plans) and not any(map(has_changes, plans))
        if error is None and not unchanged:
            kept = notebook.with_name(f"{phase.stem}.recheck.ipynb")
            move_file(notebook, kept, failure=RecordError)
            self.pages.want(kept, self._around(phase, goes_on=False))
            for cell in account.cells:
                cell.status, cell.started, cell.ended = CellStatus.NOT_REACHED, None, None
        return error, unchanged

    def _notebook(self, phase: PhaseEntry, parameters: dict[str, Any]) -> RunbookError | None:
        from kuryr_runbook.running.engine import Workshop, execute

        target = self.directory / phase.notebook
        try:
            self.lock.take_lease(needs_cluster=phase.needs_cluster)
            with self.kernels.taken(phase, target.with_suffix(".kernel.log")) as kernel:
                workshop = Workshop(kernel, self, self.secrets, self.request.cell_seconds)
                execute(self.request.notebooks / phase.notebook, target, parameters, workshop)
        except RunbookError as error:
            return error
        except Exception as error:
            return phase_error(
                error, notebook=target, step=self.step, redacted=self.secrets.redacted
            )
        except KeyboardInterrupt:
            if self.lock.lost is None:
                raise
            return self.lock.lost
        return None

    # The methods of Watcher, called by the engine while cells run.

    def cell_started(self, key: str) -> None:
        """A code cell is about to run."""
        self.step = self.cells[key].step
        self.cells[key].started = now("milliseconds")
        self.progress.step(self.step)
        self.pages.cell_started()

    def cell_ran(self, key: str) -> None:
        """It ended without an error."""
        self._cell(key, CellStatus.RAN)
        # Only after the first cell, when this phase's own kernel has started.
        if self.next is not None:
            self.kernels.prepare(self.next)

    def cell_failed(self, key: str) -> None:
        """It raised an error, its kernel died, or it was interrupted."""
        self._cell(key, CellStatus.FAILED)

    def printed(self, text: str) -> None:
        """Whole lines that the cell printed."""
        self.progress.line(text)

    def displayed(self, forms: Mapping[str, Any]) -> None:
        """The forms of something that the cell displayed, by their types."""
        # In a dry run the operator wants to see the plan; otherwise it is in the notebook.
        if self.request.dry_run and DRY_RUN not in forms.get(DATA_TYPE, {}):
            self.progress.block(redrawn(forms))

    def _cell(self, key: str, status: CellStatus) -> None:
        self.pages.cell_ended()
        self.cells[key].status, self.cells[key].ended = status, now("milliseconds")
        self.account.write(self.directory)


def has_changes(plan: Mapping[str, Any]) -> bool:
    """Whether a plan that was displayed would change something."""
    return any(count for action, count in plan["counts"].items() if action != Action.KEEP)
