"""Copies of records in an archive: a directory, or what papermill's handlers of URLs reach.

A file that is there already is compared, and never written again. The record itself comes last, so
a run of which it is there is there as a whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.exchanges import call_with_timeout, exchange
from kuryr_runbook.clients.files import MOST_OF_RUN, read_bytes
from kuryr_runbook.clients.writing import make_directory, write_new
from kuryr_runbook.model.errors import (
    RecordError,
    RunbookError,
    UnknownError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.site import Site
from kuryr_runbook.recording.chain import Link
from kuryr_runbook.recording.records import Record, whole_run
from kuryr_runbook.recording.signing import is_signed, opened
from kuryr_runbook.recording.statement import RECORD, digest_of
from kuryr_runbook.recording.verifying import Problem

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

EXTRAS = {"s3": "s3", "gs": "gcs", "abs": "azure", "adl": "azure", "hdfs": "hdfs"}
"""Schemes that can list what is there, and the extra of papermill that brings each handler."""
RETRY = "the record is whole where the run made it; try: kuryr-runbook records upload --site FILE"


CHECK = f"check that the store answers; {RETRY}"
T = TypeVar("T")


class Upload(StrEnum):
    """What became of a copy."""

    COPIED = "copied"
    THERE = "there already"


class Store(Protocol):
    """Where copies go; names are paths with slashes."""

    def names(self, directory: str) -> set[str]:
        """The files in a directory; none when there is no such directory."""

    def read(self, name: str) -> bytes:
        """The content of a file."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file that is not there yet."""

    def probe(self, directory: str) -> None:
        """Raise when nothing could be written there, as far as that shows without doing it."""


def upload_record(record: Record, archive: str) -> Upload:
    """Copy a run with its record to the archive.

    Raises RecordError when that cannot be done, or when another file of that name is there;
    UsageError for an archive that cannot be reached at all.
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
            f"{place} was not copied to {archive}: its handler is not installed",
            remedy=f"pip install 'papermill[{EXTRAS[archive.partition(':')[0]]}]'; {RETRY}",
        ) from error
    except Exception as error:  # Whatever the handler's library raises.
        raise RecordError(
            f"{place} was not copied to {archive}: {type(error).__name__}: {error}", remedy=RETRY
        ) from error


def refuse_unusable(archive: str, site_name: str) -> None:
    """Raise UsageError when an archive cannot be one, or cannot be reached or written now.

    Asked before anything runs: what cannot be copied shows at the end else, after all phases.
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
            remedy="see that it is there, that the login for it is, and that it may be listed",
        ) from error


def newest_link(archive: str, site_name: str) -> Link | None:
    """The newest record of a site in the archive, for machines that made none themselves.

    None: there is none, or the archive cannot be asked; that is told when the copy fails as well.
    """
    try:
        newest = next(_archived(_store(archive), site_name), None)
    except Exception:  # Whatever the handler's library raises.
        return None
    return newest[0] if newest else None


def archive_problems(
    site: Site, records: Iterable[Record], keys: Sequence[SSlibKey]
) -> list[Problem]:
    """What the site's archive knows of its chain and these records lack.

    Raises UsageError when the site names no archive, UnknownError when it cannot be read.
    """
    archive = site.record.archive
    if archive is None:
        raise UsageError("the site names no archive", remedy="leave --site out")
    here = {record.link for record in records if record.site == site.name}
    problems = []
    try:
        for link, envelope in _archived(_store(archive), site.name):
            where = f"{archive}: record {link.number} ({link.directory})"
            if not is_signed(envelope, keys):
                problems.append(Problem(where, "no given key has signed this"))
            elif link not in here:
                problems.append(Problem(where, "is in the archive, and not among these records"))
    except RecordError as error:
        problems.append(Problem(archive, error.message))
    except UsageError:
        raise
    except Exception as error:  # Whatever the handler's library raises.
        raise UnknownError(
            f"{archive} cannot be read: {type(error).__name__}: {error}",
            remedy="see that it is there, and the login for it",
        ) from error
    return problems


def _archived(store: Store, site_name: str) -> Iterator[tuple[Link, Any]]:
    """Each record of a site in the archive and its envelope, the newest by its name first."""
    for run in sorted(store.names(site_name), reverse=True):
        if RECORD in store.names(f"{site_name}/{run}"):
            content = store.read(f"{site_name}/{run}/{RECORD}")
            envelope, statement = opened(content, f"{site_name}/{run}/{RECORD}")
            yield Link(int(statement["predicate"]["number"]), digest_of(content), run), envelope


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
                f"the archive has another {target}, which is not overwritten",
                remedy="find out which is right: kuryr-runbook records verify; then move the other "
                "out of the way",
            )
    return result


def _store(archive: str) -> Store:
    scheme, separator, _ = archive.partition("://")
    if not separator:
        try:
            return DirectoryStore(Path(archive).expanduser())
        except RuntimeError as error:
            raise UsageError(
                f"record.archive: {archive}: there is no such home directory",
                remedy="name a directory, from the root on",
            ) from error
    if scheme not in EXTRAS:
        raise UsageError(
            f"record.archive: {archive} is of no kind that can be an archive",
            remedy=f"name a directory, or a URL that begins with one of {', '.join(EXTRAS)}",
        )
    return UrlStore(archive.rstrip("/"))


def _not_copied(message: str, *, remedy: str) -> RecordError:
    return RecordError(message, remedy=f"{remedy}; {RETRY}")


class DirectoryStore:
    """A directory, such as one on another disk."""

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
        """Write a file at once or not at all; one that is there stays."""
        path = self._root / name
        # For those who audit, as far as the umask lets them.
        make_directory(path.parent, mode=0o755, failure=_not_copied)
        write_new(path, content, mode=0o644, failure=_not_copied)

    def probe(self, directory: str) -> None:
        """Make the directory, and see that a file can be made in it."""
        path = self._root / directory
        make_directory(path, mode=0o755, failure=RecordError)
        with tempfile.TemporaryFile(dir=path):
            pass


class UrlStore:
    """What a handler of papermill's reaches. They know texts only, which all files of a run are."""

    def __init__(self, root: str) -> None:
        from papermill.iorw import papermill_io

        self._root = root
        self._handler: Any = papermill_io.get_handler(f"{root}/")

    def names(self, directory: str) -> set[str]:
        """The files in a directory; object stores have none, and the others raise."""
        try:
            found = self._ask(lambda: self._handler.listdir(f"{self._root}/{directory}/"))
        except FileNotFoundError:
            return set()
        return {str(name).rstrip("/").rpartition("/")[2] for name in found}

    def read(self, name: str) -> bytes:
        """The content of a file; not all handlers tell of the line break at its end."""
        found: str = self._ask(lambda: self._handler.read(f"{self._root}/{name}"))
        return found.rstrip("\n").encode() + b"\n"

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._ask(lambda: self._handler.write(content.decode(), f"{self._root}/{name}"))

    def _ask(self, call: Callable[[], T]) -> T:
        """What the handler's library returns; it has deadlines of its own, or none."""
        with exchange(
            f"record.archive {self._root}", bounds=exchanges.ARCHIVE, remedy=CHECK
        ) as asked:
            try:
                return call_with_timeout(call, asked.left(asked.bounds.whole))
            except TimeoutError as error:
                raise asked.failed(f"not done in {asked.spent:.0f} s") from error

    def probe(self, directory: str) -> None:
        """Whether it can be listed has to do: an object that is a trial would stay there."""
