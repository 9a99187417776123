"""The only writer of files: as a whole or not at all, and never in the place of something strange.

A file is written beside its place, flushed to disk and renamed, so a full disk or a killed process
leaves the previous content. It is never written through a link, whose target somebody else may have
chosen, nor over anything but a regular file. `mode` limits the permissions, whatever the umask;
`failure` is the error to raise.
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
    """Write a file, and replace an existing one."""
    with written(path, mode=mode, failure=failure) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_new(
    path: Path, content: str | bytes, *, mode: int = OWN_FILE, failure: Failure = FileError
) -> None:
    """Write a new file. If there is one already it is not changed, and `failure` is raised."""
    with written(path, mode=mode, failure=failure, new=True) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def written(
    path: Path, *, mode: int = OWN_FILE, failure: Failure = FileError, new: bool = False
) -> Iterator[IO[bytes]]:
    """A file to write to, which moves to its place when the block ends without an error."""
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
            # Unlike renaming, this fails if another process was faster.
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
        raise failure(f"{path} already exists", remedy="name a new file; this one was not changed")
    if not stat.S_ISREG(found):
        kind = "a link" if stat.S_ISLNK(found) else "not a regular file"
        raise failure(
            f"{path} cannot be written: it is {kind}",
            remedy="find out who put it there, and move it away; nothing was written",
        )


def make_directory(path: Path, *, mode: int = OWN_DIRECTORY, failure: Failure = FileError) -> None:
    """Create a directory and its parents; existing ones are not changed.

    Raises `failure` if that fails, or if a link is in its place.
    """
    try:
        missing = [path]
        while not missing[-1].parent.exists():
            missing.append(missing[-1].parent)
        for place in reversed(missing):
            with suppress(FileExistsError):
                os.mkdir(place, mode)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "a link or a file is in its place", str(path))
    except OSError as error:
        _refuse(path, error, failure)


def move_file(path: Path, target: Path, *, failure: Failure = FileError) -> None:
    """Rename a file within its directory."""
    try:
        path.rename(target)
    except OSError as error:
        _refuse(target, error, failure)


def make_link(path: Path, target: Path, *, failure: Failure = FileError) -> None:
    """Create a link to the target, and replace an existing link."""
    if path.exists() and not path.is_symlink():
        raise failure(f"{path} is a file, not a link", remedy="move it away; it was not changed")
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
    """The descriptor of a lock file, which contains at most its holder."""
    return _kept_open(path, os.O_RDWR, failure)


def _kept_open(path: Path, flags: int, failure: Failure) -> int:
    """A file that is opened in place, if it is a regular one."""
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, OWN_FILE)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    except OSError as error:
        _refuse(path, error, failure)
    return descriptor


def _refuse(path: Path, error: OSError, failure: Failure) -> NoReturn:
    if isinstance(error, FileExistsError):
        remedy = "name a new file; this one was not changed"
    elif error.errno in FULL:
        remedy = "free some space; nothing was written, and the previous content is unchanged"
    else:
        remedy = "make its directory writable, or choose another place"
    raise failure(f"{path} cannot be written: {error.strerror}", remedy=remedy) from error


_descriptors: dict[bytes, int] = {}
"""One file for each content; kept open, since the library reads it again for each connection."""


def memory_path(content: bytes | str) -> str:
    """A path to the content, for this process and as long as it lives."""
    data = content.encode() if isinstance(content, str) else content
    if data not in _descriptors:
        descriptor = os.memfd_create("kuryr-runbook-login")
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        _descriptors[data] = descriptor
    return f"/proc/self/fd/{_descriptors[data]}"
