"""`kuryr-runbook audit`: look at a Kuryr that somebody installed, without a site file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.given import given_arguments
from kuryr_runbook.cli.options import Output, answer, output_options, place_options
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.verbosity import progress_apart, tell
from kuryr_runbook.model.errors import ExitCode

if TYPE_CHECKING:
    from kuryr_runbook.display.tables import View
    from kuryr_runbook.model.findings import Finding
    from kuryr_runbook.phases.site.audited import Audited

NO_FILE = Path("(none)")
"""What the record names if no site file was written."""


@click.command(
    cls=Command,
    exits={
        ExitCode.DONE: "there is one Kuryr, and nothing is wrong",
        ExitCode.CHECK_FAILED: "there is no Kuryr, more than one, half a one; or something is "
        "wrong",
        ExitCode.CHECK_UNKNOWN: "something could not be read, or be looked at",
    },
    examples=[
        "kuryr-runbook audit --cloud my-cloud --kubeconfig ~/.kube/config",
        "kuryr-runbook audit --cloud my-cloud --write my-site.yaml \\",
        "    --image registry.example.org/kuryr/kuryr",
        "kuryr-runbook audit --cloud my-cloud -o json",
    ],
)
@place_options
@click.option("--image", help="Registry and repository for the runbook's image, without a tag.")
@click.option(
    "--write",
    "file",
    type=UserPath(dir_okay=False),
    help="Write a site file for what is there; the file must not exist.",
)
@output_options
def audit(*, file: Path | None, image: str | None, output: Output, **where: str | None) -> None:
    """Say which Kuryr is installed, how that is known, and what is wrong with it.

    Needs no site file and changes nothing, whoever installed it: release, VIF
    driver, handlers, networks, groups, kind of login. Runs preflight, diagnosis and
    the picture as far as they apply, and shows how the runbook could take it over.
    With the file of --write, `plan` shows what the runbook would change.
    """
    from kuryr_runbook.display.tables import stacked
    from kuryr_runbook.phases.audit import recognized_view
    from kuryr_runbook.phases.site.audited import name_of, read_audited

    options = {
        "openstack.cloud": where["cloud"],
        "openstack.clouds_yaml": where["clouds_yaml"],
        "kubernetes.kubeconfig": where["kubeconfig"],
        "kubernetes.context": where["context"],
        "image.repository": image,
        "name": file.stem if file else None,
    }
    given = {key: value for key, value in options.items() if value}
    with progress_apart():
        audited = read_audited(given, name_of(given))
    shown = [recognized_view(audited)]
    try:
        found = _look_further(audited, file, shown)
    finally:
        # Also what was recognized before an error.
        document = {key: value for view in shown for key, value in view.data.items()}
        answer(output, lambda: stacked(shown), lambda: document)
    sys.exit(_status(found))


def _look_further(audited: Audited, file: Path | None, shown: list[View]) -> tuple[Finding, ...]:
    """Look at the one Kuryr that there is, add what was seen to `shown`, and record it.

    Raises CheckError or UnknownError if there is nothing to look at.
    """
    from kuryr_runbook.phases.audit import Audit, take_over_of, written_view
    from kuryr_runbook.running.command_runs import recorded_command
    from kuryr_runbook.running.recorder import Invocation

    shown.append(take_over_of(audited))
    if file is not None:
        shown.append(written_view(audited, file))
    with progress_apart():
        phase = Audit.of_audited(audited)
    command = Invocation(click.get_current_context().command_path, given_arguments())
    with recorded_command(phase.site, file or NO_FILE, command=command, name=phase.name) as run:
        for view in shown:
            run.keep(view)
        for look in (phase.preflight, phase.check, phase.picture):
            with progress_apart():
                view = look()
            run.keep(view)
            shown.append(view)
    tell(f"recorded: {run.directory}")
    return (*phase.preflight_findings, *phase.diagnosed)


def _status(findings: tuple[Finding, ...]) -> ExitCode:
    from kuryr_runbook.model.findings import Status, worst

    match worst(findings):
        case Status.FAIL:
            return ExitCode.CHECK_FAILED
        case Status.UNKNOWN:
            return ExitCode.CHECK_UNKNOWN
    return ExitCode.DONE
