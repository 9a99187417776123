"""Copies records to an archive: a directory, or a URL for which papermill has a handler.

A file of a run that exists is compared, and never overwritten. The record itself is copied last, so
a run whose record is there is complete. The index page is derived from what is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import call_with_timeout, exchange
from kuryr_runbook.clients.files import MOST_OF_RUN, read_bytes, user_path
from kuryr_runbook.clients.writing import make_directory, write_file, write_new
from kuryr_runbook.model.errors import (
    RecordError,
    RunbookError,
    UnknownError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.site import Site
from kuryr_runbook.recording.chain import Link
from kuryr_runbook.recording.pages.index import Listed, extended_index, listed_in
from kuryr_runbook.recording.records import Record, parsed_record, whole_run
from kuryr_runbook.recording.signing import is_signed, opened
from kuryr_runbook.recording.standing import INDEX
from kuryr_runbook.recording.statement import RECORD, digest_of
from kuryr_runbook.recording.verifying import Problem

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

EXTRAS = {"s3": "s3", "gs": "gcs", "abs": "azure", "adl": "azure", "hdfs": "hdfs"}
"""Schemes that can list files, and the extra of papermill that installs each handler."""
RETRY = "the run's own record is complete; try: kuryr-runbook records upload --site FILE"


CHECK = f"check whether the store answers; {RETRY}"
T = TypeVar("T")


class Upload(StrEnum):
    """The result of copying a run."""

    COPIED = "copied"
    THERE = "already there"


class Store(Protocol):
    """Where copies go; names are paths with slashes."""

    def names(self, directory: str) -> set[str]:
        """The files in a directory; none if it does not exist."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def write(self, name: str, content: bytes) -> None:
        """Write a new file."""

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in the place of the one that is there, if any."""

    def probe(self, directory: str) -> None:
        """Raise if nothing can be written there, as far as that shows without writing."""


def upload_record(record: Record, archive: str) -> Upload:
    """Copy a run with its record to the archive.

    Raises RecordError when that fails, or when a different file with the same name is there;
    UsageError for an archive that can never be used.
    """
    from papermill.exceptions import PapermillOptionalDependencyException

    store = _store(archive)
    place = f"{record.site}/{record.directory.name}"
    try:
        return _copy(store, dict(whole_run(record)), place)
    except RunbookError:
        raise
    except PapermillOptionalDependencyException as error:
        raise RecordError(
            f"{place} was not copied to {archive}: the handler for it is not installed",
            remedy=f"pip install 'papermill[{EXTRAS[archive.partition(':')[0]]}]'; {RETRY}",
        ) from error
    except Exception as error:  # Whatever the handler's library raises.
        raise RecordError(
            f"{place} was not copied to {archive}: {type(error).__name__}: {error}", remedy=RETRY
        ) from error


def write_archive_index(archive: str, site_name: str) -> None:
    """Write the page of the site's runs in the archive, to which their own pages link.

    Only runs that it does not list yet are read. Raises RecordError.
    """
    try:
        store = _store(archive)
        name = f"{site_name}/{INDEX}"
        there = store.names(site_name)
        text = store.read(name).decode(errors="replace") if INDEX in there else ""
        listed = (listed_in(text) or Listed({}, {}, 0)).among(there)
        found = [_read_from(store, site_name, run) for run in listed.missing(there - {INDEX})]
        new = [record for record in found if record and record.site == site_name]
        page = extended_index(site_name, listed, new)
        if page != text:
            store.replace(name, page.encode())
    except Exception as error:  # Whatever the handler's library raises.
        raise RecordError(
            f"the page {site_name}/{INDEX} in {archive} was not written: {error}",
            remedy="the records there are complete; the next run or upload writes the page",
        ) from error


def _read_from(store: Store, site_name: str, run: str) -> Record | None:
    """A run's record; None if its copy is not complete."""
    place = f"{site_name}/{run}"
    if RECORD not in store.names(place):
        return None
    with suppress(RecordError):
        return parsed_record(store.read(f"{place}/{RECORD}"), Path(place))
    return None


def refuse_unusable(archive: str, site_name: str) -> None:
    """Raise UsageError when an archive is not valid, or cannot be reached or written to.

    Called before anything runs; otherwise this would only show at the end, after all phases.
    """
    from papermill.exceptions import PapermillOptionalDependencyException

    try:
        store = _store(archive)
        store.names(site_name)
        store.probe(site_name)
    except PapermillOptionalDependencyException as error:
        raise UsageError(
            f"record.archive: the handler for {archive} is not installed",
            remedy=f"pip install 'papermill[{EXTRAS[archive.partition(':')[0]]}]'",
        ) from error
    except UnreachableError:
        raise
    except RunbookError as error:
        raise UsageError(f"record.archive: {error.message}", remedy=error.remedy) from error
    except Exception as error:  # Whatever the handler's library raises.
        raise UsageError(
            f"record.archive: {archive} cannot be used: {type(error).__name__}: {error}",
            remedy="check that it exists, that there is a login for it, and that its files may be "
            "listed",
        ) from error


def newest_link(archive: str, site_name: str) -> Link | None:
    """A site's newest record in the archive, for machines that have made none themselves.

    None if there is none, or the archive does not answer: that is reported when copying fails.
    """
    try:
        newest = next(_archived(_store(archive), site_name), None)
    except Exception:  # Whatever the handler's library raises.
        return None
    return newest[0] if newest else None


