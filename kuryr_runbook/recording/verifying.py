"""Whether records hold: every file and every record as it was, none missing, none added."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.chain import Link
from kuryr_runbook.recording.records import Record, read_record
from kuryr_runbook.recording.signing import is_signed
from kuryr_runbook.recording.statement import RECORD, digest_of, files_of

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was recorded."""

    where: str
    """File, record or run."""
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of verifying."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]


def verify_runs(
    directories: Sequence[Path], keys: Sequence[SSlibKey], heads: dict[str, Link]
) -> Verification:
    """Verify the records of these runs, and the chains that they make.

    `heads`: the newest record of each site, where that is known from elsewhere.
    """
    records: list[Record] = []
    problems: list[Problem] = []
    for directory in directories:
        if not (directory / RECORD).exists():
            problems += _unrecorded(directory)
            continue
        try:
            record = read_record(directory)
        except RecordError as error:
            problems.append(Problem(str(directory / RECORD), error.message))
            continue
        records.append(record)
        problems += _problems(record, keys)
    by_site = sorted(records, key=lambda record: (record.site, record.number))
    found = {site: list(chain) for site, chain in groupby(by_site, key=lambda item: item.site)}
    for site, chain in found.items():
        problems += _chain_problems(chain, heads.get(site))
    for site in heads.keys() - found.keys():
        problems.append(Problem(f"site {site}", f"record {heads[site].number} is missing"))
    return Verification(tuple(by_site), tuple(problems))


def _unrecorded(directory: Path) -> Iterator[Problem]:
    """A run that lives, or was killed, has no record yet; one that ended has."""
    try:
        status = json.loads((directory / "run.json").read_text())["status"]
    except (OSError, ValueError, KeyError, TypeError):
        status = "unreadable"
    if status != "RUNNING":
        yield Problem(str(directory), f"has no {RECORD}: it was refused, or taken away")


def _problems(record: Record, keys: Sequence[SSlibKey]) -> Iterator[Problem]:
    """What is wrong with a record by itself and with the files that it speaks of."""
    place = record.directory
    if not is_signed(record.envelope, keys):
        yield Problem(
            str(place / RECORD), "no given key has signed this: changed, or of another key"
        )
    named = record.predicate["run"].get("directory")
    if named != place.name:
        yield Problem(str(place), f"was recorded as {named}: renamed, or put in its place")
    files = files_of(place)
    for name, digest in record.subjects.items():
        path = files.get(name)
        if path is None:
            yield Problem(str(place / name), "is missing")
        elif path.is_symlink() or not path.is_file():
            yield Problem(str(path), "is not a plain file any more")
        elif (now := digest_of(path.read_bytes())) != digest:
            yield Problem(str(path), f"was changed: SHA-256 is {now}, recorded is {digest}")
    for name in files.keys() - record.subjects.keys():
        yield Problem(str(place / name), "was added")


def _chain_problems(chain: list[Record], head: Link | None) -> Iterator[Problem]:
    """What is wrong with the records of a site together; they come by their numbers."""
    first, last = chain[0], chain[-1]
    if first.previous is not None:
        yield _missing(first, first.previous)
    elif first.number != 1:
        yield Problem(str(first.directory), f"is record {first.number}, and names none before it")
    for before, record in pairwise(chain):
        yield from _pair_problems(before, record)
    if head is None:
        return
    if head.number > last.number:
        yield Problem(
            f"site {last.site}",
            f"record {head.number} ({head.directory}), the newest that was made here, is missing",
        )
    elif not any(record.link.sha256 == head.sha256 for record in chain):
        yield Problem(
            f"site {last.site}",
            f"record {head.number} ({head.directory}) is not the one that was made here",
        )


def _pair_problems(before: Record, record: Record) -> Iterator[Problem]:
    where, previous = str(record.directory), record.previous
    if record.number == before.number:
        yield Problem(where, f"is record {record.number}, as is {before.directory}")
    elif previous is None:
        yield Problem(where, f"is record {record.number}, and names none before it")
    elif previous.number != before.number:
        yield _missing(record, previous)
    elif previous.sha256 != before.sha256:
        yield Problem(
            str(before.directory / RECORD),
            f"is not the record {before.number} that {record.directory.name} was chained to",
        )
    elif record.predicate["run"]["started"] < before.predicate["run"]["started"]:
        yield Problem(where, f"began before {before.directory.name}, which it was recorded after")


def _missing(record: Record, previous: Link) -> Problem:
    return Problem(
        f"site {record.site}",
        f"record {previous.number} ({previous.directory}), which {record.directory.name} was "
        "chained to, is missing",
    )
