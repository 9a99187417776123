"""What is known of the runs beside one that is being recorded.

Their index page has a row for each of them, and the digest of the page is in the record that was
made with it. So of all the records beside a run, only those are read that the page does not list:
hundreds of runs cost no more than one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kuryr_runbook.recording.chain import read_head
from kuryr_runbook.recording.contents import NotPlainError, read_plain
from kuryr_runbook.recording.pages.index import (
    Listed,
    extended_index,
    listed_in,
    render_all,
    render_index,
    row,
)
from kuryr_runbook.recording.records import Record, readable_records, recorded_in
from kuryr_runbook.recording.signing import is_signed
from kuryr_runbook.recording.standing import INDEX, is_among_sites
from kuryr_runbook.recording.statement import digest_of

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner


@dataclass(frozen=True, slots=True)
class Beside:
    """Runs beside another one."""

    records: Sequence[Record]
    """Those that were read, signed with our key; no others affect the chain."""
    listed: Listed | None
    """What the index page lists besides; None if it could not be trusted."""

    @property
    def last(self) -> Record | None:
        """The one that was recorded last."""
        return max(self.records, key=lambda record: record.order, default=None)

    def index_with(self, record: Record) -> str:
        """The index page with one run more."""
        above = is_among_sites(record.directory.parent)
        if self.listed is None:
            return render_index([*self.records, record], among_sites=above)
        new = [it for it in self.records if it.directory.name not in self.listed.rows]
        return extended_index(record.site, self.listed, [*new, record], among_sites=above)


def look_beside(directory: Path, site_name: str, signer: CryptoSigner) -> Beside:
    """Find the site's runs beside one, without reading those that a trusted page lists."""
    folder = directory.parent
    names = recorded_in(folder)

    def read(wanted: Iterable[str]) -> list[Record]:
        found = readable_records(folder / name for name in wanted)
        return [it for it in found if it.site == site_name and _is_ours(it, signer)]

    page = _page_in(folder)
    listed = listed_in(page.decode(errors="replace")) if page else None
    if page is None or listed is None:
        return Beside(read(names), None)
    newest = read({*_newest_names(site_name, folder, names, listed)})
    if digest_of(page) not in [it.predicate.get("index") for it in newest]:
        return Beside(read(names), None)
    left = listed.among({*names})
    known = {record.directory.name for record in newest}
    records = [*newest, *read(name for name in left.missing(names) if name not in known)]
    return Beside(records, left)


def _newest_names(
    site_name: str, folder: Path, names: Sequence[str], listed: Listed
) -> Iterator[str]:
    """The runs that can have been recorded last, or be the newest of the chain."""
    yield from names[-1:]
    yield from [*listed.rows][:1]
    if listed.numbers:
        yield max(listed.numbers, key=lambda name: listed.numbers[name])
    head = read_head(site_name)
    if head and head.path and head.path.parent == folder:
        yield head.path.name


def _is_ours(record: Record, signer: CryptoSigner) -> bool:
    return is_signed(record.envelope, [signer.public_key])


def page_of_all(place: Path, pages: Mapping[str, str]) -> str:
    """The page above those of the sites in a place; `pages` are those that are about to change."""
    names = {*pages, *(path.parent.name for path in place.glob(f"*/{INDEX}"))}
    return render_all({name: _rows_in(place / name, pages.get(name)) for name in sorted(names)})


def _rows_in(folder: Path, page: str | None) -> list[str]:
    if page is None:
        page = (_page_in(folder) or b"").decode(errors="replace")
    listed = listed_in(page)
    if listed is not None:
        return [*listed.rows.values()]
    records = readable_records(folder / name for name in recorded_in(folder))
    return [row(it) for it in sorted(records, key=lambda it: it.order, reverse=True)]


def _page_in(folder: Path) -> bytes | None:
    try:
        return read_plain(folder, INDEX)
    except NotPlainError:
        return None
