"""`kuryr-runbook diagnose`: what is wrong, for people, for machines, and from a file; and a fix."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.terminal import echo, echo_json
from kuryr_runbook.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kuryr_runbook.display.tables import View
    from kuryr_runbook.model.findings import Finding
    from kuryr_runbook.model.site import Site
    from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot

LOOK_SECONDS = 300.0
"""How long looking may take in all; what did not answer by then could not be read."""
NAME_A_SITE = "name a site with --site, or a file with --snapshot"

file_type = UserPath(dir_okay=False)


@click.command()
@click.option(
    "--site",
    "site_file",
    type=UserPath(),
    help="The site file; with --snapshot it may be left out.",
)
@click.option("--namespace", help="Only what concerns this namespace [of pod, service: default].")
@click.option("--pod", help="Only what concerns this pod, and the way to it, drawn.")
@click.option("--service", help="Only what concerns this service, and the way to it, drawn.")
@click.option("--snapshot", type=file_type, help="Look at a saved snapshot, and at nothing else.")
@click.option("--save-snapshot", type=file_type, help="Keep what was read; it holds no secret.")
@click.option("--picture", type=file_type, help="Draw the site with the findings, as SVG.")
@click.option(
    "--fix",
    is_flag=True,
    help="Show a plan that mends what can be mended for certain, ask, carry it out, look again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--junit", "junit_file", type=file_type, help="Write the findings as JUnit's XML.")
@click.option(
    "--fail-on",
    type=click.Choice(["warn", "fail"]),
    default="fail",
    show_default=True,
    help="The least that makes the exit status 4.",
)
def diagnose(
    *,
    site_file: Path | None,
    snapshot: Path | None,
    fix: bool,
    as_json: bool,
    fail_on: str,
    **more: Any,
) -> None:
    """Find out what is wrong with Kuryr, deepest cause first.

    Changes nothing, but with --fix, and then nothing before you have agreed.
    Exit status 4 when something is wrong, 5 when something could not be
    looked at, else 0.
    """
    from kuryr_runbook.checking.diagnosis import EVERYWHERE, Place, check_diagnosis
    from kuryr_runbook.checking.paths import trace
    from kuryr_runbook.checking.picture.topology import topology_of
    from kuryr_runbook.checking.view.cloud import Look
    from kuryr_runbook.clients.exchanges import all_within
    from kuryr_runbook.display.junit import junit, report_data
    from kuryr_runbook.display.topology_svg import topology_svg
    from kuryr_runbook.display.trees import path_view
    from kuryr_runbook.snapshots.diagnosis import save_snapshot

    place = Place(**{name: more[name] for name in ("namespace", "pod", "service")})
    if fix:
        if snapshot is not None or place != EVERYWHERE:
            raise UsageError(
                "--fix mends a whole site as it is now: it goes with none of --snapshot, "
                "--namespace, --pod, --service"
            )
        read = _mended(site_file, on_stderr=as_json)
    else:
        # Progress is no part of the result.
        with redirect_stdout(sys.stderr), all_within(LOOK_SECONDS):
            read = _snapshot(site_file, snapshot)
    if more["save_snapshot"] is not None:
        save_snapshot(read, more["save_snapshot"])
    look = Look(read)
    findings, hops = check_diagnosis(look, place), trace(look, place)
    if as_json:
        echo_json(report_data(read.site.name, findings, hops))
    else:
        echo(_causes(read, findings))
        if hops:
            echo(f"\n{path_view(f'Path to {place}', hops)}")
    if more["picture"] is not None:
        title = f"Topology {_of_site(read)}"
        write_file(more["picture"], topology_svg(topology_of(look, findings), title))
    if more["junit_file"] is not None:
        # Read by CI's server, which may be another user.
        write_file(more["junit_file"], junit(findings), mode=0o644)
    sys.exit(_status(findings, fail_on))


def _causes(read: DiagnosisSnapshot, findings: Sequence[Finding]) -> View:
    from kuryr_runbook.display.findings import causes_view

    return causes_view(f"Diagnosis {_of_site(read)}", findings)


def _of_site(read: DiagnosisSnapshot) -> str:
    return f"of site {read.site.name}, {read.taken_at:%F %T} UTC"


def _mended(site_file: Path | None, *, on_stderr: bool) -> DiagnosisSnapshot:
    """Show what is wrong and the plan, and carry it out once that is agreed; what was read last."""
    from kuryr_runbook.checking.diagnosis import check_diagnosis
    from kuryr_runbook.checking.view.cloud import Look
    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.phases.troubleshooting import Troubleshooting
    from kuryr_runbook.running.command_runs import recorded_command

    if site_file is None:
        raise UsageError(NAME_A_SITE)
    site = read_site(site_file)
    phase = Troubleshooting(site)
    with redirect_stdout(sys.stderr):
        plan = phase.plan()
    echo(f"{_causes(phase.seen, check_diagnosis(Look(phase.seen)))}\n", err=on_stderr)
    echo(f"{plan}\n", err=on_stderr)
    if plan.data["plan"]["steps"] and click.confirm("Carry out this plan?", err=True):
        command = f"{click.get_current_context().command_path} --fix"
        with recorded_command(site, site_file, command=command, name=phase.name) as run:
            run.keep(plan)
            with redirect_stdout(sys.stderr):
                outcome = phase.apply()
            run.keep(outcome)
            echo(f"{outcome}\n", err=on_stderr)
            with redirect_stdout(sys.stderr):
                left = phase.left()
            run.keep(_causes(phase.seen, left))
        echo(f"recorded: {run.directory}\n", err=True)
    return phase.seen


def _snapshot(site_file: Path | None, saved: Path | None) -> DiagnosisSnapshot:
    """A saved one, with the site of a file if one is given, or a new one."""
    from dataclasses import replace

    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.phases.troubleshooting import Troubleshooting
    from kuryr_runbook.snapshots.diagnosis import load_snapshot

    site = None if site_file is None else read_site(site_file)
    if saved is None:
        if site is None:
            raise UsageError(NAME_A_SITE)
        return Troubleshooting(site).read()
    found = load_snapshot(saved)
    if site is None:
        return found
    _refuse_other(site, found)
    return replace(found, site=site)


def _refuse_other(site: Site, found: DiagnosisSnapshot) -> None:
    if site.name != found.site.name:
        raise UsageError(
            f"the snapshot is of site {found.site.name}, and the site file describes {site.name}",
            remedy="leave --site out: the snapshot holds its site",
        )


def _status(findings: Sequence[Finding], fail_on: str) -> ExitCode:
    """The exit status by the worst finding."""
    from kuryr_runbook.model.findings import Status, worst

    match worst(findings):
        case Status.FAIL:
            return ExitCode.CHECK_FAILED
        case Status.UNKNOWN:
            return ExitCode.CHECK_UNKNOWN
        case Status.WARN if fail_on == "warn":
            return ExitCode.CHECK_FAILED
    return ExitCode.DONE
