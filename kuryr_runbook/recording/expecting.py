"""Which records have to exist: the newest of each site, as noted on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.chain import Head, head_path, noted_sites, read_head
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.signing import is_signed, key_path, load_public_keys, public_path
from kuryr_runbook.recording.verifying import Problem


def noted_heads() -> tuple[dict[str, Head], list[Problem]]:
    """Each site's newest record as noted here, and problems with unreadable notes."""
    heads: dict[str, Head] = {}
    problems: list[Problem] = []
    for site in noted_sites():
        try:
            head = read_head(site)
        except RecordError as error:
            problems.append(Problem(str(head_path(site)), error.message))
        else:
            heads |= {site: head} if head else {}
    return heads, problems


def places_of(heads: dict[str, Head], runs: Path) -> list[Path]:
    """Where to look for records by default: in `runs`, and where they were made."""
    made = [
        head.path.parent if head.path.parent.name == site else head.path
        for site, head in heads.items()
        if head.path
    ]
    return [place for place in (runs, *made) if place.exists()]


def heads_below(heads: dict[str, Head], places: Sequence[Path]) -> dict[str, Head]:
    """The heads that have to be in these places: made there, or of a site named like a place.

    A copy elsewhere, such as an archive's, has to be as new, but need not be in the same place.
    """
    absolute = [place.absolute() for place in places]
    names = {place.name for place in absolute}
    names |= {path.name for place in absolute if place.is_dir() for path in place.iterdir()}
    names |= {place.parent.name for place in absolute}
    below: dict[str, Head] = {}
    for site, head in heads.items():
        if head.path and any(head.path.is_relative_to(place) for place in absolute):
            below[site] = head
        elif site in names:
            below[site] = replace(head, path=None)
    return below


def unnoted(records: Iterable[Record], heads: dict[str, Head]) -> Iterator[Problem]:
    """Sites whose records are signed with this machine's own key, but which have no note here.

    Key and notes are in the same directory, so a note must have been removed.
    """
    private = key_path(None)
    if not (private.exists() and public_path(private).exists()):
        return
    own = load_public_keys([public_path(private)])
    signed = {it.site for it in records if it.link and is_signed(it.envelope, own)}
    for site in sorted(signed - heads.keys()):
        yield Problem(
            f"site {site}", f"the note of its newest record is missing: {head_path(site)}"
        )
