"""`kuryr-runbook plan`: what a run would change, for people, machines and approval."""

from __future__ import annotations

import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.options import Output, answer, output_options, site_option
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.run_options import PhaseChoice, collecting, phase_options
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.verbosity import progress_apart
from kuryr_runbook.model.errors import ExitCode


@click.command(
    cls=Command,
    exits={ExitCode.DONE: "nothing to change", ExitCode.CHANGES_PENDING: "there are changes"},
    examples=[
        "kuryr-runbook plan --site my-site.yaml",
        "kuryr-runbook plan --site my-site.yaml --from controller --out plan.json",
        "kuryr-runbook plan --site my-site.yaml -o json",
    ],
)
@site_option(required=True)
@phase_options
@output_options
@click.option(
    "--out",
    type=UserPath(dir_okay=False),
    help="Save the plan; `run --plan FILE` does what is in it, and nothing else.",
)
@click.option(
    "--metrics",
    type=UserPath(dir_okay=False),
    help="Write the number of changes as metrics, for the textfile collector of Prometheus' node "
    "exporter.",
)
@click.option(
    "--all", "everything", is_flag=True, help="List what is as wanted, too: it stays as it is."
)
@collecting(choice=PhaseChoice)
def plan(
    *,
    site_file: Path,
    choice: PhaseChoice,
    output: Output,
    out: Path | None,
    metrics: Path | None,
    everything: bool,
) -> None:
    """Show what a run would change: + create, ~ update, - delete, -/+ replace.

    Reads cloud, cluster and registry, and changes nothing. Values that an earlier
    phase would produce are "known later".
    """
    from kuryr_runbook.display.metrics import plan_metrics
    from kuryr_runbook.display.plans import site_view
    from kuryr_runbook.model.approval import site_document
    from kuryr_runbook.phases.approval import write_document
    from kuryr_runbook.phases.catalogue import plan_site
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.running.account import now

    site = read_site(site_file)
    with progress_apart():
        plans = list(plan_site(site, choice.phases))
    document = site_document(site, plans, made_at=now(), version=version("kuryr-runbook"))
    unplanned = {phase.name: phase.unplanned for phase in choice.phases if phase.unplanned}
    everything = everything or output is Output.WIDE
    answer(output, lambda: site_view(plans, unplanned, everything=everything), lambda: document)
    if out is not None:
        write_document(document, out)
    if metrics is not None:
        made_at = datetime.fromisoformat(document["made_at"])
        # The collector runs as another user.
        write_file(metrics, plan_metrics(site.name, plans, made_at), mode=0o644)
    sys.exit(ExitCode.CHANGES_PENDING if any(found.changes for found in plans) else ExitCode.DONE)
