"""`kuryr-runbook diagnose`: find what is wrong, now or in a saved snapshot, and fix it."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.given import given_arguments
from kuryr_runbook.cli.options import (
    Output,
    answer,
    fail_on_option,
    output_options,
    site_option,
)
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.watching import keep_looking, watch_options
from kuryr_runbook.clients.exchanges import all_within
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import progress_apart, tell
from kuryr_runbook.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kuryr_runbook.display.tables import View
    from kuryr_runbook.model.findings import Finding
    from kuryr_runbook.model.site import Site
    from kuryr_runbook.phases.settling import Diagnosed
    from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot

LOOK_SECONDS = 300.0
"""How long reading may take in all; whatever has not answered by then counts as unreadable."""
NAME_A_SITE = "name a site with --site, or a file with --snapshot"

JUDGES = (
    "kuryr_runbook.phases.settling",
    "kuryr_runbook.checking.paths",
    "kuryr_runbook.display.findings",
    "kuryr_runbook.display.trees",
)

file_type = UserPath(dir_okay=False)


@click.command(
    cls=Command,
    exits={
        ExitCode.DONE: "nothing is wrong",
        ExitCode.CHECK_FAILED: "something is wrong",
        ExitCode.CHECK_UNKNOWN: "something could not be checked",
    },
    examples=[
        "kuryr-runbook diagnose --site my-site.yaml",
        "kuryr-runbook diagnose --site my-site.yaml --pod web-1 --namespace shop",
        "kuryr-runbook diagnose --site my-site.yaml --fix",
        "kuryr-runbook diagnose --site my-site.yaml --watch --interval 30",
        "kuryr-runbook diagnose --snapshot site.json -o yaml",
    ],
)
@site_option("The site file; optional with --snapshot.")
@click.option(
    "--namespace",
    help="Show only what affects this namespace [default for --pod and --service: default].",
)
@click.option("--pod", help="Show only what affects this pod, and draw the path to it.")
@click.option("--service", help="Show only what affects this service, and draw the path to it.")
@click.option("--snapshot", type=file_type, help="Diagnose a saved snapshot, and contact nothing.")
@click.option("--save-snapshot", type=file_type, help="Save what was read; it contains no secrets.")
@click.option("--picture", type=file_type, help="Draw the site with the findings, as SVG.")
@click.option(
    "--fix",
    is_flag=True,
    help="Plan the fixes that are certain to help, ask, carry them out, and diagnose again.",
)
@output_options
@watch_options
@click.option(
    "--metrics",
    type=file_type,
    help="Write the findings as metrics, for the textfile collector of Prometheus' node exporter.",
)
@click.option("--junit", "junit_file", type=file_type, help="Write the findings as JUnit XML.")
@fail_on_option
def diagnose(
    *,
    site_file: Path | None,
    snapshot: Path | None,
    fix: bool,
    every: float | None,
    fail_on: str,
    **more: Any,
) -> None:
    """Find out what is wrong with Kuryr, deepest cause first.

    Changes nothing, except with --fix once you have agreed. A snapshot has its
    site: --site is then optional, and KURYR_RUNBOOK_SITE does not count.
    """
    place = {name: more.pop(name) for name in ("namespace", "pod", "service")}
    is_whole = all(it is None for it in place.values())
    if fix and (snapshot is not None or not is_whole):
        raise UsageError(
            "--fix works on a whole site in its current state: it cannot be combined with "
            "--snapshot, --namespace, --pod or --service"
        )
    if more["metrics"] is not None and not is_whole:
        raise UsageError(
            "--metrics are those of a whole site: it cannot be combined with --namespace, --pod or "
            "--service"
        )
    if every is not None and (fix or snapshot is not None):
        raise UsageError("--watch only looks, and at what may change: not with --fix or --snapshot")
    if snapshot is not None and _is_from_environment("site_file"):
        site_file = None
    read = (
        partial(_fixed, site_file, on_stderr=more["output"].is_data)
        if fix
        else _reading(site_file, snapshot)
    )

    def look() -> ExitCode:
        return _status(_report(read(), place=place, again=every is not None, **more), fail_on)

    if every is not None:
        keep_looking(look, every)
    sys.exit(look())


def _is_from_environment(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.ENVIRONMENT


def _report(
    found: Diagnosed,
    *,
    place: Mapping[str, str | None],
    output: Output,
    again: bool,
    **more: Any,
) -> Sequence[Finding]:
    """Show what is wrong in what was read, write the files that are wanted, return the findings."""
    from kuryr_runbook.checking.diagnosis import Place
    from kuryr_runbook.checking.paths import trace
    from kuryr_runbook.display.tables import stacked
    from kuryr_runbook.display.trees import path_view
    from kuryr_runbook.snapshots.diagnosis import save_snapshot

    if more["save_snapshot"] is not None:
        save_snapshot(found.snapshot, more["save_snapshot"])
    where = Place(**place)
    findings, hops = found.at(where), trace(found.look, where)
    views = [_causes(found.snapshot, findings)]
    views += [path_view(f"Path to {where}", hops)] if hops else []

    def data() -> Mapping[str, Any]:
        from kuryr_runbook.display.junit import report_data

        return report_data(found.snapshot.site.name, findings, hops)

    answer(output, lambda: stacked(views), data, again=again)
    if more["picture"] is not None:
        title = f"Topology {_of_site(found.snapshot)}"
        write_file(more["picture"], _picture(found, findings, title))
    if more["metrics"] is not None:
        from kuryr_runbook.display.metrics import diagnosis_metrics

        # The collector runs as another user.
        text = diagnosis_metrics(found.snapshot.site.name, findings, found.snapshot.taken_at)
        write_file(more["metrics"], text, mode=0o644)
    if more["junit_file"] is not None:
        from kuryr_runbook.display.junit import junit

        # The CI server that reads it may run as another user.
        write_file(more["junit_file"], junit(findings), mode=0o644)
    return findings


def _picture(found: Diagnosed, findings: Sequence[Finding], title: str) -> str:
    from kuryr_runbook.checking.picture.topology import topology_of
    from kuryr_runbook.display.topology_svg import topology_svg

    return topology_svg(topology_of(found.look, findings), title)


def _causes(read: DiagnosisSnapshot, findings: Sequence[Finding]) -> View:
    from kuryr_runbook.display.findings import causes_view

    return causes_view(f"Diagnosis {_of_site(read)}", findings)


def _of_site(read: DiagnosisSnapshot) -> str:
    return f"of site {read.site.name}, {read.taken_at:%F %T} UTC"


def _fixed(site_file: Path | None, *, on_stderr: bool) -> Diagnosed:
    """Show the causes and the plan, carry it out if agreed, and return what was last found."""
    from kuryr_runbook.phases.settling import diagnosed
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.phases.troubleshooting import Troubleshooting
    from kuryr_runbook.running.command_runs import recorded_command
    from kuryr_runbook.running.recorder import Invocation

    if site_file is None:
        raise UsageError(NAME_A_SITE)
    site = read_site(site_file)
    phase = Troubleshooting(site)
    with progress_apart():
        plan = phase.plan()
    found = diagnosed(phase.seen)
    for view in (_causes(found.snapshot, found.everywhere), plan):
        echo(view, err=on_stderr)
        echo("", err=on_stderr)
    if plan.data["plan"]["steps"] and click.confirm("Carry out this plan?", err=True):
        command = Invocation(f"{click.get_current_context().command_path} --fix", given_arguments())
        with recorded_command(site, site_file, command=command, name=phase.name) as run:
            run.keep(plan)
            with progress_apart():
                outcome = phase.apply()
            run.keep(outcome)
            echo(outcome, err=on_stderr)
            echo("", err=on_stderr)
            with progress_apart():
                left = phase.left()
            run.keep(_causes(phase.seen, left))
        tell(f"recorded: {run.directory}\n")
        return diagnosed(phase.seen)
    return found


def _reading(site_file: Path | None, saved: Path | None) -> Callable[[], Diagnosed]:
    """What diagnoses the saved snapshot, for the site file's site if there is one, or a new one.

    New ones are all read over the same connections.
    """
    from dataclasses import replace

    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.snapshots.diagnosis import load_snapshot

    site = None if site_file is None else read_site(site_file)
    if saved is None:
        if site is None:
            raise UsageError(NAME_A_SITE)
        return _reading_anew(site)
    from kuryr_runbook.phases.settling import diagnosed

    found = load_snapshot(saved)
    if site is not None:
        _refuse_other(site, found)
        found = replace(found, site=site)
    return lambda: diagnosed(found)


def _reading_anew(site: Site) -> Callable[[], Diagnosed]:
    from kuryr_runbook.phases.sources import Sources
    from kuryr_runbook.snapshots.diagnosis import read_diagnosis
    from kuryr_runbook.snapshots.reading import attempted

    sources = Sources(site)

    def read() -> DiagnosisSnapshot:
        say("reading cluster and cloud")
        cluster = attempted(lambda: sources.cluster)
        cloud = attempted(lambda: sources.cloud)
        # While they answer there is time for it.
        Thread(target=_import_judges, daemon=True).start()
        return read_diagnosis(site, cluster, cloud)

    def found() -> Diagnosed:
        with progress_apart(), all_within(LOOK_SECONDS):
            snapshot = read()
            from kuryr_runbook.phases.settling import settled

            return settled(snapshot, read)

    return found


def _import_judges() -> None:
    """Import what judges and shows: a third of what a diagnosis imports."""
    for name in JUDGES:
        import_module(name)


def _refuse_other(site: Site, found: DiagnosisSnapshot) -> None:
    if site.name != found.site.name:
        raise UsageError(
            f"the snapshot is of site {found.site.name}, but the site file describes {site.name}",
            remedy="omit --site: the snapshot contains its site",
        )


def _status(findings: Sequence[Finding], fail_on: str) -> ExitCode:
    """The exit status for the worst finding."""
    from kuryr_runbook.model.findings import Status, worst

    match worst(findings):
        case Status.FAIL:
            return ExitCode.CHECK_FAILED
        case Status.UNKNOWN:
            return ExitCode.CHECK_UNKNOWN
        case Status.WARN if fail_on == "warn":
            return ExitCode.CHECK_FAILED
    return ExitCode.DONE
