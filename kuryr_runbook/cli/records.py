"""`kuryr-runbook records`: the records of runs, whether they are valid, and copies of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
from kuryr_runbook.cli.run import site_option
from kuryr_runbook.display.terminal import echo, echo_json
from kuryr_runbook.recording.standing import RUNS

if TYPE_CHECKING:
    from kuryr_runbook.recording.records import Record


@click.group()
def records() -> None:
    """The records of runs: list, show, compare, verify and copy them.

    DIRECTORY is the directory of a run, of a site's runs, or of several sites'
    runs; by default `runs`.
    """


@records.command("list")
@places_argument
def list_records(places: tuple[Path, ...]) -> None:
    """List runs and their records, oldest first."""
    from kuryr_runbook.display.tables import table

    found = standing(places or (RUNS,))
    rows = [_row(directory) for directory in found.runs]
    rows += [("none", _from_here(path), "UNRECORDED", "-") for path in found.strays]
    echo(table("Runs", ("record", "run", "status", "by"), rows))


@records.command()
@click.argument("run", type=directory_type)
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON.")
def show(run: Path, *, as_json: bool) -> None:
    """Show the record of a run: who, when, what, and how it ended."""
    from kuryr_runbook.display.records import record_view
    from kuryr_runbook.recording.records import read_record

    record = read_record(run)
    if as_json:
        echo_json(record.predicate)
    else:
        echo(record_view(record.predicate))


@records.command()
@click.argument("before", type=directory_type)
@click.argument("after", type=directory_type)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def diff(before: Path, after: Path, *, as_json: bool) -> None:
    """Show what changed between two runs of a site.

    Compares parameters, versions, cloud and cluster, plans, findings, the digests
    of image and CNI plugin, and ids.
    """
    from dataclasses import asdict

    from kuryr_runbook.display.records import differences_view
    from kuryr_runbook.recording.comparing import compare
    from kuryr_runbook.recording.records import read_record

    found = compare(read_record(before).predicate, read_record(after).predicate)
    if as_json:
        as_values = {name: [asdict(item) for item in changes] for name, changes in found.items()}
        echo_json(as_values)
    else:
        echo(differences_view(before.name, after.name, found))


@records.command()
@places_argument
@keys_option
@click.option(
    "--site",
    "site_file",
    type=UserPath(),
    help="Also compare with the archive that this site file names.",
)
@click.option(
    "--timestamp-ca",
    type=UserPath(dir_okay=False),
    help="CA of the time-stamping service [default: the site's].",
)
def verify(
    places: tuple[Path, ...],
    keys: tuple[Path, ...],
    site_file: Path | None,
    timestamp_ca: Path | None,
) -> None:
    """Verify the records; the exit status is 4 if there are problems.

    Finds files, records and runs that were changed, removed, added or moved.
    Without DIRECTORY, all records that were made on this machine have to be there.
    """
    from kuryr_runbook.model.errors import UnknownError
    from kuryr_runbook.phases.base import read_site
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
    for path in found.running:
        echo(f"still running, so there is no record yet: {path}")
    if problems:
        raise do_not_hold(problems)
    number = len(found.records)
    valid = "1 record is valid" if number == 1 else f"{number} records are valid"
    if unknown:
        raise UnknownError(
            f"{valid}, but {len(unknown)} time stamps cannot be verified",
            remedy="name the CA of the time-stamping service: --timestamp-ca FILE",
        )
    echo(valid)


@records.command()
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
    from kuryr_runbook.recording.index import export_records
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
    echo(f"{len(found.records)} records: {out}")


@records.command()
@site_option
@places_argument
@keys_option
def upload(site_file: Path, places: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Copy what is missing to the site's archive.

    Never overwrites anything. Skips and reports runs with invalid records: see
    verify.
    """
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.recording.archives import upload_record
    from kuryr_runbook.recording.signing import key_path, public_path
    from kuryr_runbook.recording.verifying import verify as verified

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
    if damaged:
        raise do_not_hold(damaged)


@records.command()
@site_option
@places_argument
@keys_option
def timestamp(site_file: Path, places: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Add missing time stamps, from the site's time-stamping service."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.phases.base import read_site
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


def _row(directory: Path) -> tuple[str, str, str, str]:
    from kuryr_runbook.model.errors import RecordError
    from kuryr_runbook.recording.records import read_record
    from kuryr_runbook.recording.verifying import state_without_record

    where = _from_here(directory)
    try:
        record = read_record(directory)
    except RecordError:
        return "none", where, state_without_record(directory), "-"
    return str(record.number), where, record.predicate["run"]["status"], _by(record)


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _by(record: Record) -> str:
    by = record.predicate["by"]
    return f"{by['user']} on {by['host']}"
