"""`kuryr-runbook plan`: what a run would change, for people, machines and approval."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.run import PhaseChoice, collecting, phase_options, site_option
from kuryr_runbook.display.terminal import echo, echo_json
from kuryr_runbook.model.errors import ExitCode


@click.command()
@site_option
@phase_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option(
    "--out",
    type=UserPath(dir_okay=False),
    help="Save the plan; `run --plan FILE` does what is in it, and nothing else.",
)
@collecting(choice=PhaseChoice)
def plan(*, site_file: Path, choice: PhaseChoice, as_json: bool, out: Path | None) -> None:
    """Show what a run would change.

    Reads cloud, cluster and registry, and changes nothing. Values that an earlier
    phase would produce are "known later". The exit status is 3 if there are
    changes, otherwise 0.
    """
    from kuryr_runbook.display.plans import plan_view
    from kuryr_runbook.model.approval import site_document
    from kuryr_runbook.phases.approval import write_document
    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.phases.catalogue import plan_site
    from kuryr_runbook.running.account import now

    site = read_site(site_file)
    # Progress is not part of the result.
    with redirect_stdout(sys.stderr):
        plans = list(plan_site(site, choice.phases))
    for found in plans if not as_json else ():
        echo(plan_view(found))
        echo("")
    document = site_document(site, plans, made_at=now(), version=version("kuryr-runbook"))
    if as_json:
        echo_json(document)
    if out is not None:
        write_document(document, out)
    sys.exit(ExitCode.CHANGES_PENDING if any(found.changes for found in plans) else ExitCode.DONE)
