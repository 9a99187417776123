"""Whether records hold: every file and every record as it was, none missing, none added.

What has to be there is what this machine noted of its newest records, and what their chains name
back to the first. What is there has to be one of them, or to be told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.clients.files import decoded
from kuryr_runbook.clients.lock_files import is_held
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, RecordError, UsageError
from kuryr_runbook.recording.chain import Head, Link
from kuryr_runbook.recording.contents import NotPlainError, entries_of, read_plain
from kuryr_runbook.recording.index import render_index
from kuryr_runbook.recording.records import Record, read_record
from kuryr_runbook.recording.signing import is_signed, load_public_keys
from kuryr_runbook.recording.standing import ACCOUNT, INDEX, LATEST, Standing, latest_of
from kuryr_runbook.recording.statement import RECORD, TIMESTAMP, digest_of

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
    """All that can be read, whether they hold or not."""
    running: tuple[Path, ...]
    """Runs under way, which have no record yet."""
    problems: tuple[Problem, ...]


def verify(found: Standing, keys: Sequence[SSlibKey], heads: Mapping[str, Head]) -> Verification:
    """Verify what stands in the places where runs are kept.

    `heads`: the newest record of each site that has to be there.
    """
    records: list[Record] = []
    running: list[Path] = []
    problems = [Problem(str(path), "UNRECORDED: no run left this here") for path in found.strays]
    for directory in found.runs:
        try:
            record = read_record(directory)
        except RecordError as error:
            state, problem = _unrecorded(directory, error)
            running += [directory] if state else []
            problems += [problem] if problem else []
            continue
        records.append(record)
        problems += record_problems(record, keys)
        folder = directory.parent
        if folder.parent in found.folders and folder.parent.name == folder.name:
            what = "stands in a directory of its site's name within another"
            problems.append(Problem(str(directory), what))
    by_site = sorted(records, key=lambda record: (record.site, record.number))
    chains = {site: list(chain) for site, chain in groupby(by_site, key=lambda item: item.site)}
    for chain in chains.values():
        problems += _chain_problems(chain)
    for site, head in heads.items():
        problems += _head_problems(site, chains.get(site, []), head)
    for folder in sorted(found.folders):
        here = [record for record in by_site if record.directory.parent == folder]
        problems += _page_problems(folder, found.runs, here, heads)
    problems += _key_problems(found.keys, keys)
    return Verification(tuple(by_site), tuple(running), tuple(problems))


def state_without_record(directory: Path) -> str:
    """What a run is that has no record that can be read: RUNNING, LOST or UNRECORDED."""
    try:
        account = parse_json(decoded(read_plain(directory, ACCOUNT), ACCOUNT), ACCOUNT)
        runs = isinstance(account, dict) and account["status"] == "RUNNING"
        lives = runs and is_held(directory)
    except (NotPlainError, OSError, FileError, KeyError):
        return "UNRECORDED"
    return "RUNNING" if lives else "LOST" if runs else "UNRECORDED"


def _unrecorded(directory: Path, error: RecordError) -> tuple[bool, Problem | None]:
    """Whether a run without a readable record lives; else what is to be told of it."""
    if os.path.lexists(directory / RECORD):
        return False, Problem(str(directory / RECORD), f"UNRECORDED: {error.message}")
    match state_without_record(directory):
        case "RUNNING":
            return True, None
        case "LOST":
            what = f"LOST: the run was killed, or could not write, and has no {RECORD}"
        case _:
            what = f"UNRECORDED: has no {RECORD}: refused, not written, or taken away"
    return False, Problem(str(directory), what)


def record_problems(record: Record, keys: Sequence[SSlibKey]) -> Iterator[Problem]:
    """What is wrong with a record by itself and with the files that it speaks of."""
    place = record.directory
    if not is_signed(record.envelope, keys):
        yield Problem(
            str(place / RECORD), "no given key has signed this: changed, or of another key"
        )
    if place.parts[-len(record.place) :] != record.place:
        put = "/".join(record.place)
        yield Problem(str(place), f"was recorded as {put}: renamed, or put in another's place")
    try:
        entries = entries_of(place)
    except OSError as error:
        yield Problem(str(place), f"cannot be read: {error.strerror}")
        return
    for name, digest in record.subjects.items():
        try:
            now = digest_of(read_plain(place, name))
        except NotPlainError as error:
            yield Problem(str(place / name), error.what)
        else:
            if now != digest:
                what = f"was changed: SHA-256 is {now}, recorded is {digest}"
                yield Problem(str(place / name), what)
    beside = {RECORD, *([TIMESTAMP] if record.is_witnessed else ())}
    for name in entries.keys() - record.subjects.keys() - beside:
        yield Problem(str(place / name), "was added")


def _chain_problems(chain: list[Record]) -> Iterator[Problem]:
    """What is wrong with the records of a site together; they come by their numbers."""
    first = chain[0]
    if first.previous is not None:
        yield _missing(first, first.previous)
    elif first.number != 1:
        yield Problem(str(first.directory), f"is record {first.number}, and names none before it")
    for before, record in pairwise(chain):
        yield from _pair_problems(before, record)


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


def _head_problems(site: str, chain: Sequence[Record], head: Head) -> Iterator[Problem]:
    """Whether the newest record that was made here is there, in the place where it was made."""
    link = head.link
    where, name = f"site {site}", f"record {link.number} ({head.path or link.directory})"
    same = [record for record in chain if record.link == link]
    if not same and any(record.number == link.number for record in chain):
        yield Problem(where, f"{name} is not the one that was made here")
    elif not same:
        yield Problem(where, f"{name}, the newest that was made here, is missing")
    elif head.path and head.path not in [record.directory for record in same]:
        yield Problem(where, f"{name} was moved to {same[0].directory}")


def _page_problems(
    folder: Path, runs: Sequence[Path], here: Sequence[Record], heads: Mapping[str, Head]
) -> Iterator[Problem]:
    """Whether the pages over the runs in a directory are those that runs made of them.

    Where no run was made, such as in an archive, they may be missing.
    """
    made_here = any(head.path and head.path.parent == folder for head in heads.values())
    paged = [record for record in here if record.predicate.get("index")]
    if paged or (folder / INDEX).exists():
        try:
            page = read_plain(folder, INDEX)
        except NotPlainError as error:
            if made_here:
                yield Problem(str(folder / INDEX), error.what)
        else:
            noted = max(paged, key=lambda record: record.number).predicate["index"] if paged else ""
            if digest_of(page) != noted and page != render_index(here).encode():
                what = "is not the page that the newest run made; the next one makes it anew"
                yield Problem(str(folder / INDEX), what)
    newest = latest_of(path.name for path in runs if path.parent == folder)
    try:
        named = read_plain(folder, LATEST)
    except NotPlainError as error:
        if newest and made_here:
            yield Problem(str(folder / LATEST), error.what)
    else:
        if named != f"{newest}\n".encode():
            yield Problem(str(folder / LATEST), f"does not name the newest run, {newest}")


def _key_problems(paths: Sequence[Path], keys: Sequence[SSlibKey]) -> Iterator[Problem]:
    """Keys that lie beside the records have to be some that they are verified with."""
    for path in paths:
        try:
            [key] = load_public_keys([path])
        except UsageError as error:
            yield Problem(str(path), error.message)
        else:
            if key.keyid not in {known.keyid for known in keys}:
                yield Problem(str(path), "is none of the keys that were given to verify with")
