"""Records in files: made, found and read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.recording.chain import Link, extended, read_head
from kuryr_runbook.recording.scanning import refuse_leaks
from kuryr_runbook.recording.signing import opened, sealed
from kuryr_runbook.recording.statement import RECORD, Predicate, digest_of, statement_of

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


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
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read: {error.strerror}",
            remedy="name the directory of a run; `kuryr-runbook records list` shows them",
        ) from error
    envelope, statement = opened(content, str(path))
    try:
        record = Record(
            directory=directory.absolute(),
            sha256=digest_of(content),
            envelope=envelope,
            subjects={item["name"]: item["digest"]["sha256"] for item in statement["subject"]},
            predicate=statement["predicate"],
        )
        # What all that deal with records rely on.
        _ = record.site, record.number, record.previous, record.predicate["run"]["status"]
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path} lacks what a record has: {error}") from error
    return record


def run_directories(places: Iterable[Path]) -> list[Path]:
    """The directories of runs in the places, and below them, by name."""
    found = {
        path.parent
        for place in places
        for name in (RECORD, "run.json")
        for path in place.rglob(name)
    }
    return sorted(found, key=lambda path: (path.parent, path.name))


def records_beside(directory: Path) -> list[Record]:
    """The records of a run and of those beside it; verifying says what is wrong with the others."""
    found = []
    for path in sorted(directory.parent.glob(f"*/{RECORD}")):
        with suppress(RecordError):
            found.append(read_record(path.parent))
    return found


def make_record(
    directory: Path,
    facts: Predicate,
    signer: CryptoSigner,
    secrets: KnownSecrets,
    elsewhere: Link | None = None,
) -> Record:
    """Make the record of a run that has ended, as the next one in its site's chain.

    `elsewhere`: the newest that is known from another place, such as the site's archive.

    Raises RecordError when a file, or the record, would hold a secret, or cannot be written.
    """
    site_name = facts["site"]["name"]
    refuse_leaks(directory, secrets)
    with extended(site_name) as note:
        before = _newest(site_name, directory, elsewhere)
        chained = {
            "number": before.number + 1 if before else 1,
            "previous": asdict(before) if before else None,
            # The same text as in the files, without what only became known as a secret later.
            **secrets.redacted_value(dict(facts)),
        }
        content = sealed(statement_of(directory, chained), signer)
        write_file(directory / RECORD, content, failure=RecordError)
        record = read_record(directory)
        note(record.link)
    return record


def _newest(site_name: str, directory: Path, elsewhere: Link | None) -> Link | None:
    """The record before: the newest that was made here, lies beside this run's, or is elsewhere.

    A machine that made none yet, such as one of CI, goes on where others stopped.
    """
    links = [link for link in (read_head(site_name), elsewhere) if link]
    beside = records_beside(directory)
    links += [record.link for record in beside if record.site == site_name]
    return max(links, key=lambda link: link.number, default=None)
