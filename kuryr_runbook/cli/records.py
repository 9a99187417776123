"""`kuryr-runbook records`: the records of runs, whether they are valid, and copies of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuryr_runbook.cli.conventions import Group
from kuryr_runbook.cli.options import Output, answer, output_options, site_option
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.record_places import (
    directory_type,
    do_not_hold,
    key_files,
    keys_option,
    places_argument,
    problems_of,
    public_keys,
    standing,
)
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.model.wording import counted
from kuryr_runbook.recording.standing import RUNS

if TYPE_CHECKING:
    from kuryr_runbook.recording.records import Record


Row = Mapping[str, str | int | None]
"""A run in the list, and the fields of its JSON form; None: there is no record."""
NOTHING = {"record": "-", "run": "-", "status": "-", "by": "-"}
"""What the table shows in place of None."""
INVALID = {ExitCode.CHECK_FAILED: "records are not valid"}


@click.group(
    cls=Group,
    examples=["kuryr-runbook records list", "kuryr-runbook records verify runs/my-site"],
)
def records() -> None:
    """The records of runs: list, show, compare, verify and copy them.

    DIRECTORY is the directory of a run, of a site's runs, or of several sites'
    runs; by default `runs`.
    """


@records.command(
    "list",
    examples=["kuryr-runbook records list", "kuryr-runbook records list runs/my-site -o json"],
)
@places_argument
@output_options
def list_records(*, places: tuple[Path, ...], output: Output) -> None:
    """List runs and their records, oldest first."""
    from kuryr_runbook.display.tables import table

    found = standing(places or (RUNS,))
    rows = [_row(directory) for directory in found.runs]
    rows += [_as_row(path, "UNRECORDED") for path in found.strays]
    answer(output, lambda: table("Runs", [*NOTHING], map(_cells, rows)), lambda: rows)


@records.command(
    examples=[
        "kuryr-runbook records show runs/my-site/20260730T101500.000Z",
        "kuryr-runbook records show runs/my-site/20260730T101500.000Z -o yaml",
    ]
)
@click.argument("run", type=directory_type)
@output_options
def show(*, run: Path, output: Output) -> None:
    """Show the record of a run: who, when, what, and how it ended."""
    from kuryr_runbook.display.records import record_view
    from kuryr_runbook.recording.records import read_record

    record = read_record(run)
    answer(output, lambda: record_view(record.predicate), lambda: record.predicate)


@records.command(
    examples=[
        "cd runs/my-site",
        "kuryr-runbook records diff 20260730T101500.000Z 20260731T090000.000Z",
    ]
)
@click.argument("before", type=directory_type)
@click.argument("after", type=directory_type)
@click.option(
    "--page", type=UserPath(dir_okay=False), help="Also write it as HTML, the runs side by side."
)
@output_options
def diff(*, before: Path, after: Path, page: Path | None, output: Output) -> None:
    """Show what changed between two runs of a site.

    Compares parameters, versions, cloud and cluster, plans, findings, the digests
    of image and CNI plugin, and ids.
    """
    from dataclasses import asdict

    from kuryr_runbook.display.records import differences_view
    from kuryr_runbook.recording.comparing import compare
    from kuryr_runbook.recording.pages.comparison import comparison_page
    from kuryr_runbook.recording.records import read_record

    found = compare(read_record(before).predicate, read_record(after).predicate)
    if page is not None:
        write_file(page, comparison_page(before.name, after.name, found))
    answer(
        output,
        lambda: differences_view(before.name, after.name, found),
        lambda: {name: [asdict(item) for item in changes] for name, changes in found.items()},
    )


@records.command(
    exits={
        ExitCode.DONE: "all records are valid",
        **INVALID,
        ExitCode.CHECK_UNKNOWN: "a time stamp cannot be verified",
    },
    examples=[
        "kuryr-runbook records verify",
        "kuryr-runbook records verify runs/my-site --site my-site.yaml",
    ],
)
@places_argument
@keys_option
@site_option("Also compare with the archive that this site file names.")
@click.option(
    "--timestamp-ca",
    type=UserPath(dir_okay=False),
    help="CA of the time-stamping service [default: the site's].",
)
@output_options
def verify(
    *,
    places: tuple[Path, ...],
    keys: tuple[Path, ...],
    site_file: Path | None,
    timestamp_ca: Path | None,
    output: Output,
) -> None:
    """Verify the records.

    Finds files, records and runs that were changed, removed, added or moved.
    Without DIRECTORY, all records that were made on this machine have to be there.
    """
    from dataclasses import asdict

    from kuryr_runbook.model.errors import UnknownError
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.recording.archives import archive_problems
    from kuryr_runbook.recording.expecting import heads_below, noted_heads, places_of, unnoted
    from kuryr_runbook.recording.verifying import Problem
    from kuryr_runbook.recording.verifying import verify as verified
    from kuryr_runbook.recording.witness import witnessed

    site = None if site_file is None else read_site(site_file)
    heads, problems = noted_heads()
    if places:
        heads = heads_below(heads, places)
        problems += [
            Problem(str(it), "this directory does not exist") for it in places if not it.exists()
        ]
    chosen = places or places_of(heads, RUNS)
    public = public_keys(keys)
    found = verified(standing(chosen), public, heads)
    problems += found.problems
    problems += unnoted(found.records, heads)
    if site is not None:
        problems += archive_problems(site, found.records, public)
    wrong, unknown = witnessed(found.records, timestamp_ca)
    problems += wrong
    data = {
        "records": len(found.records),
        "problems": [asdict(problem) for problem in problems],
        "unverified_time_stamps": [str(record.directory) for record in unknown],
        "running": [str(path) for path in found.running],
        "elsewhere": [str(record.directory) for record in found.elsewhere],
    }
    valid = f"{counted(len(found.records), 'record is', 'records are')} valid"
    lines = [f"still running, so there is no record yet: {path}" for path in found.running]
    lines += [
        f"also read, since the chain leads there: {record.directory}" for record in found.elsewhere
    ]
    lines += [valid] if not (problems or unknown) else []
    answer(output, lambda: "\n".join(lines), lambda: data)
    if problems:
        raise do_not_hold(problems)
    if unknown:
        raise UnknownError(
            f"{valid}, but {counted(len(unknown), 'time stamp')} cannot be verified",
            remedy="name the CA of the time-stamping service: --timestamp-ca FILE",
        )


@records.command(
    exits=INVALID,
    examples=["kuryr-runbook records export runs/my-site --out my-site.tar.gz"],
)
@places_argument
@click.option(
    "--out",
    required=True,
    type=UserPath(dir_okay=False),
    help="The archive file to write, such as lab.tar.gz.",
)
@keys_option
def export(places: tuple[Path, ...], out: Path, keys: tuple[Path, ...]) -> None:
    """Write a site's runs into one archive file, to be read offline.

    Refuses runs with invalid records: see verify.
    """
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.recording.exporting import export_records
    from kuryr_runbook.recording.verifying import verify as verified

    found = verified(standing(places or (RUNS,)), public_keys(keys), {})
    if len({record.site for record in found.records}) > 1:
        raise UsageError(
            "there are records of several sites", remedy="name the directory of one site's runs"
        )
    damaged = [it for record in found.records for it in problems_of(record, keys)]
    if damaged:
        raise do_not_hold(damaged)
    export_records(found.records, key_files(keys), out)
    echo(f"{counted(len(found.records), 'record')}: {out}")


@records.command(exits=INVALID, examples=["kuryr-runbook records upload --site my-site.yaml"])
@site_option(required=True)
@places_argument
@keys_option
def upload(site_file: Path, places: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Copy what is missing to the site's archive.

    Never overwrites a run's files, and writes the index page there anew. Skips
    and reports runs with invalid records: see verify.
    """
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.recording.archives import upload_record
    from kuryr_runbook.recording.signing import key_path, public_path
    from kuryr_runbook.recording.verifying import verify as verified
    from kuryr_runbook.running.recorder import list_in_archive

    site = read_site(site_file)
    if site.record.archive is None:
        raise UsageError("the site names no archive", remedy="set record.archive in the site file")
    given = keys or (public_path(key_path(site)),)
    found = verified(standing(places or (RUNS / site.name,)), public_keys(given), {})
    damaged = []
    for record in found.records:
        if record.site != site.name:
            continue
        if problems := problems_of(record, given):
            damaged += problems
            continue
        upload = upload_record(record, site.record.archive)
        echo(f"{upload}: {record.directory.name}")
    list_in_archive(site.name, site.record.archive)
    if damaged:
        raise do_not_hold(damaged)


