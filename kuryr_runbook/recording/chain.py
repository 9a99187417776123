"""The chain of a site's records: each names the one before it by number and digest.

A site's newest record is also noted outside of the runs' directories, in this user's state. That
reveals when the last records are removed, and includes runs kept elsewhere in the chain.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from platformdirs import user_state_path

from kuryr_runbook.clients.files import decoded
from kuryr_runbook.clients.lock_files import lock_within
from kuryr_runbook.clients.writing import make_directory, open_lock, write_file
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, RecordError
from kuryr_runbook.recording.contents import NotPlainError, read_plain


@dataclass(frozen=True, slots=True)
class Link:
    """A record as the next one names it."""

    number: int
    """Counts from 1."""
    sha256: str
    """Digest of its record.json."""
    directory: str
    """Name of the run's directory."""
    path: str = field(default="", compare=False)
    """Where that directory was when the record was made; empty if an older runbook made it."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record of a site that was made here."""

    link: Link
    path: Path | None
    """Directory of its run; None if an older runbook noted it without one."""


def state_directory() -> Path:
    """Where the newest records and this user's own key are."""
    return user_state_path("kuryr-runbook") / "records"


def head_path(site_name: str) -> Path:
    """Where the newest record of a site is noted."""
    return state_directory() / f"{site_name}.json"


def read_head(site_name: str) -> Head | None:
    """The newest record that was made here; None if there is none. Raises RecordError."""
    path = head_path(site_name)
    try:
        content = read_plain(path.parent, path.name)
        noted = parse_json(decoded(content, str(path)), str(path))
        place = noted.pop("path", None)
        link = Link(**noted, path=place or "")
        _ = link.number + 1, bytes.fromhex(link.sha256)
        return Head(link, Path(place) if place is not None else None)
    except NotPlainError as error:
        if not os.path.lexists(path):
            return None
        seen: object = error
    except (FileError, TypeError, ValueError, AttributeError) as error:
        seen = error
    raise RecordError(
        f"{path} does not say which record is the newest: {seen}",
        remedy="find out who wrote to it; `kuryr-runbook records verify` checks the records",
    )


def noted_sites() -> list[str]:
    """The sites for which this machine has made records, according to its notes."""
    directory = state_directory()
    return sorted(path.stem for path in directory.glob("*.json")) if directory.is_dir() else []


@contextmanager
def extended(site_name: str) -> Iterator[Callable[[Head], None]]:
    """Keep others from adding to the chain; yields the function that notes the new record.

    Raises RecordError when the note cannot be written.
    """
    path = head_path(site_name)

    def note(head: Head) -> None:
        noted = {**asdict(head.link), "path": str(head.path)}
        write_file(path, f"{json.dumps(noted)}\n", failure=RecordError)

    with _held(path.with_suffix(".lock"), f"the chain of records of {site_name}"):
        yield note


@contextmanager
def pages_held() -> Iterator[None]:
    """Keep others from writing the page of all sites. Raises RecordError."""
    with _held(state_directory() / ".pages.lock", "the pages of records"):
        yield


@contextmanager
def _held(path: Path, what: str) -> Iterator[None]:
    make_directory(path.parent, failure=RecordError)
    lock = open_lock(path, failure=RecordError)
    try:
        lock_within(lock, fcntl.LOCK_EX, what=what)
        yield
    finally:
        os.close(lock)
