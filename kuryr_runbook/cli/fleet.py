"""`kuryr-runbook fleet`: what the commands for one site do, for many from one machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from kuryr_runbook.cli.agreement import agrees, can_ask
from kuryr_runbook.cli.conventions import Group
from kuryr_runbook.cli.fleet_jobs import metrics_of, planned, ran, refuse_without_plan
from kuryr_runbook.cli.options import Output, answer, fail_on_option, output_options
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.run_options import PhaseChoice, collecting, phase_options, yes_option
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import tell
from kuryr_runbook.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from kuryr_runbook.model.fleet import SiteAnswer
    from kuryr_runbook.running.fleet.engine import Work
    from kuryr_runbook.running.fleet.members import Fleet

Command = TypeVar("Command", bound=Callable[..., Any])

AT_ONCE = 4
EXITS = {ExitCode.USAGE: "a site file cannot be used, or wrong usage"}
directory_type = UserPath(file_okay=False)


metrics_option = click.option(
    "--metrics",
    type=UserPath(file_okay=False, exists=True),
    help="Write each site's metrics there, for the textfile collector of Prometheus' node "
    "exporter; its user has to be able to read that directory.",
)
sites_argument = click.argument(
    "sites", nargs=-1, required=True, metavar="SITE...", type=UserPath()
)


def fleet_options(command: Command) -> Command:
    """The site files as `fleet`, `--at-once`, and the forms of the answer."""

    @sites_argument
    @click.option(
        "--at-once",
        type=click.IntRange(1, 64),
        default=AT_ONCE,
        show_default=True,
        help="How many sites to work on at the same time.",
    )
    @output_options
    @wraps(command)
    def call(*, sites: tuple[Path, ...], **given: Any) -> Any:
        from kuryr_runbook.running.fleet.members import read_fleet

        return command(fleet=read_fleet(sites), **given)

    return cast("Command", call)


@click.group(
    cls=Group,
    examples=[
        "kuryr-runbook fleet plan sites/*.yaml",
        "kuryr-runbook fleet run sites/*.yaml --canary 1",
        "kuryr-runbook fleet diagnose sites/*.yaml -o json",
        "kuryr-runbook fleet status sites/*.yaml",
    ],
)
def fleet() -> None:
    """Many sites from one machine: plan, run and diagnose them, show how they are.

    Each site is worked on as by the command for one site, by a process of its own
    with the site's own lock. A site whose file is broken, or that fails, does not
    stop the others. The exit status is that of the site that is worst off.
    """


@fleet.command(
    exits={
        ExitCode.DONE: "nothing to change in any site",
        ExitCode.CHANGES_PENDING: "there are changes",
        **EXITS,
    },
    examples=[
        "kuryr-runbook fleet plan sites/*.yaml",
        "kuryr-runbook fleet plan sites/*.yaml --out plans",
    ],
)
@phase_options
@click.option(
    "--out",
    "directory",
    type=directory_type,
    help="Save each site's plan there, as SITE.json, for `fleet run --plans`.",
)
@metrics_option
@collecting(choice=PhaseChoice)
@fleet_options
def plan(
    *,
    fleet: Fleet,
    choice: PhaseChoice,
    directory: Path | None,
    metrics: Path | None,
    at_once: int,
    output: Output,
) -> None:
    """Show how much a run would change in each site; change nothing.

    As a document for machines it has the steps that change something, too.
    """
    work = planned(fleet, choice, at_once, out=directory, metrics=metrics)
    _finish("Plans", fleet, work, output)


@fleet.command(
    exits={
        ExitCode.CHANGES_PENDING: "you did not agree to the plans",
        ExitCode.CHECK_FAILED: "a check failed",
        ExitCode.CHECK_UNKNOWN: "a check could not get an answer",
        **EXITS,
    },
    examples=[
        "kuryr-runbook fleet run sites/*.yaml",
        "kuryr-runbook fleet run sites/*.yaml --yes --canary 2 --wave 10",
        "kuryr-runbook fleet run sites/*.yaml --plans plans --tolerate 5",
    ],
)
@phase_options
@yes_option
@click.option(
    "--plans",
    type=directory_type,
    help="Plans saved by `fleet plan --out`: do what is in them, and nothing else.",
)
@click.option(
    "--canary",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many sites to run before all others, in the given order.",
)
@click.option(
    "--wave",
    type=click.IntRange(1),
    help="How many sites each wave after that has [default: all others].",
)
@click.option(
    "--tolerate",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="The percentage of a wave that may fail; with more, nothing further is started.",
)
@collecting(choice=PhaseChoice)
@fleet_options
def run(
    *,
    fleet: Fleet,
    choice: PhaseChoice,
    yes: bool,
    plans: Path | None,
    at_once: int,
    output: Output,
    **pace: Any,
) -> None:
    """Run the phases for each site, the first sites before all others.

    Plans all sites, shows how much would change in each and asks; then runs the
    sites in waves, and in each does what is in its plan, and nothing else. Where
    there is no terminal, --yes or --plans has to answer. What is running when too
    many sites of a wave have failed goes on to its end; no more is started. Each
    run is recorded in runs/SITE, and runs/index.html lists all of them.
    """
    with TemporaryDirectory(prefix="kuryr-fleet-") as folder:
        refused: Sequence[SiteAnswer] = ()
        if plans is not None:
            refuse_without_plan(fleet, plans)
        elif not yes and any(phase.lasting for phase in choice.phases):
            plans = Path(folder)
            refused = _agreed(fleet, choice, plans, at_once)
        work = ran(fleet, choice, plans, [it.site for it in refused], at_once=at_once, **pace)
    work.answers += refused
    _finish("Runs", fleet, work, output)


@fleet.command(
    exits={
        ExitCode.DONE: "nothing is wrong in any site",
        ExitCode.CHECK_FAILED: "something is wrong",
        ExitCode.CHECK_UNKNOWN: "something could not be checked",
        **EXITS,
    },
    examples=[
        "kuryr-runbook fleet diagnose sites/*.yaml",
        "kuryr-runbook fleet diagnose sites/*.yaml --at-once 8 --fail-on warn",
    ],
)
@fail_on_option
@metrics_option
@fleet_options
def diagnose(
    *, fleet: Fleet, fail_on: str, metrics: Path | None, at_once: int, output: Output
) -> None:
    """Find out what is wrong with Kuryr in each site; change nothing.

    Shows the deepest causes of each. As a document for machines it has all that
    did not pass, with victims, evidence and remedy.
    """
    from kuryr_runbook.running.fleet.answers import diagnosed
    from kuryr_runbook.running.fleet.engine import Job, Pace, carry_out

    jobs = [
        Job(
            member=it,
            arguments=(
                *("diagnose", "-q", f"--site={it.file}", "--json", f"--fail-on={fail_on}"),
                *metrics_of(metrics, it, "diagnose"),
            ),
            read=diagnosed,
        )
        for it in fleet.members
    ]
    _finish("Diagnoses", fleet, carry_out([jobs], Pace(at_once=at_once), tell), output)


@fleet.command(
    exits={
        ExitCode.DONE: "no site's newest run failed",
        ExitCode.FAILED: "one failed, was interrupted or is lost",
        **EXITS,
    },
    examples=["kuryr-runbook fleet status sites/*.yaml"],
)
@sites_argument
@output_options
def status(*, sites: tuple[Path, ...], output: Output) -> None:
    """Show each site's newest run, from what runs left on this machine.

    Asks neither cloud nor cluster. Dry runs do not count.
    """
    from kuryr_runbook.display.fleet import standings_document, standings_view
    from kuryr_runbook.model.fleet import worst_status
    from kuryr_runbook.running.fleet.members import read_fleet
    from kuryr_runbook.running.fleet.standing import standings_of

    found = standings_of(read_fleet(sites))
    code = worst_status(it.exit_code for it in found)
    answer(output, lambda: standings_view(found), lambda: standings_document(found, code))
    sys.exit(code)


def _agreed(fleet: Fleet, choice: PhaseChoice, plans: Path, at_once: int) -> list[SiteAnswer]:
    """Plan all sites, and ask; exit if a person does not agree.

    Returns the answers of the sites without a plan, which are not run.
    """
    from kuryr_runbook.display.fleet import fleet_view
    from kuryr_runbook.running.fleet.engine import GOOD

    if not can_ask():
        raise UsageError(
            "fleet run asks before it changes anything, and there is no terminal to ask on",
            remedy="give --yes to go ahead without a question, or --plans DIRECTORY with plans "
            "from `kuryr-runbook fleet plan --out DIRECTORY`, to do what is in them",
        )
    work = planned(fleet, choice, at_once, out=plans)
    answers = fleet.in_order([*work.answers, *fleet.broken])
    echo(fleet_view("Plans", answers, work.stopped), err=True)
    echo("", err=True)
    if work.interrupted:
        sys.exit(ExitCode.INTERRUPTED)
    changing = [it for it in answers if it.status == ExitCode.CHANGES_PENDING]
    if changing and not agrees("Carry out these plans?"):
        echo("nothing was changed", err=True)
        sys.exit(ExitCode.CHANGES_PENDING)
    return [it for it in work.answers if it.status not in GOOD]


def _finish(title: str, fleet: Fleet, work: Work, output: Output) -> None:
    """Show what became of the sites, and exit with the status of the one that is worst off."""
    from kuryr_runbook.display.fleet import fleet_document, fleet_view
    from kuryr_runbook.model.fleet import worst_status

    answers = fleet.in_order([*work.answers, *fleet.broken])
    code = ExitCode.INTERRUPTED if work.interrupted else worst_status(it.status for it in answers)
    answer(
        output,
        lambda: fleet_view(title, answers, work.stopped),
        lambda: fleet_document(answers, code, work.stopped),
    )
    sys.exit(code)
