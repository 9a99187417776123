"""Reads records from files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.chain import Link
from kuryr_runbook.recording.contents import NotPlainError, read_plain
from kuryr_runbook.recording.shape import misshapen
from kuryr_runbook.recording.signing import opened
from kuryr_runbook.recording.statement import RECORD, TIMESTAMP, Predicate, digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was read, which does not mean that it is valid."""

    directory: Path
    sha256: str
    envelope: Any
    subjects: dict[str, str]
    """SHA-256 of each file, by its path in the run's directory."""
    predicate: Predicate

    @property
    def site(self) -> str:
        """The site's name."""
        return str(self.predicate["site"]["name"])

    @property
    def number(self) -> int | None:
        """Position in the site's chain, counted from 1; None for a dry run, which is no link."""
        number = self.predicate["number"]
        return None if number is None else int(number)

    @property
    def order(self) -> tuple[str, int]:
        """When it was made, to sort by; older runbooks counted only."""
        return str(self.predicate.get("recorded", "")), self.number or 0

    @property
    def made_in(self) -> str:
        """Where its run's directory was; empty if an older runbook made it."""
        return str(self.predicate.get("path", ""))

    @property
    def place(self) -> tuple[str, ...]:
        """The end of its directory's path: `lab/20261126T101500Z`, or the name that was given."""
        given = self.predicate.get("place", self.predicate["run"]["directory"])
        return tuple(given.split("/"))

    @property
    def is_witnessed(self) -> bool:
        """Whether a time stamp should be beside it."""
        return bool(self.predicate.get("timestamp"))

    @property
    def previous(self) -> Link | None:
        """The previous record of the chain; None for a site's first."""
        before = self.predicate["previous"]
        return Link(**before) if before else None

    @property
    def link(self) -> Link | None:
        """How the next record names it; None if it is no link of the chain."""
        if self.number is None:
            return None
        path = self.made_in or str(self.directory)
        return Link(self.number, self.sha256, self.directory.name, path)


def read_record(directory: Path) -> Record:
    """The record of a run. Raises RecordError when it cannot be read."""
    try:
        content = read_plain(directory, RECORD)
    except NotPlainError as error:
        raise RecordError(
            f"{directory}: {error}",
            remedy="name the directory of a run; `kuryr-runbook records list` shows them",
        ) from error
    return parsed_record(content, directory)


def parsed_record(content: bytes, directory: Path) -> Record:
    """The record with that content, of the run in that directory. Raises RecordError."""
    path = directory / RECORD
    envelope, statement = opened(content, str(path))
    # Everything that works with records relies on it.
    if wrong := misshapen(statement):
        raise RecordError(f"{path} is not a complete record: {wrong}")
    return record_of(directory, statement, sha256=digest_of(content), envelope=envelope)


def record_of(
    directory: Path, statement: Mapping[str, Any], *, sha256: str, envelope: Any
) -> Record:
    """The record with that statement, which is or will be in that directory."""
    return Record(
        directory=directory.absolute(),
        sha256=sha256,
        envelope=envelope,
        subjects={item["name"]: item["digest"]["sha256"] for item in statement["subject"]},
        predicate=statement["predicate"],
    )


def whole_run(record: Record) -> Iterator[tuple[str, bytes]]:
    """Relative path and content of each file that belongs into a copy of the run.

    These are the files that the record lists, with the listed digests, and last the record itself.
    Raises RecordError at the first file that is not as recorded.
    """
    stamp = record.is_witnessed and (record.directory / TIMESTAMP).exists()
    beside = {TIMESTAMP: None} if stamp else {}
    digests = {**record.subjects, **beside, RECORD: record.sha256}
    for name, digest in digests.items():
        try:
            content = read_plain(record.directory, name)
        except NotPlainError as error:
            raise RecordError(f"{record.directory}: {error}") from error
        if digest is not None and digest_of(content) != digest:
            raise RecordError(f"{record.directory}: {name} has changed since it was recorded")
        yield name, content


def recorded_in(folder: Path) -> list[str]:
    """The names of the runs in a directory that have a record, in order."""
    return sorted(path.parent.name for path in folder.glob(f"*/{RECORD}"))


def readable_records(directories: Iterable[Path]) -> list[Record]:
    """Those of the runs' records that can be read; verifying reports the others."""
    found = []
    for directory in directories:
        with suppress(RecordError):
            found.append(read_record(directory))
    return found
