"""`kuryr-runbook rotate-credentials`. Progress on stderr, plan and result on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.given import given_arguments
from kuryr_runbook.cli.options import site_option
from kuryr_runbook.cli.run_options import dry_run_option, force_conflicts_option
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import progress_apart
from kuryr_runbook.model.errors import ExitCode


@click.command(
    "rotate-credentials",
    cls=Command,
    exits={
        ExitCode.CHANGES_PENDING: "with --dry-run: there are changes",
        ExitCode.CHECK_FAILED: "a check failed",
        ExitCode.CHECK_UNKNOWN: "a check could not get an answer",
    },
    examples=[
        "kuryr-runbook rotate-credentials --site my-site.yaml --dry-run",
        "kuryr-runbook rotate-credentials --site my-site.yaml",
    ],
)
@site_option(required=True)
@dry_run_option
@force_conflicts_option
def rotate_credentials(*, site_file: Path, dry_run: bool, force_conflicts: bool) -> None:
    """Give Kuryr new credentials, and delete the old ones.

    Creates an application credential, writes it into the Secret kuryr-config,
    restarts the controller, and deletes the old credential once the controller is
    healthy. With `credentials: site` Kuryr gets the current login from clouds.yaml
    instead. Any other changes of phase 03 are made, too. If it is interrupted,
    run it again.
    """
    from kuryr_runbook.display.plans import plan_view
    from kuryr_runbook.model.options import Options
    from kuryr_runbook.phases.controller import Rotation
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.running.command_runs import recorded_command
    from kuryr_runbook.running.recorder import Invocation

    site = read_site(site_file)
    rotation = Rotation(site, dry_run=dry_run, options=Options(force_conflicts=force_conflicts))
    if dry_run:
        with progress_apart():
            plan = rotation.make_plan()
        echo(plan_view(plan))
        echo("")
        sys.exit(ExitCode.CHANGES_PENDING if plan.changes else ExitCode.DONE)
    command = Invocation(click.get_current_context().command_path, given_arguments())
    with recorded_command(site, site_file, command=command, name=rotation.name) as run:
        for step in (rotation.plan, rotation.apply, rotation.check):
            with progress_apart():
                view = step()
            echo(view)
            echo("")
            run.keep(view)
    echo(f"recorded: {run.directory}")
