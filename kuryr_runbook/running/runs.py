"""A run: phases in order, each notebook in a kernel of its own, stopped by the first failure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kuryr_runbook.display.progress import Progress
from kuryr_runbook.model.options import PARAMETERS, options_parameter
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.phases.approval import read_document
from kuryr_runbook.phases.base import read_values
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.phases.lock.taking import SiteLock, Work, locked
from kuryr_runbook.recording.life import held
from kuryr_runbook.recording.signing import load_signer
from kuryr_runbook.running import notebooks
from kuryr_runbook.running.account import CellAccount, PhaseAccount, RunAccount, now
from kuryr_runbook.running.directories import free_directory, make_run_directory
from kuryr_runbook.running.execution import Means, Run
from kuryr_runbook.running.interrupts import one_interrupt
from kuryr_runbook.running.kernels import Inheritance, Kernels
from kuryr_runbook.running.recorder import Recorder
from kuryr_runbook.running.run_options import RunOptions, RunResult
from kuryr_runbook.running.secrecy import secrets_of


def run_phases(
    site_file: Path,
    phases: Sequence[PhaseEntry],
    options: RunOptions,
    progress: Progress,
) -> RunResult:
    """Execute the phases' notebooks for a site.

    Raises, before anything runs, SiteError and UsageError: the site is invalid, a notebook is
    missing or takes other parameters, the run's directory is in use, the key that signs its record
    or the archive of it cannot be used; LockedError when another run
    changes the site, UnreachableError when its cluster cannot be asked for the lock. What happens
    later is in the result and in run.json.
    """
    values = read_values(site_file)
    site = Site.model_validate(values)
    parameters = _parameters(values, options)
    if options.options.approved_plan is not None:
        read_document(options.options.approved_plan, site)
    account = _account(site, site_file, options)
    directory = free_directory(site, options.run_dir)
    with (
        one_interrupt(),
        secrets_of(site) as secrets,
        _site_lock(site, directory, options, progress) as lock,
        Kernels(Inheritance(lock.descriptors, secrets)) as kernels,
    ):
        # It takes seconds to start, and so does what comes until it is needed.
        kernels.prepare(phases[0])
        recorder = Recorder(site, options.command, load_signer(site))
        recorder.refuse_unusable()
        recorder.look_around()
        account.phases = [_planned(phase, options.notebooks, parameters) for phase in phases]
        lock.take_lease(needs_cluster=phases[0].needs_cluster)
        make_run_directory(directory, newest=options.run_dir is None)
        means = Means(options, progress, lock, secrets, kernels, recorder)
        with held(directory):
            return Run(directory, account, means).execute(phases, parameters)


@contextmanager
def _site_lock(
    site: Site, directory: Path, options: RunOptions, progress: Progress
) -> Iterator[SiteLock]:
    """The lock of the site; in a dry run, which changes nothing, none is taken."""
    if options.dry_run:
        yield SiteLock(None)
        return
    work = Work(command=options.command, directory=directory)
    with locked(site, lambda: options.leases(site), work, progress.line) as lock:
        yield lock


def _parameters(values: Mapping[str, Any], options: RunOptions) -> dict[str, Any]:
    """The site's sections as YAML gives them: strings stay strings."""
    sections = {name: value for name, value in values.items() if name in SECTIONS}
    told = options_parameter(options.options)
    return {**sections, "dry_run": options.dry_run, "options": told}


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
