"""`kuryr-runbook run` and `kuryr-runbook teardown`: phases headless, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN, PhaseEntry

site_option = click.option(
    "--site",
    "site_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The site file, such as parameters/lab.yaml.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show the plan of each phase; change nothing."
)
run_dir_option = click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Empty or new directory for this run [default: runs/<site>/<UTC time>].",
)


@click.command()
@site_option
@click.option(
    "--phase",
    "names",
    multiple=True,
    type=click.Choice([phase.name for phase in PHASES]),
    help="Only this phase; may be given several times [default: all, in order].",
)
@dry_run_option
@run_dir_option
def run(site_file: Path, names: tuple[str, ...], dry_run: bool, run_dir: Path | None) -> None:  # noqa: FBT001
    """Install Kuryr: execute the phases' notebooks for a site, in order.

    Stops at the first phase that fails. A phase that is done already changes
    nothing. The executed notebooks, their HTML and run.json stay in the run's
    directory.
    """
    chosen = [phase for phase in PHASES if not names or phase.name in names]
    _execute(site_file, chosen, dry_run=dry_run, run_dir=run_dir)


@click.command()
@site_option
@dry_run_option
@run_dir_option
def teardown(site_file: Path, dry_run: bool, run_dir: Path | None) -> None:  # noqa: FBT001
    """Remove what the runbook made for a site, in order; leave the rest alone."""
    _execute(site_file, [TEARDOWN], dry_run=dry_run, run_dir=run_dir)


def _execute(
    site_file: Path, phases: Sequence[PhaseEntry], *, dry_run: bool, run_dir: Path | None
) -> None:
    from kuryr_runbook.display.live import LiveProgress
    from kuryr_runbook.running.runs import RunOptions, displayed_result, run_phases

    command = click.get_current_context().command_path
    options = RunOptions(command=command, dry_run=dry_run, run_dir=run_dir)
    with LiveProgress(sys.stderr) as progress:
        result = run_phases(site_file, phases, options, progress)
    for phase in phases if not dry_run else ():
        if shown := displayed_result(result.directory / phase.notebook):
            click.echo(f"{shown}\n")
    click.echo(f"{result.status}: {result.directory}")
    if result.error is not None:
        raise result.error
    sys.exit(result.exit_code)
