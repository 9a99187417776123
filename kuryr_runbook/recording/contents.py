"""Reads the contents of a run's directory, and never anything outside of it.

Each component of a path is opened by itself, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

MOST = 256 << 20
"""Most bytes of a file: no run writes more, but a file planted in its place may be endless."""
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class NotPlainError(Exception):
    """Something is not a plain, readable file; `what` says why."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} {what}")
        self.what = what


def entries_of(directory: Path) -> dict[str, bool]:
    """Everything below the directory, by relative path; True for plain files.

    Directories are included only if they are empty. Raises OSError.
    """
    found: dict[str, bool] = {}
    for place, below, names, descriptor in os.fwalk(directory, onerror=_raised):
        here = PurePosixPath(place).relative_to(directory)
        if not below and not names and here.parts:
            found[str(here)] = False
        for name in (*below, *names):
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode):
                found[str(here / name)] = stat.S_ISREG(mode)
    return dict(sorted(found.items()))


def _raised(error: OSError) -> None:
    raise error


def read_plain(directory: Path, name: str) -> bytes:
    """The content of a plain file, given by its path below the directory. Raises NotPlainError."""
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise NotPlainError(name, "has a name that could lead out of the directory")
    try:
        with ExitStack() as opened:
            place = _opened(str(directory), os.O_RDONLY | os.O_DIRECTORY, None, opened)
            for part in parts[:-1]:
                place = _opened(part, _LOOK | os.O_DIRECTORY, place, opened)
            # Checked before opening, since opening some devices has side effects.
            mode = os.stat(parts[-1], dir_fd=place, follow_symlinks=False).st_mode
            if not stat.S_ISREG(mode):
                raise NotPlainError(name, "is not a plain file")
            with open(os.open(parts[-1], _LOOK, dir_fd=place), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise NotPlainError(name, "is not a plain file")
                # By its size, so that nothing is read in vain; by what was read, as it may grow.
                is_large = status.st_size > MOST or len(content := file.read(MOST + 1)) > MOST
    except FileNotFoundError as error:
        raise NotPlainError(name, "is missing") from error
    except OSError as error:
        raise NotPlainError(name, f"cannot be read: {error.strerror}") from error
    if is_large:
        raise NotPlainError(name, f"is larger than any file of a run: over {MOST >> 20} MiB")
    return content


def _opened(name: str, flags: int, place: int | None, opened: ExitStack) -> int:
    descriptor = os.open(name, flags | os.O_CLOEXEC, dir_fd=place)
    opened.callback(os.close, descriptor)
    return descriptor
