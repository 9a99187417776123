"""Verifies records: every file and every record is unchanged, none is missing, none was added.

The records that have to be there are the newest ones according to this machine's notes, and
everything in their chains back to the first, wherever it was made. Anything else that is there is
reported. A dry run is no link of a chain: its record is verified on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.clients.files import decoded
from kuryr_runbook.clients.lock_files import is_held
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, RecordError, UsageError
from kuryr_runbook.recording.beside import page_of_all
from kuryr_runbook.recording.chain import Head, Link
from kuryr_runbook.recording.contents import NotPlainError, entries_of, read_plain
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import Record, read_record
from kuryr_runbook.recording.signing import is_signed, load_public_keys
from kuryr_runbook.recording.standing import (
    ACCOUNT,
    INDEX,
    LATEST,
    Standing,
    is_among_sites,
    latest_of,
)
from kuryr_runbook.recording.statement import RECORD, TIMESTAMP, digest_of

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

STALE = "is not the page that the newest run wrote; the next run will rewrite it"


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
    """The result of verifying."""

    records: tuple[Record, ...]
    """All readable records, valid or not."""
    elsewhere: tuple[Record, ...]
    """Those of them that the chains led to, in other places than those to verify."""
    running: tuple[Path, ...]
    """Runs that are still running, and so have no record yet."""
    problems: tuple[Problem, ...]


def verify(found: Standing, keys: Sequence[SSlibKey], heads: Mapping[str, Head]) -> Verification:
    """Verify everything in the places where runs are kept.

    `heads` are the newest records that have to be there, by site.
    """
    records: list[Record] = []
    running: list[Path] = []
    problems = [Problem(str(path), "UNRECORDED: not left by any run") for path in found.strays]
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
            what = "is in a directory named after its site, inside another such directory"
            problems.append(Problem(str(directory), what))
    elsewhere = _elsewhere(records, heads)
    for record in elsewhere:
        problems += record_problems(record, keys)
    by_site = sorted([*records, *elsewhere], key=lambda record: (record.site, record.order))
    linked = sorted(
        (record for record in by_site if record.link),
        key=lambda record: (record.site, record.number),
    )
    chains = {site: list(chain) for site, chain in groupby(linked, key=lambda item: item.site)}
    for chain in chains.values():
        problems += _chain_problems(chain)
    for site, head in heads.items():
        problems += _head_problems(site, chains.get(site, []), head)
    for folder in sorted(found.folders):
        here = [record for record in records if record.directory.parent == folder]
        problems += _page_problems(folder, found.runs, here, heads)
    for place in sorted(found.above):
        problems += _above_problems(place, records)
    problems += _key_problems(found.keys, keys)
    return Verification(tuple(by_site), tuple(elsewhere), tuple(running), tuple(problems))


def _elsewhere(records: Sequence[Record], heads: Mapping[str, Head]) -> list[Record]:
    """The records of the chains that were made in other places and still are there.

    Only of sites whose records are where they were made: a copy, such as an archive, has to be
    whole by itself.
    """
    there = {record.link: record for record in records if record.link}
    copied = {
        record.site for record in records if record.made_in not in ("", str(record.directory))
    }
    wanted = [(site, head.link) for site, head in heads.items()]
    wanted += [(record.site, record.previous) for record in records if record.previous]
    found = []
    while wanted:
        site, link = wanted.pop()
        if link in there:
            if link.path not in ("", str(there[link].directory)):
                copied.add(site)
        elif link.path and not Path(link.path).is_symlink():
            with suppress(RecordError):
                record = read_record(Path(link.path))
                if record.link == link and record.site == site:
                    there[link] = record
                    found.append(record)
                    wanted += [(site, record.previous)] if record.previous else []
    return [record for record in found if record.site not in copied]


def state_without_record(directory: Path) -> str:
    """The state of a run without a readable record: RUNNING, LOST or UNRECORDED."""
    try:
        account = parse_json(decoded(read_plain(directory, ACCOUNT), ACCOUNT), ACCOUNT)
        runs = isinstance(account, dict) and account["status"] == "RUNNING"
        lives = runs and is_held(directory)
    except (NotPlainError, OSError, FileError, KeyError):
        return "UNRECORDED"
    return "RUNNING" if lives else "LOST" if runs else "UNRECORDED"


def _unrecorded(directory: Path, error: RecordError) -> tuple[bool, Problem | None]:
    """Whether a run without a readable record is still running; if not, the problem to report."""
    if os.path.lexists(directory / RECORD):
        return False, Problem(str(directory / RECORD), f"UNRECORDED: {error.message}")
    match state_without_record(directory):
        case "RUNNING":
            return True, None
        case "LOST":
            what = f"LOST: the run was killed, or could not write, and has no {RECORD}"
        case _:
            what = f"UNRECORDED: has no {RECORD}: it was refused, not written, or removed"
    return False, Problem(str(directory), what)


def record_problems(record: Record, keys: Sequence[SSlibKey]) -> Iterator[Problem]:
    """What is wrong with a record on its own, and with the files that it lists."""
    place = record.directory
    if not is_signed(record.envelope, keys):
        yield Problem(
            str(place / RECORD),
            "was not signed by any of the given keys: it was changed, or signed by another key",
        )
    if place.parts[-len(record.place) :] != record.place:
        put = "/".join(record.place)
        yield Problem(str(place), f"was recorded as {put}: it was renamed, or replaces another run")
    if record.number is None and not record.predicate["run"]["dry_run"]:
        yield Problem(str(place), "is no dry run, and yet no link of its site's chain")
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
                what = f"was changed: its SHA-256 is {now}, recorded as {digest}"
                yield Problem(str(place / name), what)
    beside = {RECORD, *([TIMESTAMP] if record.is_witnessed else ())}
    for name in entries.keys() - record.subjects.keys() - beside:
        yield Problem(str(place / name), "was added")


def _chain_problems(chain: list[Record]) -> Iterator[Problem]:
    """What is wrong with a site's records as a chain; they are ordered by number."""
    first = chain[0]
    if first.previous is not None:
        yield _missing(first, first.previous)
    elif first.number != 1:
        yield Problem(
            str(first.directory), f"is record {first.number}, but does not name the one before it"
        )
    for before, record in pairwise(chain):
        yield from _pair_problems(before, record)


