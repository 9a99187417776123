"""Makes the record of a run that has ended, and the index page of the site's runs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.recording.beside import Beside, look_beside, page_of_all
from kuryr_runbook.recording.chain import Head, Link, extended, pages_held, read_head
from kuryr_runbook.recording.contents import entries_of
from kuryr_runbook.recording.pages.index import comparison_data
from kuryr_runbook.recording.pages.overview import Run, render_overview
from kuryr_runbook.recording.records import Record, read_record, record_of
from kuryr_runbook.recording.scanning import refuse_leaks
from kuryr_runbook.recording.signing import sealed
from kuryr_runbook.recording.standing import (
    COMPARED,
    INDEX,
    OVERVIEW,
    is_among_sites,
    is_beside,
)
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

    A dry run's record is no link of the chain: it only names the newest one before it. `elsewhere`
    is the newest record known from another place, such as the site's archive.

    Raises RecordError when a file, or the record, contains a secret or cannot be written.
    """
    site_name, is_link = facts["site"]["name"], not facts["run"]["dry_run"]
    refuse_leaks(directory, secrets)
    in_site = is_beside(directory, site_name)
    with extended(site_name) as note, pages_held():
        beside = look_beside(directory, site_name, signer)
        before = _newest(site_name, beside, elsewhere)
        number = before.number + 1 if before else 1
        predicate = {
            "number": number if is_link else None,
            "previous": asdict(before) if before else None,
            "place": f"{site_name}/{directory.name}" if in_site else directory.name,
            "path": str(directory.absolute()),
            "recorded": datetime.now(UTC).isoformat(timespec="microseconds"),
            # The same text as in the files, except for secrets that became known only later.
            **secrets.redacted_value(dict(facts)),
        }
        _write_pages(directory, predicate, beside.last if in_site else None, secrets)
        statement = statement_of(directory, predicate)
        draft = record_of(directory, statement, sha256="", envelope=None)
        page = beside.index_with(draft).encode() if in_site else None
        above = _page_above(directory, page)
        # The pages are not part of the run; the newest record has their digests.
        predicate["index"] = digest_of(page) if page else None
        predicate["index_of_all"] = digest_of(above) if above else None
        content = sealed({**statement, "predicate": predicate}, signer)
        write_file(directory / RECORD, content, failure=RecordError)
        record = read_record(directory)
        if record.link:
            note(Head(record.link, record.directory))
        if page:
            write_file(directory.parent / INDEX, page, failure=RecordError)
        if above:
            write_file(directory.parent.parent / INDEX, above, failure=RecordError)
    return record


def _page_above(directory: Path, page: bytes | None) -> bytes | None:
    """The page of all sites, if the run's site is one of several; `page` is the site's own."""
    site = directory.parent
    if page is None or not is_among_sites(site):
        return None
    return page_of_all(site.parent, {site.name: page.decode()}).encode()


def _write_pages(
    directory: Path, predicate: Predicate, before: Record | None, secrets: KnownSecrets
) -> None:
    """Write the pages that belong to the record, and so can name only what was before it."""
    files = entries_of(directory)
    in_site = "/" in predicate["place"]
    overview = render_overview(Run(directory.name, predicate, files), before, in_site=in_site)
    for name, text in ((OVERVIEW, overview), (COMPARED, comparison_data(predicate))):
        write_file(directory / name, secrets.redacted(text), failure=RecordError)


def _newest(site_name: str, beside: Beside, elsewhere: Link | None) -> Link | None:
    """The newest record of the chain: made here, beside this run, or elsewhere.

    A machine that has made none, such as in CI, thus continues where others stopped.
    """
    head = read_head(site_name)
    links = [head.link if head else None, elsewhere, *(record.link for record in beside.records)]
    known = (link for link in links if link)
    return max(known, key=lambda link: link.number, default=None)
