"""`kuryr-runbook records`: what runs left behind, whether it holds, and copies of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.cli.run import site_option
from kuryr_runbook.running.directories import RUNS

if TYPE_CHECKING:
    from kuryr_runbook.recording.records import Record

directory_type = UserPath(file_okay=False, exists=True)
places_argument = click.argument("places", nargs=-1, metavar="[DIRECTORY]...", type=directory_type)
keys_option = click.option(
    "--public-key",
    "keys",
    multiple=True,
    type=UserPath(dir_okay=False),
    help="Key that may have signed; may be given several times [default: your own].",
)


@click.group()
def records() -> None:
    """The records of runs: list, show, compare, verify and copy them.

    DIRECTORY is a run's directory or one above it; `runs` when left out.
    """


@records.command("list")
@places_argument
def list_records(places: tuple[Path, ...]) -> None:
    """List runs and their records, the oldest first."""
    from kuryr_runbook.display.tables import table
    from kuryr_runbook.recording.records import run_directories

    rows = [_row(directory) for directory in run_directories(places or (RUNS,))]
    click.echo(table("Runs", ("record", "run", "status", "by"), rows))


@records.command()
@click.argument("run", type=directory_type)
@click.option("--json", "as_json", is_flag=True, help="Print all that the record states.")
def show(run: Path, *, as_json: bool) -> None:
    """Show the record of a run: who, when, what, and how it ended."""
    from kuryr_runbook.display.records import record_view
    from kuryr_runbook.recording.records import read_record

    record = read_record(run)
    if as_json:
        click.echo(json.dumps(record.predicate, indent=2))
    else:
        click.echo(record_view(record.predicate))


@records.command()
@click.argument("before", type=directory_type)
@click.argument("after", type=directory_type)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def diff(before: Path, after: Path, *, as_json: bool) -> None:
    """Show what changed between two runs of a site.

    Compares parameters, versions, cloud and cluster, plans, findings, digests of
    image and CNI plugin, and ids.
    """
    from dataclasses import asdict

    from kuryr_runbook.display.records import differences_view
    from kuryr_runbook.recording.comparing import compare
    from kuryr_runbook.recording.records import read_record

    found = compare(read_record(before).predicate, read_record(after).predicate)
    if as_json:
        as_values = {name: [asdict(item) for item in changes] for name, changes in found.items()}
        click.echo(json.dumps(as_values, indent=2))
    else:
        click.echo(differences_view(before.name, after.name, found))


@records.command()
@places_argument
@keys_option
def verify(places: tuple[Path, ...], keys: tuple[Path, ...]) -> None:
    """Tell whether the records hold; exit status 1 when they do not.

    Finds what was changed, is missing, was added or put in another order: files,
    records and runs.
    """
    from kuryr_runbook.model.errors import RecordError
    from kuryr_runbook.recording.chain import heads_of
    from kuryr_runbook.recording.records import run_directories
    from kuryr_runbook.recording.signing import load_public_keys
    from kuryr_runbook.recording.verifying import verify_runs

    chosen = places or (RUNS,)
    directories = run_directories(chosen)
    below = [path for place in chosen for path in place.iterdir() if path.is_dir()]
    names = {path.absolute().name for path in (*chosen, *below)}
    names |= {path.absolute().parent.name for path in directories}
    found = verify_runs(directories, load_public_keys(_public_keys(keys)), heads_of(names))
    if found.problems:
        raise RecordError(
            "\n  ".join([f"{len(found.problems)} problems:", *map(str, found.problems)]),
            remedy="compare with a copy, such as the site's archive; tell who answers for audits",
        )
    click.echo(f"{len(found.records)} records hold")


@records.command()
@places_argument
@click.option(
    "--out",
    required=True,
    type=UserPath(dir_okay=False),
    help="The archive file to be made, such as lab.tar.gz.",
)
@keys_option
def export(places: tuple[Path, ...], out: Path, keys: tuple[Path, ...]) -> None:
    """Make one archive file of a site's runs, to be read offline."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.recording.exporting import export_records
    from kuryr_runbook.recording.records import read_record, run_directories
    from kuryr_runbook.recording.statement import RECORD

    directories = run_directories(places or (RUNS,))
    found = [read_record(path) for path in directories if (path / RECORD).exists()]
    if len({record.site for record in found}) > 1:
        raise UsageError("there are records of several sites", remedy="name the directory of one")
    export_records(found, _public_keys(keys), out)
    click.echo(f"{len(found)} records: {out}")


@records.command()
@site_option
@places_argument
def upload(site_file: Path, places: tuple[Path, ...]) -> None:
    """Copy to the site's archive what is not in it yet; nothing is overwritten."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.phases.base import read_site
    from kuryr_runbook.recording.archives import upload_record
    from kuryr_runbook.recording.records import read_record, run_directories
    from kuryr_runbook.recording.statement import RECORD

    site = read_site(site_file)
    if site.record.archive is None:
        raise UsageError("the site names no archive", remedy="set record.archive in the site file")
    for path in run_directories(places or (RUNS / site.name,)):
        if (path / RECORD).exists():
            record = read_record(path)
            if record.site == site.name:
                click.echo(f"{upload_record(record, site.record.archive)}: {path.name}")


def _row(directory: Path) -> tuple[str, str, str, str]:
    from kuryr_runbook.model.errors import RecordError
    from kuryr_runbook.recording.records import read_record
    from kuryr_runbook.running.account import read_run

    where = str(directory)
    try:
        record = read_record(directory)
    except RecordError as error:
        try:
            return "none", where, read_run(directory)["status"], "-"
        except RecordError:
            return "none", where, "unreadable", error.message
    return str(record.number), where, record.predicate["run"]["status"], _by(record)


def _by(record: Record) -> str:
    by = record.predicate["by"]
    return f"{by['user']} on {by['host']}"


def _public_keys(given: tuple[Path, ...]) -> list[Path]:
    """The given ones, else this user's."""
    from kuryr_runbook.model.errors import UsageError
    from kuryr_runbook.recording.signing import key_path, public_path

    own = public_path(key_path(None))
    if not given and not own.exists():
        raise UsageError(
            "there is no key of yours to verify with",
            remedy="name the signer's public key: --public-key FILE",
        )
    return [*given] or [own]
