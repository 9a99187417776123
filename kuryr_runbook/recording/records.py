"""Records in files, as they are found and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.chain import Link
from kuryr_runbook.recording.contents import NotPlainError, read_plain
from kuryr_runbook.recording.signing import opened
from kuryr_runbook.recording.statement import RECORD, TIMESTAMP, Predicate, digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was read; whether it holds is another question."""

    directory: Path
    sha256: str
    envelope: Any
    subjects: dict[str, str]
    """SHA-256 of each file, by its path in the run's directory."""
    predicate: Predicate

    @property
    def site(self) -> str:
        """Name of the site."""
        return str(self.predicate["site"]["name"])

    @property
    def number(self) -> int:
        """Place in the chain of the site, from 1 on."""
        return int(self.predicate["number"])

    @property
    def place(self) -> tuple[str, ...]:
        """How its directory's path ends: `lab/20261126T101500Z`, or a name that was given."""
        given = self.predicate.get("place", self.predicate["run"]["directory"])
        return tuple(given.split("/"))

    @property
    def is_witnessed(self) -> bool:
        """Whether it says that it has a time stamp beside it."""
        return bool(self.predicate.get("timestamp"))

    @property
    def previous(self) -> Link | None:
        """The record before it; None for a site's first."""
        before = self.predicate["previous"]
        return Link(**before) if before else None

    @property
    def link(self) -> Link:
        """How the next record names it."""
        return Link(self.number, self.sha256, self.directory.name)


def read_record(directory: Path) -> Record:
    """The record of a run. Raises RecordError when there is none that can be read."""
    path = directory / RECORD
    try:
        content = read_plain(directory, RECORD)
    except NotPlainError as error:
        raise RecordError(
            f"{directory}: {error}",
            remedy="name the directory of a run; `kuryr-runbook records list` shows them",
        ) from error
    envelope, statement = opened(content, str(path))
    try:
        record = record_of(directory, statement, sha256=digest_of(content), envelope=envelope)
        # What all that deal with records rely on.
        _ = record.site, record.number, record.previous, record.place
        _ = record.predicate["run"]["status"], record.predicate["run"]["started"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{path} lacks what a record has: {error}") from error
    return record


def record_of(
    directory: Path, statement: Mapping[str, Any], *, sha256: str, envelope: Any
) -> Record:
    """The record with that statement, which lies in that directory or will."""
    return Record(
        directory=directory.absolute(),
        sha256=sha256,
        envelope=envelope,
        subjects={item["name"]: item["digest"]["sha256"] for item in statement["subject"]},
        predicate=statement["predicate"],
    )


def whole_run(record: Record) -> Iterator[tuple[str, bytes]]:
    """Path below the run's directory and content of each file that a copy of a run has.

    That is what the record states, with these digests, and the record itself at last. Raises
    RecordError at the first file that is not what was recorded.
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
            raise RecordError(f"{record.directory}: {name} was changed since it was recorded")
        yield name, content


def records_beside(directory: Path) -> list[Record]:
    """The records of a run and of those beside it; verifying says what is wrong with the others."""
    found = []
    for path in sorted(directory.parent.glob(f"*/{RECORD}")):
        with suppress(RecordError):
            found.append(read_record(path.parent))
    return found
