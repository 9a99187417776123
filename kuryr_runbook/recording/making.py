"""Makes the record of a run that has ended, and the index page of the site's runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.recording.chain import Head, Link, extended, read_head
from kuryr_runbook.recording.index import render_index
from kuryr_runbook.recording.records import Record, read_record, record_of, records_beside
from kuryr_runbook.recording.scanning import refuse_leaks
from kuryr_runbook.recording.signing import is_signed, sealed
from kuryr_runbook.recording.standing import INDEX
from kuryr_runbook.recording.statement import RECORD, Predicate, digest_of, statement_of

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


def make_record(
    directory: Path,
    facts: Predicate,
    signer: CryptoSigner,
    secrets: KnownSecrets,
    elsewhere: Link | None = None,
) -> Record:
    """Make the record of a run that has ended, as the next one in its site's chain.

    `elsewhere` is the newest record known from another place, such as the site's archive.

    Raises RecordError when a file, or the record, contains a secret or cannot be written.
    """
    site_name = facts["site"]["name"]
    refuse_leaks(directory, secrets)
    is_beside = directory.parent.name == site_name
    with extended(site_name) as note:
        beside = _signed_beside(directory, site_name, signer)
        before = _newest(site_name, beside, elsewhere)
        predicate = {
            "number": before.number + 1 if before else 1,
            "previous": asdict(before) if before else None,
            "place": f"{site_name}/{directory.name}" if is_beside else directory.name,
            # The same text as in the files, except for secrets that became known only later.
            **secrets.redacted_value(dict(facts)),
        }
        statement = statement_of(directory, predicate)
        draft = record_of(directory, statement, sha256="", envelope=None)
        page = render_index([*beside, draft]).encode() if is_beside else None
        # The page is not part of the run; the newest record has its digest.
        predicate["index"] = digest_of(page) if page else None
        content = sealed({**statement, "predicate": predicate}, signer)
        write_file(directory / RECORD, content, failure=RecordError)
        record = read_record(directory)
        note(Head(record.link, record.directory))
        if page:
            write_file(directory.parent / INDEX, page, failure=RecordError)
    return record


def _signed_beside(directory: Path, site_name: str, signer: CryptoSigner) -> list[Record]:
    """The site's records beside a run that our key has signed; no others affect the chain."""
    return [
        record
        for record in records_beside(directory)
        if record.site == site_name and is_signed(record.envelope, [signer.public_key])
    ]


def _newest(site_name: str, beside: Sequence[Record], elsewhere: Link | None) -> Link | None:
    """The previous record: the newest one made here, beside this run, or elsewhere.

    A machine that has made none, such as in CI, thus continues where others stopped.
    """
    head = read_head(site_name)
    links = [link for link in (head.link if head else None, elsewhere) if link]
    links += [record.link for record in beside]
    return max(links, key=lambda link: link.number, default=None)
