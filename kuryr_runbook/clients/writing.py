"""Files that we write, in one way: whole or not at all, and only where a file of ours may stand.

The one home of writing. A file is written beside its place, flushed to the disk and renamed, so a
full disk or a killed process leaves what stood there before. It is never written through a link,
whose target somebody else may have chosen, nor over what is no regular file. `mode` is what others
may do at most, whatever the umask; `failure` is what is raised.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NoReturn

from kuryr_runbook.model.errors import FileError, RunbookError

Failure = Callable[..., RunbookError]

OWN_FILE = 0o600
OWN_DIRECTORY = 0o700
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_file(
    path: Path, content: str | bytes, *, mode: int = OWN_FILE, failure: Failure = FileError
) -> None:
    """Write a file, in the place of the one that is there if any."""
    with written(path, mode=mode, failure=failure) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_new(
    path: Path, content: str | bytes, *, mode: int = OWN_FILE, failure: Failure = FileError
) -> None:
    """Write a file that is not there yet; what is there stays, and `failure` is raised."""
    with written(path, mode=mode, failure=failure, new=True) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def written(
    path: Path, *, mode: int = OWN_FILE, failure: Failure = FileError, new: bool = False
) -> Iterator[IO[bytes]]:
    """A file to write to, which stands in its place once the block has ended without an error."""
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        _refuse(path, error, failure)
    temporary = f".{path.name[:200]}.{secrets.token_hex(4)}"
    try:
        _refuse_irregular(path, directory, failure, new=new)
        with os.fdopen(os.open(temporary, _NEW, mode, dir_fd=directory), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if new:
            # Unlike renaming, this fails when another process was faster.
            os.link(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        else:
            os.rename(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError as error:
        _refuse(path, error, failure)
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        os.close(directory)


def _refuse_irregular(path: Path, directory: int, failure: Failure, *, new: bool) -> None:
    try:
        found = os.stat(path.name, dir_fd=directory, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if new:
        raise failure(f"{path} exists already", remedy="name a new file; this one is left as it is")
    if not stat.S_ISREG(found):
        kind = "a link" if stat.S_ISLNK(found) else "no regular file"
        raise failure(
            f"{path} cannot be written: {kind} stands there",
            remedy="find out who put it there, and move it away: nothing is written through it",
        )


def make_directory(path: Path, *, mode: int = OWN_DIRECTORY, failure: Failure = FileError) -> None:
    """Make a directory, and those above it; what is there stays as it is.

    Raises `failure` when that cannot be done, or when a link stands in its own place.
    """
    try:
        missing = [path]
        while not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for place in reversed(missing):
            with suppress(FileExistsError):
                os.mkdir(place, mode)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "a link or a file stands there", str(path))
    except OSError as error:
        _refuse(path, error, failure)


def move_file(path: Path, target: Path, *, failure: Failure = FileError) -> None:
    """Give a file another name in its directory."""
    try:
        path.rename(target)
    except OSError as error:
        _refuse(target, error, failure)


def make_link(path: Path, target: Path, *, failure: Failure = FileError) -> None:
    """Let a link name that target, in the place of a link that is there if any."""
    if path.exists() and not path.is_symlink():
        raise failure(
            f"{path} is a file of its own, and no link", remedy="move it away: it is left as it is"
        )
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        new.symlink_to(target)
        new.rename(path)
    except OSError as error:
        _refuse(path, error, failure)
    finally:
        new.unlink(missing_ok=True)


def open_log(path: Path, *, failure: Failure = FileError) -> IO[str]:
    """A file to append lines to while others read it."""
    return os.fdopen(_kept_open(path, os.O_WRONLY | os.O_APPEND, failure), "a", buffering=1)


def open_lock(path: Path, *, failure: Failure = FileError) -> int:
    """The descriptor of a file that is there to be locked, and holds at most who has it."""
    return _kept_open(path, os.O_RDWR, failure)


def _kept_open(path: Path, flags: int, failure: Failure) -> int:
    """A file that stays in its place: with no others than ours can it be mistaken."""
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, OWN_FILE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
    except OSError as error:
        _refuse(path, error, failure)
    return descriptor


def _refuse(path: Path, error: OSError, failure: Failure) -> NoReturn:
    if isinstance(error, FileExistsError):
        remedy = "name a new file; this one is left as it is"
    elif error.errno in FULL:
        remedy = "make room: nothing of it was written, and what stood there before still does"
    else:
        remedy = "make its directory writable, or choose another place"
    raise failure(f"{path} cannot be written: {error.strerror}", remedy=remedy) from error
