"""`kuryr-runbook run` and `kuryr-runbook teardown`: headless runs, with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.agreement import agreed, can_ask, nobody_to_ask
from kuryr_runbook.cli.conventions import Command as ClickCommand
from kuryr_runbook.cli.errors import wrapped
from kuryr_runbook.cli.given import given_arguments
from kuryr_runbook.cli.options import site_option
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.run_options import (
    RUN_EXITS,
    PhaseChoice,
    RunOptions,
    Wanted,
    collecting,
    dry_run_option,
    force_conflicts_option,
    phase_options,
    report_options,
    run_dir_option,
    yes_option,
)
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import is_quiet, show_requests, tell
from kuryr_runbook.phases.catalogue import TEARDOWN, PhaseEntry

if TYPE_CHECKING:
    from kuryr_runbook.model.options import Options
    from kuryr_runbook.running.request import RunRequest, RunResult


@click.command(
    cls=ClickCommand,
    exits=RUN_EXITS,
    examples=[
        "kuryr-runbook run --site my-site.yaml --dry-run",
        "kuryr-runbook run --site my-site.yaml",
        "kuryr-runbook run --site my-site.yaml --plan plan.json",
        "kuryr-runbook run --site my-site.yaml --yes --log-format json",
        "kuryr-runbook run --site my-site.yaml --resume",
    ],
)
@site_option(required=True)
@phase_options
@click.option(
    "--resume",
    is_flag=True,
    help="Continue at the phase where the site's last run stopped; phases before it run again if "
    "their plan has changes.",
)
@yes_option
@dry_run_option
@click.option(
    "--plan",
    "approved_plan",
    type=UserPath(dir_okay=False),
    help="A plan saved by `plan --out`: do what is in it, and nothing else.",
)
@force_conflicts_option
@click.option(
    "--resilience",
    is_flag=True,
    help="Also delete Kuryr's pods, drain the verification's workload from a node, and check that "
    "everything recovers.",
)
@click.option(
    "--probe-nodes",
    is_flag=True,
    help="In preflight, also start a short pod on each node, which tries to pull the image and "
    "looks at the node's interfaces; it is deleted afterwards.",
)
@run_dir_option
@report_options
@collecting(choice=PhaseChoice, wanted=Wanted, chosen_options=RunOptions)
def run(*, choice: PhaseChoice, wanted: Wanted, resume: bool, chosen_options: RunOptions) -> None:
    """Install Kuryr: execute the phases' notebooks for a site, in order.

    Shows the plan of all phases and asks before anything changes; then does what
    is in that plan, and nothing else. Where there is no terminal, --yes or --plan
    has to answer. Preflight and verification alone are not asked about: the one
    changes nothing, the other removes what it makes. Stops at the first phase that
    fails. The executed notebooks, their HTML, run.json and the signed record are
    kept in the run's directory.
    """
    from kuryr_runbook.model.options import Options

    if resume and choice.is_made:
        raise click.UsageError("--resume cannot be combined with --only, --from or --until")
    _execute(None if resume else choice.phases, Options(**asdict(chosen_options)), wanted)


@click.command(
    cls=ClickCommand,
    exits=RUN_EXITS,
    examples=[
        "kuryr-runbook teardown --site my-site.yaml --dry-run",
        "kuryr-runbook teardown --site my-site.yaml --keep openstack",
    ],
)
@site_option(required=True)
@yes_option
@dry_run_option
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(["openstack"]),
    help="Keep what phase openstack_prep made.",
)
@run_dir_option
@report_options
@collecting(wanted=Wanted)
def teardown(*, wanted: Wanted, keep: tuple[Any, ...]) -> None:
    """Remove what the runbook made for a site, in order; leave the rest alone.

    Shows what it would remove, and asks. Where there is no terminal, --yes has to
    answer.
    """
    from kuryr_runbook.model.options import Options

    _execute([TEARDOWN], Options(keep=keep), wanted)


def _execute(phases: Sequence[PhaseEntry] | None, options: Options, wanted: Wanted) -> None:
    """Run these phases, or continue where the last run stopped; exit with the run's status."""
    report = _as_text if wanted.log_format == "text" else _as_json
    sys.exit(report(wanted, lambda say: _request(phases, options, wanted, say)))


Ask = Callable[[Callable[[str], None]], "RunRequest"]
"""Makes the request. Called by the function that reports the run, to report its errors, too."""


def _as_text(wanted: Wanted, ask: Ask) -> int:
    """Run and show the progress. Returns the exit status."""
    from kuryr_runbook.display.live import LiveProgress
    from kuryr_runbook.running.runs import run_phases

    request = ask(tell)
    with LiveProgress(sys.stderr, only_blocks=is_quiet()) as progress:
        show_requests(progress.line)
        result = run_phases(request, progress)
    _print_results(request, result, wanted.junit)
    dry = "dry run, nothing was changed; " if request.dry_run else ""
    echo(f"{result.status}: {dry}{result.directory}")
    for error in result.errors:
        echo(wrapped(f"error: {error}"), err=True)
    return result.exit_code


def _as_json(wanted: Wanted, ask: Ask) -> int:
    """Run with a line of JSON for every event, including the end. Returns the exit status."""
    from kuryr_runbook.display.json_lines import JsonProgress
    from kuryr_runbook.model.errors import RunbookError
    from kuryr_runbook.running.runs import run_phases

    lines = JsonProgress(sys.stderr, only_results=is_quiet())
    show_requests(lines.line)
    try:
        request = ask(lines.line)
        result = run_phases(request, lines)
        _print_results(request, result, wanted.junit)
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


def _request(
    phases: Sequence[PhaseEntry] | None,
    options: Options,
    wanted: Wanted,
    say: Callable[[str], None],
) -> RunRequest:
    """What is to be run, once it is agreed to. Raises UsageError when there is nobody to ask."""
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.running.request import RunRequest
    from kuryr_runbook.running.resuming import last_stopped

    site, recheck = read_site(wanted.site_file), frozenset[str]()
    if phases is None:
        stopped = last_stopped(site)
        say(f"continuing {stopped.directory}")
        phases, recheck = stopped.phases, stopped.done
    request = RunRequest(
        site=site,
        site_file=wanted.site_file,
        phases=tuple(phases),
        command=click.get_current_context().command_path,
        arguments=given_arguments(),
        dry_run=wanted.dry_run,
        options=options,
        run_dir=wanted.run_dir,
        recheck=recheck,
    )
    answered = wanted.yes or wanted.dry_run or options.approved_plan is not None
    if answered or not any(phase.lasting for phase in request.phases):
        return request
    if wanted.log_format != "text" or not can_ask():
        raise nobody_to_ask()
    return agreed(request)


def _print_results(request: RunRequest, result: RunResult, junit: Path | None) -> None:
    """Print what the last cells displayed on stdout, and write the XML if wanted.

    Of a dry run, whose plans were shown on the way, only how much they would change.
    """
    from kuryr_runbook.display.plans import totals
    from kuryr_runbook.display.redrawing import redrawn
    from kuryr_runbook.running.junit import write_junit
    from kuryr_runbook.running.notebooks import displayed_plans, displayed_results

    if request.dry_run:
        lasting = (result.directory / it.notebook for it in request.phases if it.lasting)
        plans = [plan for notebook in lasting for plan in displayed_plans(notebook)]
        if plans:
            echo(totals(plans))
    for phase in request.phases if not request.dry_run else ():
        for forms in displayed_results(result.directory / phase.notebook):
            echo(redrawn(forms))
            echo("")
    if junit is not None:
        write_junit(result.directory, junit)
