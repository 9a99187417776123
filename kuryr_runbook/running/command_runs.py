"""Runs and records for commands that change something without executing a notebook.

What such a command showed is saved as the outputs of a notebook, so that everything that reads runs
can read it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.clients.login_files import read_secrets
from kuryr_runbook.clients.secrets import known_here
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.tables import View
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.errors import RecordError, UsageError
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.model.site import Site
from kuryr_runbook.recording.html import export_html
from kuryr_runbook.recording.pages.frame import Around
from kuryr_runbook.recording.signing import load_signer
from kuryr_runbook.recording.standing import is_beside
from kuryr_runbook.running.account import (
    CellAccount,
    CellStatus,
    PhaseAccount,
    RunAccount,
    RunStatus,
    now,
)
from kuryr_runbook.running.directories import free_directory, make_run_directory
from kuryr_runbook.running.recorder import Invocation, Recorder


class CommandRun:
    """One such run."""

    def __init__(self, site: Site, site_file: Path, command: Invocation, name: str) -> None:
        self._site = site
        self._recorder = Recorder(site, command, load_signer(site))
        self._phase = PhaseAccount(phase=name, notebook=f"{name}.ipynb", started=now())
        self._account = RunAccount(
            site=site.name,
            site_file=str(site_file),
            dry_run=False,
            pid=os.getpid(),
            version=version("kuryr-runbook"),
            started=now(),
            phases=[self._phase],
        )
        self._outputs: list[Any] = []
        self._secrets = KnownSecrets(read_secrets(site, os.environ))
        self.directory = free_directory(site, None)
        self._began = time.monotonic()
        self._kept_until = now("milliseconds")

    def begin(self) -> None:
        """Make the run's directory. Raises UsageError if its record could not be made."""
        self._recorder.refuse_unusable()
        self._recorder.look_around()
        make_run_directory(self.directory, newest=True)
        self._write(RunStatus.RUNNING)

    def keep(self, view: View) -> None:
        """Save what was shown; what led to it is a cell of the run's account."""
        from nbformat import v4

        self._secrets.add(known_here().secrets)
        bundle = self._secrets.redacted_value(view._repr_mimebundle_())
        began, self._kept_until = self._kept_until, now("milliseconds")
        self._phase.cells.append(
            CellAccount(
                f"shown-{len(self._outputs) + 1}",
                bundle["text/plain"].partition("\n")[0],
                CellStatus.RAN,
                began,
                self._kept_until,
            )
        )
        self._outputs.append(v4.new_output("display_data", data=bundle))  # type: ignore[no-untyped-call]

    def end(self, status: RunStatus, error: BaseException | None) -> None:
        """Complete the account, and record the run. Raises RecordError and UsageError."""
        self._secrets.add(known_here().secrets)
        self._phase.error = self._secrets.redacted(str(error)) if error else None
        self._phase.ended = self._account.ended = now()
        self._phase.seconds = round(time.monotonic() - self._began, 1)
        self._write(status)
        self._write_notebook()
        record = self._recorder.record(self.directory, self._account, self._secrets)
        self._recorder.copy(record)

    def _write(self, status: RunStatus) -> None:
        self._account.status = self._phase.status = status
        self._account.write(self.directory)

    def _write_notebook(self) -> None:
        import nbformat

        new: Any = nbformat.v4
        title = new.new_markdown_cell(f"# {self._phase.phase}\n\nWhat the command showed.")
        shown = new.new_code_cell(f"# {self._phase.phase}", outputs=self._outputs)
        language = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new.new_notebook(metadata={"kernelspec": language}, cells=[title, shown])
        text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
        path = self.directory / self._phase.notebook
        write_file(path, f"{text}\n", failure=RecordError)
        in_site = is_beside(self.directory, self._site.name)
        export_html(path, Around(site=self._site.name, run=self.directory.name, in_site=in_site))


@contextmanager
def recorded_command(
    site: Site, site_file: Path, *, command: Invocation, name: str
) -> Iterator[CommandRun]:
    """A run of one command, recorded however the block ends.

    If it cannot be recorded, raises UsageError before the block, or RecordError after it.
    """
    run = CommandRun(site, site_file, command, name)
    run.begin()
    with held(run.directory):
        try:
            yield run
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            try:
                run.end(RunStatus.INTERRUPTED if stopped else RunStatus.FAILED, error)
            except (RecordError, UsageError) as unrecorded:
                # Only printed, so that the first error is the one that is raised.
                echo(f"error: {unrecorded}", err=True)
            raise
        run.end(RunStatus.SUCCEEDED, None)
