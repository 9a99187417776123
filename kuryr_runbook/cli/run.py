"""`kuryr-runbook run` and `kuryr-runbook teardown`: headless runs, with progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from kuryr_runbook.cli.agreement import agrees, can_ask
from kuryr_runbook.cli.conventions import Command as ClickCommand
from kuryr_runbook.cli.errors import wrapped
from kuryr_runbook.cli.given import given_arguments
from kuryr_runbook.cli.options import site_option
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import is_quiet, progress_apart, show_requests, tell
from kuryr_runbook.model.errors import ExitCode, UsageError
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN, PhaseEntry, chosen

if TYPE_CHECKING:
    from kuryr_runbook.model.options import Options
    from kuryr_runbook.running.request import RunRequest, RunResult

Command = TypeVar("Command", bound=Callable[..., Any])


def collecting(**kinds: type[Any]) -> Callable[[Command], Command]:
    """Collect options into dataclasses: each takes those with its fields' names."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(**given: Any) -> Any:
            values = {
                name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
                for name, kind in kinds.items()
            }
            return command(**given, **values)

        return cast("Command", call)

    return decorate


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChoice:
    """The options that choose phases."""

    only: tuple[str, ...]
    first: str | None
    last: str | None

    @property
    def is_made(self) -> bool:
        """Whether any of them was given."""
        return bool(self.only or self.first or self.last)

    @property
    def phases(self) -> list[PhaseEntry]:
        """The chosen phases in order; by default all. Raises UsageError."""
        return chosen(self.only, self.first, self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options that say how to run, and how to report the run."""

    site_file: Path
    yes: bool
    dry_run: bool
    run_dir: Path | None
    log_format: str
    junit: Path | None


phase_type = click.Choice([phase.name for phase in PHASES])


def phase_options(command: Command) -> Command:
    """Options that choose phases: `only`, `first` and `last`."""
    options = (
        click.option(
            "--only",
            multiple=True,
            type=phase_type,
            help="Run only this phase; repeatable [default: all, in order].",
        ),
        click.option("--from", "first", type=phase_type, help="Start with this phase."),
        click.option("--until", "last", type=phase_type, help="Stop after this phase."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report_options(command: Command) -> Command:
    """Options for reporting a run: `log_format` and `junit`."""
    options = (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="Format of progress on stderr; json has one line per event.",
        ),
        click.option(
            "--junit",
            type=UserPath(dir_okay=False),
            help="Write phases and findings as JUnit XML, even if the run fails.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


yes_option = click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before the first change: for machines.",
)
RUN_EXITS = {
    ExitCode.CHANGES_PENDING: 'there are changes, after --dry-run or a "no"',
    ExitCode.CHECK_FAILED: "a check failed; if in preflight, nothing was changed",
    ExitCode.CHECK_UNKNOWN: "a check could not get an answer",
}
dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Show the plan of each phase and change nothing; exit status 3 if there are changes.",
)
force_conflicts_option = click.option(
    "--force-conflicts",
    is_flag=True,
    help="Take over fields of Kubernetes objects that other managers hold.",
)
run_dir_option = click.option(
    "--run-dir",
    type=UserPath(),
    help="Empty or new directory for this run [default: runs/<site>/<UTC time>].",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `run` that its notebooks get as their parameter `options`."""

    approved_plan: Path | None
    force_conflicts: bool
    resilience: bool
    probe_nodes: bool


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
    has to answer. Stops at the first phase that fails. The executed notebooks,
    their HTML, run.json and the signed record are kept in the run's directory.
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
    from kuryr_runbook.phases.base import read_site
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
        raise _nobody_to_ask()
    return _agreed(request)


def _nobody_to_ask() -> UsageError:
    command = click.get_current_context().info_name
    saved = (
        ", or --plan FILE with a plan from `kuryr-runbook plan --out FILE`, to do what is in it"
        if command == "run"
        else ""
    )
    return UsageError(
        f"{command} asks before it changes anything, and there is no terminal to ask on",
        remedy=f"give --yes to go ahead without a question{saved}; --dry-run only shows the plan",
    )


def _agreed(request: RunRequest) -> RunRequest:
    """The request with the plan that a person agreed to; exits if they do not.

    If there is nothing to change there is no question, and the run changes nothing.
    """
    from kuryr_runbook.display.plans import site_view
    from kuryr_runbook.model.approval import site_document
    from kuryr_runbook.phases.catalogue import plan_site
    from kuryr_runbook.running.account import now

    with progress_apart():
        plans = list(plan_site(request.site, request.phases, request.options))
    unplanned = {phase.name: phase.unplanned for phase in request.phases if phase.unplanned}
    echo(site_view(plans, unplanned, everything=False), err=True)
    echo("", err=True)
    if any(plan.changes for plan in plans) and not agrees("Carry out this plan?"):
        echo("nothing was changed", err=True)
        sys.exit(ExitCode.CHANGES_PENDING)
    document = site_document(request.site, plans, made_at=now(), version=version("kuryr-runbook"))
    return replace(request, agreed=document)


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
