"""A run: phases in order, each notebook in its own kernel, until one fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.display.progress import Progress
from kuryr_runbook.model.options import PARAMETERS
from kuryr_runbook.phases.approval import read_document, write_document
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.phases.lock.taking import SiteLock, Work, locked
from kuryr_runbook.recording.signing import load_signer
from kuryr_runbook.running import notebooks
from kuryr_runbook.running.account import CellAccount, PhaseAccount, RunAccount, now
from kuryr_runbook.running.directories import free_directory, make_run_directory
from kuryr_runbook.running.execution import Means, Run
from kuryr_runbook.running.interrupts import one_interrupt
from kuryr_runbook.running.kernels import Inheritance, Kernels
from kuryr_runbook.running.recorder import Invocation, Recorder
from kuryr_runbook.running.request import RunRequest, RunResult
from kuryr_runbook.running.secrecy import secrets_of

AGREED = "plan.json"
"""The file in a run's directory with the plans that a person agreed to."""


def run_phases(request: RunRequest, progress: Progress) -> RunResult:
    """Execute the phases' notebooks for a site.

    Before anything runs, raises UsageError when a notebook is missing or takes other parameters,
    the run's directory is in use, or the signing key or the archive for its record cannot be used;
    LockedError when another run is changing the site; UnreachableError when the cluster cannot be
    asked for the lock. Later errors are in the result and in run.json.
    """
    site, phases = request.site, request.phases
    if request.options.approved_plan is not None:
        # Kept with the run, whatever becomes of the file.
        approved = read_document(request.options.approved_plan, site)
        request = replace(request, agreed=approved)
    account = _account(request)
    directory = free_directory(site, request.run_dir)
    with (
        one_interrupt(),
        secrets_of(site) as secrets,
        _site_lock(request, directory, progress) as lock,
        Kernels(Inheritance(lock.descriptors, secrets)) as kernels,
    ):
        # It takes seconds to start, as does the rest until it is needed.
        kernels.prepare(phases[0])
        recorder = Recorder(site, Invocation(request.command, request.arguments), load_signer(site))
        recorder.refuse_unusable()
        recorder.look_around()
        account.phases = [_planned(phase, request) for phase in phases]
        lock.take_lease(needs_cluster=phases[0].needs_cluster)
        make_run_directory(directory, newest=request.run_dir is None)
        if request.agreed is not None:
            write_document(request.agreed, directory / AGREED)
            request = request.agreed_in(directory / AGREED)
        means = Means(request, progress, lock, secrets, kernels, recorder)
        with held(directory):
            return Run(directory, account, means).execute()


@contextmanager
def _site_lock(request: RunRequest, directory: Path, progress: Progress) -> Iterator[SiteLock]:
    """The lock of the site; a dry run takes none, since it changes nothing."""
    if request.dry_run:
        yield SiteLock(None)
        return
    work = Work(command=request.command, directory=directory)
    site = request.site
    with locked(site, lambda: request.leases(site), work, progress.line) as lock:
        yield lock


def _account(request: RunRequest) -> RunAccount:
    return RunAccount(
        site=request.site.name,
        site_file=str(request.site_file),
        dry_run=request.dry_run,
        pid=os.getpid(),
        version=version("kuryr-runbook"),
        started=now(),
    )


def _planned(phase: PhaseEntry, request: RunRequest) -> PhaseAccount:
    path = request.notebooks / phase.notebook
    notebook = notebooks.read_notebook(path)
    notebooks.refuse_mismatch(path, notebook, PARAMETERS)
    cells = notebooks.injected(request.parameters, notebook)
    return PhaseAccount(
        phase=phase.name,
        notebook=phase.notebook,
        cells=[CellAccount(cell.id, cell.step) for cell in cells],
    )
