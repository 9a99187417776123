"""`kuryr-runbook run` and `kuryr-runbook teardown`: phases headless, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kuryr_runbook.cli.errors import wrapped
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN, PhaseEntry, chosen

if TYPE_CHECKING:
    from kuryr_runbook.display.progress import Progress
    from kuryr_runbook.running.run_options import RunOptions, RunResult

Command = TypeVar("Command", bound=Callable[..., Any])

site_option = click.option(
    "--site",
    "site_file",
    required=True,
    type=UserPath(),
    help="The site file, such as parameters/lab.yaml.",
)
phase_type = click.Choice([phase.name for phase in PHASES])


def phase_options(command: Command) -> Command:
    """Options that choose phases: `only`, `first` and `last`."""
    options = (
        click.option(
            "--only",
            multiple=True,
            type=phase_type,
            help="Only this phase; may be given several times [default: all, in order].",
        ),
        click.option("--from", "first", type=phase_type, help="This phase and those after it."),
        click.option("--until", "last", type=phase_type, help="This phase and those before it."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report_options(command: Command) -> Command:
    """Options of how a run is told: `log_format` and `junit`."""
    options = (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="How progress is told on stderr; json: every event is a line.",
        ),
        click.option(
            "--junit",
            type=UserPath(dir_okay=False),
            help="Write phases and findings as JUnit XML, however the run ends.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan of each phase and change nothing; exit status 3 when there is a change.",
)
force_conflicts_option = click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take fields of Kubernetes objects from other managers that hold them.",
)
run_dir_option = click.option(
    "--run-dir",
    type=UserPath(),
    help="Empty or new directory for this run [default: runs/<site>/<UTC time>].",
)


@click.command()
@site_option
@phase_options
@click.option(
    "--resume",
    is_flag=True,
    help="Go on at the phase where the site's last run stopped; those before it are run if their "
    "plan has changes.",
)
@dry_run_option
@click.option(
    "--plan",
    "approved_plan",
    type=UserPath(dir_okay=False),
    help="A plan saved by `plan --out`: do what stands in it, and nothing else.",
)
@force_conflicts_option
@click.option(
    "--resilience",
    is_flag=True,
    help="Also delete Kuryr's pods and drain a node of the verification's workload, and see that "
    "nothing is lost.",
)
@run_dir_option
@report_options
def run(*, resume: bool, **how: Any) -> None:
    """Install Kuryr: execute the phases' notebooks for a site, in order.

    Stops at the first phase that fails. A phase that is done already changes
    nothing. The executed notebooks, their HTML, run.json and the signed record
    stay in the run's directory.
    """
    choice = {name: how.pop(name) for name in ("only", "first", "last")}
    told = ("approved_plan", "force_conflicts", "resilience")
    options = {name: how.pop(name) for name in told}
    if resume and any(choice.values()):
        raise click.UsageError("--resume goes with none of --only, --from, --until")
    _execute(None if resume else chosen(**choice), options, **how)


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
@report_options
def teardown(keep: tuple[Any, ...], **how: Any) -> None:
    """Remove what the runbook made for a site, in order; leave the rest alone."""
    _execute([TEARDOWN], {"keep": keep}, **how)


def _execute(phases: Sequence[PhaseEntry] | None, options: Mapping[str, Any], **how: Any) -> None:
    sys.exit(_told(phases, options, **how))


def _told(
    phases: Sequence[PhaseEntry] | None,
    options: Mapping[str, Any],
    *,
    site_file: Path,
    log_format: str,
    junit: Path | None,
    **how: Any,
) -> int:
    """Run, and tell it in the form that was asked for; without phases, what the last run left.

    Gives the exit status.
    """
    from kuryr_runbook.display.json_lines import JsonProgress
    from kuryr_runbook.display.live import LiveProgress
    from kuryr_runbook.model.errors import RunbookError
    from kuryr_runbook.model.options import Options
    from kuryr_runbook.running.run_options import RunOptions

    command = click.get_current_context().command_path
    wanted = RunOptions(command=command, options=Options(**options), **how)
    if log_format == "text":
        with LiveProgress(sys.stderr) as progress:
            result = _run(site_file, phases, wanted, progress)
        _print_results(result, phases or PHASES, junit)
        click.echo(f"{result.status}: {result.directory}")
        for error in result.errors:
            click.echo(wrapped(f"error: {error}"), err=True)
        return result.exit_code
    lines = JsonProgress(sys.stderr)
    try:
        result = _run(site_file, phases, wanted, lines)
        _print_results(result, phases or PHASES, junit)
    except RunbookError as error:
        lines.ended(errors=[str(error)], exit_code=error.exit_code)
        return error.exit_code
    lines.ended(
        status=result.status,
        directory=str(result.directory),
        errors=[str(error) for error in result.errors],
        exit_code=result.exit_code,
    )
    return result.exit_code


def _run(
    site_file: Path,
    phases: Sequence[PhaseEntry] | None,
    wanted: RunOptions,
    progress: Progress,
) -> RunResult:
    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.running.resuming import last_stopped
    from kuryr_runbook.running.runs import run_phases

    if phases is None:
        stopped = last_stopped(read_site(site_file))
        progress.line(f"going on with {stopped.directory}")
        phases, wanted = stopped.phases, replace(wanted, recheck=stopped.done)
    return run_phases(site_file, phases, wanted, progress)


def _print_results(result: RunResult, phases: Sequence[PhaseEntry], junit: Path | None) -> None:
    """What the last cells displayed, on stdout; and the XML, where it is wanted."""
    from kuryr_runbook.running.junit import write_junit
    from kuryr_runbook.running.notebooks import displayed_result

    for phase in phases if not result.dry_run else ():
        if shown := displayed_result(result.directory / phase.notebook):
            click.echo(f"{shown}\n")
    if junit is not None:
        write_junit(result.directory, junit)
