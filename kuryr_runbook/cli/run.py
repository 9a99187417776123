"""`kuryr-runbook run` and `kuryr-runbook teardown`: phases headless, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.errors import wrapped
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN, PhaseEntry, chosen

if TYPE_CHECKING:
    from kuryr_runbook.model.options import Options

site_option = click.option(
    "--site",
    "site_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The site file, such as parameters/lab.yaml.",
)
phase_option = click.option(
    "--phase",
    "names",
    multiple=True,
    type=click.Choice([phase.name for phase in PHASES]),
    help="Only this phase; may be given several times [default: all, in order].",
)
dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan of each phase and change nothing; exit status 3 when there is a change.",
)
run_dir_option = click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Empty or new directory for this run [default: runs/<site>/<UTC time>].",
)


@click.command()
@site_option
@phase_option
@dry_run_option
@click.option(
    "--plan",
    "approved_plan",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A plan saved by `plan --out`: do what stands in it, and nothing else.",
)
@click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take fields of Kubernetes objects from other managers that hold them.",
)
@run_dir_option
def run(
    *, names: tuple[str, ...], approved_plan: Path | None, force_conflicts: bool, **how: Any
) -> None:
    """Install Kuryr: execute the phases' notebooks for a site, in order.

    Stops at the first phase that fails. A phase that is done already changes
    nothing. The executed notebooks, their HTML and run.json stay in the run's
    directory.
    """
    from kuryr_runbook.model.options import Options

    options = Options(approved_plan=approved_plan, force_conflicts=force_conflicts)
    _execute(chosen(names), options, **how)


@click.command()
@site_option
@dry_run_option
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(["openstack"]),
    help="Leave what phase openstack_prep made.",
)
@run_dir_option
def teardown(keep: tuple[Any, ...], **how: Any) -> None:
    """Remove what the runbook made for a site, in order; leave the rest alone."""
    from kuryr_runbook.model.options import Options

    _execute([TEARDOWN], Options(keep=keep), **how)


def _execute(
    phases: Sequence[PhaseEntry],
    options: Options,
    *,
    site_file: Path,
    dry_run: bool,
    run_dir: Path | None,
) -> None:
    from kuryr_runbook.display.live import LiveProgress
    from kuryr_runbook.running.displayed import displayed_result
    from kuryr_runbook.running.runs import RunOptions, run_phases

    command = click.get_current_context().command_path
    how = RunOptions(command=command, dry_run=dry_run, options=options, run_dir=run_dir)
    with LiveProgress(sys.stderr) as progress:
        result = run_phases(site_file, phases, how, progress)
    for phase in phases if not dry_run else ():
        if shown := displayed_result(result.directory / phase.notebook):
            click.echo(f"{shown}\n")
    click.echo(f"{result.status}: {result.directory}")
    if result.error is not None and result.record_error is not None:
        click.echo(wrapped(f"error: {result.record_error}"), err=True)
    if error := result.error or result.record_error:
        raise error
    sys.exit(result.exit_code)
