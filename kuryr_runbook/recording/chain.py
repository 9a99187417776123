"""The chain of a site's records: each names the one before it by number and digest.

The newest of a site is also noted outside of the runs' directories, in the state of this user. So
it shows when the last ones are taken away, and runs that are kept in other places are in the chain.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_state_path

from kuryr_runbook.clients.writing import make_directory, open_lock, write_file
from kuryr_runbook.model.errors import RecordError


@dataclass(frozen=True, slots=True)
class Link:
    """One record, as the next one names it."""

    number: int
    """From 1 on."""
    sha256: str
    """Of the bytes of its record.json."""
    directory: str
    """Name of the run's directory."""


def head_path(site_name: str) -> Path:
    """Where the newest record of a site is noted."""
    return user_state_path("kuryr-runbook") / "records" / f"{site_name}.json"


def read_head(site_name: str) -> Link | None:
    """The newest record that was made here; None: there is none. Raises RecordError."""
    path = head_path(site_name)
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return Link(**json.loads(text)) if text else None
    except (TypeError, ValueError) as error:
        raise RecordError(
            f"{path} does not say which record is the newest: {error}",
            remedy="find out who wrote to it; `kuryr-runbook records verify` tells what is there",
        ) from error


def heads_of(site_names: Iterable[str]) -> dict[str, Link]:
    """The newest record of each of these sites, of those that have one. Raises RecordError."""
    heads = ((name, read_head(name)) for name in site_names)
    return {name: head for name, head in heads if head}


@contextmanager
def extended(site_name: str) -> Iterator[Callable[[Link], None]]:
    """Keep others from adding to the chain, until the function that this gives notes the new link.

    Raises RecordError when the note cannot be written.
    """
    path = head_path(site_name)
    make_directory(path.parent, failure=RecordError)
    lock = open_lock(path.with_suffix(".lock"), failure=RecordError)

    def note(link: Link) -> None:
        write_file(path, f"{json.dumps(asdict(link))}\n", failure=RecordError)

    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield note
    finally:
        os.close(lock)