def _pair_problems(before: Record, record: Record) -> Iterator[Problem]:
    where, previous = str(record.directory), record.previous
    if record.number == before.number:
        yield Problem(where, f"is record {record.number}, as is {before.directory}")
    elif previous is None:
        yield Problem(where, f"is record {record.number}, but does not name the one before it")
    elif previous.number != before.number:
        yield _missing(record, previous)
    elif previous.sha256 != before.sha256:
        yield Problem(
            str(before.directory / RECORD),
            f"is not the record {before.number} that {record.directory.name} follows",
        )
    elif record.predicate["run"]["started"] < before.predicate["run"]["started"]:
        yield Problem(where, f"started before {before.directory.name}, but was recorded after it")


def _missing(record: Record, previous: Link) -> Problem:
    last = f"; it was made in {previous.path}" if previous.path else ""
    return Problem(
        f"site {record.site}",
        f"record {previous.number} ({previous.directory}), which {record.directory.name} follows, "
        f"is missing{last}",
    )


def _head_problems(site: str, chain: Sequence[Record], head: Head) -> Iterator[Problem]:
    """Whether the newest record that was made here is still where it was made."""
    link = head.link
    where, name = f"site {site}", f"record {link.number} ({head.path or link.directory})"
    same = [record for record in chain if record.link == link]
    if not same and any(record.number == link.number for record in chain):
        yield Problem(where, f"{name} is not the one that was made here")
    elif not same:
        yield Problem(where, f"{name}, the newest one made here, is missing")
    elif head.path and head.path not in [record.directory for record in same]:
        yield Problem(where, f"{name} was moved to {same[0].directory}")


def _page_problems(
    folder: Path, runs: Sequence[Path], here: Sequence[Record], heads: Mapping[str, Head]
) -> Iterator[Problem]:
    """Whether a directory's index page and `latest.txt` match its runs.

    They may be missing where no run was made, such as in an archive.
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
            noted = max(paged, key=lambda record: record.order).predicate["index"] if paged else ""
            if digest_of(page) != noted and page not in _rendered(folder, here):
                yield Problem(str(folder / INDEX), STALE)
    newest = latest_of(path.name for path in runs if path.parent == folder)
    try:
        named = read_plain(folder, LATEST)
    except NotPlainError as error:
        if newest and made_here:
            yield Problem(str(folder / LATEST), error.what)
    else:
        if named != f"{newest}\n".encode():
            yield Problem(str(folder / LATEST), f"does not name the newest run, {newest}")


def _rendered(folder: Path, here: Sequence[Record]) -> Iterator[bytes]:
    """The page as this runbook makes it: where it was made, or in an export."""
    for among_sites in {is_among_sites(folder), False}:
        yield render_index(here, among_sites=among_sites).encode()


def _above_problems(place: Path, records: Sequence[Record]) -> Iterator[Problem]:
    """Whether the page of all sites in a place is what their newest run wrote."""
    here = [it for it in records if it.directory.parent.parent == place]
    paged = [it for it in here if it.predicate.get("index_of_all")]
    newest = max(paged, key=lambda record: record.order, default=None)
    try:
        page = read_plain(place, INDEX)
    except NotPlainError as error:
        if newest and newest.made_in == str(newest.directory):
            yield Problem(str(place / INDEX), error.what)
        return
    noted = newest.predicate["index_of_all"] if newest else ""
    if digest_of(page) != noted and page != page_of_all(place, {}).encode():
        yield Problem(str(place / INDEX), STALE)


def _key_problems(paths: Sequence[Path], keys: Sequence[SSlibKey]) -> Iterator[Problem]:
    """Keys beside the records have to be among those that the records are verified with."""
    for path in paths:
        try:
            [key] = load_public_keys([path])
        except UsageError as error:
            yield Problem(str(path), error.message)
        else:
            if key.keyid not in {known.keyid for known in keys}:
                yield Problem(str(path), "is not among the keys given to verify with")