@records.command(exits=INVALID, examples=["kuryr-runbook records timestamp --site my-site.yaml"])
@site_option(required=True)
@places_argument
@keys_option
def timestamp(site_file: Path, places: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Add missing time stamps, from the site's time-stamping service."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.recording.signing import key_path, public_path
    from kuryr_runbook.recording.verifying import verify as verified
    from kuryr_runbook.recording.witness import is_stamped, stamp

    site = read_site(site_file)
    if site.record.timestamp_url is None:
        raise UsageError(
            "the site names no time-stamping service",
            remedy="set record.timestamp_url in the site file",
        )
    given = keys or (public_path(key_path(site)),)
    found = verified(standing(places or (RUNS / site.name,)), public_keys(given), {})
    for record in found.records:
        if record.site == site.name and record.is_witnessed and not is_stamped(record):
            if damaged := problems_of(record, given):
                raise do_not_hold(damaged)
            stamp(record, site)
            echo(f"time-stamped: {record.directory.name}")


def _row(directory: Path) -> Row:
    from kuryr_runbook.model.errors import RecordError
    from kuryr_runbook.recording.records import read_record
    from kuryr_runbook.recording.verifying import state_without_record

    try:
        record = read_record(directory)
    except RecordError:
        return _as_row(directory, state_without_record(directory))
    return _as_row(directory, record.predicate["run"]["status"], record)


def _as_row(path: Path, status: str, record: Record | None = None) -> Row:
    return {
        "record": record.number if record else None,
        "run": _from_here(path),
        "status": status,
        "by": _by(record) if record else None,
    }


def _cells(row: Row) -> list[str]:
    return [NOTHING[name] if value is None else str(value) for name, value in row.items()]


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _by(record: Record) -> str:
    by = record.predicate["by"]
    return f"{by['user']} on {by['host']}"