def archive_problems(
    site: Site, records: Iterable[Record], keys: Sequence[SSlibKey]
) -> list[Problem]:
    """Records of the site's chain that are in its archive but not among these.

    Raises UsageError when the site names no archive, UnknownError when it cannot be read.
    """
    archive = site.record.archive
    if archive is None:
        raise UsageError("the site names no archive", remedy="omit --site")
    here = {record.link for record in records if record.site == site.name}
    problems = []
    try:
        for link, envelope in _archived(_store(archive), site.name):
            where = f"{archive}: record {link.number} ({link.directory})"
            if not is_signed(envelope, keys):
                problems.append(Problem(where, "was not signed by any of the given keys"))
            elif link not in here:
                problems.append(Problem(where, "is in the archive, but not among these records"))
    except RecordError as error:
        problems.append(Problem(archive, error.message))
    except UsageError:
        raise
    except Exception as error:  # Whatever the handler's library raises.
        raise UnknownError(
            f"{archive} cannot be read: {type(error).__name__}: {error}",
            remedy="check that it exists, and that there is a login for it",
        ) from error
    return problems


def _archived(store: Store, site_name: str) -> Iterator[tuple[Link, Any]]:
    """The links of a site's chain in the archive, each with its envelope, by name, newest first."""
    for run in sorted(store.names(site_name) - {INDEX}, reverse=True):
        if RECORD in store.names(f"{site_name}/{run}"):
            content = store.read(f"{site_name}/{run}/{RECORD}")
            envelope, statement = opened(content, f"{site_name}/{run}/{RECORD}")
            number = statement["predicate"]["number"]
            if number is not None:
                yield Link(int(number), digest_of(content), run), envelope


def _copy(store: Store, files: dict[str, bytes], place: str) -> Upload:
    result = Upload.THERE
    folders = {PurePosixPath(place, name).parent for name in files}
    there = {folder / name for folder in folders for name in store.names(str(folder))}
    for name, content in files.items():
        target = f"{place}/{name}"
        if PurePosixPath(target) not in there:
            store.write(target, content)
            result = Upload.COPIED
        elif store.read(target).rstrip(b"\n") != content.rstrip(b"\n"):
            raise RecordError(
                f"the archive has a different {target}, which is not overwritten",
                remedy="find out which one is right with kuryr-runbook records verify, then move "
                "the other one away",
            )
    return result


def _store(archive: str) -> Store:
    scheme, separator, _ = archive.partition("://")
    if not separator:
        remedy = "name a directory by its absolute path"
        return DirectoryStore(user_path(archive, "record.archive", remedy=remedy))
    if scheme not in EXTRAS:
        raise UsageError(
            f"record.archive: {archive} cannot be an archive",
            remedy=f"name a directory, or a URL with one of the schemes {', '.join(EXTRAS)}",
        )
    return UrlStore(archive.rstrip("/"))


def _not_copied(message: str, *, remedy: str) -> RecordError:
    return RecordError(message, remedy=f"{remedy}; {RETRY}")


class DirectoryStore:
    """A directory, for example on another disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, directory: str) -> set[str]:
        """The files in a directory."""
        path = self._root / directory
        return {item.name for item in path.iterdir()} if path.is_dir() else set()

    def read(self, name: str) -> bytes:
        """The content of a file."""
        return read_bytes(self._root / name, "file of the archive", most=MOST_OF_RUN)

    def write(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all; never overwrite one."""
        path = self._root / name
        # Readable for auditors, as far as the umask permits.
        make_directory(path.parent, mode=0o755, failure=_not_copied)
        write_new(path, content, mode=0o644, failure=_not_copied)

    def replace(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all."""
        write_file(self._root / name, content, mode=0o644, failure=RecordError)

    def probe(self, directory: str) -> None:
        """Make the directory, and check that a file can be created in it."""
        path = self._root / directory
        make_directory(path, mode=0o755, failure=RecordError)
        with tempfile.TemporaryFile(dir=path):
            pass


class UrlStore:
    """A URL that one of papermill's handlers can access. They know text only, which is enough."""

    def __init__(self, root: str) -> None:
        from papermill.iorw import papermill_io

        self._root = root
        self._handler: Any = papermill_io.get_handler(f"{root}/")

    def names(self, directory: str) -> set[str]:
        """The files in a directory. If it does not exist, object stores list nothing."""
        try:
            found = self._ask(lambda: self._handler.listdir(f"{self._root}/{directory}/"))
        except FileNotFoundError:
            return set()
        return {str(name).rstrip("/").rpartition("/")[2] for name in found}

    def read(self, name: str) -> bytes:
        """The content of a file; some handlers drop the line break at its end."""
        found: str = self._ask(lambda: self._handler.read(f"{self._root}/{name}"))
        return found.rstrip("\n").encode() + b"\n"

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._ask(lambda: self._handler.write(content.decode(), f"{self._root}/{name}"))

    replace = write

    def _ask(self, call: Callable[[], T]) -> T:
        """Call the handler with a deadline, since its library may have none."""
        with exchange(
            f"record.archive {self._root}", bounds=exchanges.ARCHIVE, remedy=CHECK
        ) as asked:
            try:
                return call_with_timeout(call, asked.left(asked.bounds.whole))
            except TimeoutError as error:
                raise asked.failed(f"not done after {asked.spent:.0f} s") from error

    def probe(self, directory: str) -> None:
        """Do nothing: listing has to suffice, since a trial object would stay there."""
