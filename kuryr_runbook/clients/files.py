"""The only reader of files from outside: regular files, of limited size, as UTF-8.

Opening a FIFO would hang, a device has no end, and another encoding would give another text.
`what` says in words what the file is for, `remedy` what to do if it cannot be used.
"""

from __future__ import annotations

import codecs
import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from kuryr_runbook.model.documents import parse_json, parse_yaml
from kuryr_runbook.model.errors import FileError, UsageError
from kuryr_runbook.model.paths import expanded
from kuryr_runbook.model.visible import bounded

MIB = 1 << 20
MOST = 64 * MIB
"""Bytes that a file may have by default."""
MOST_OF_RUN = 1024 * MIB
"""For a run's files: a notebook with everything that its cells displayed, a kernel's log."""
LONGEST_PATH = 300
"""Letters of a path in a message."""
MOST_YAML = 1 * MIB
"""For what people or their tools write: sites, logins. PyYAML would take seconds for more."""
KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
FOREIGN = ((codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


def user_path(path: str | Path, what: str, *, remedy: str | None = None) -> Path:
    """The path, with the home directory for `~` or `~user`. Raises FileError if there is none."""
    try:
        return expanded(path)
    except ValueError as error:
        message = f"{what} {bounded(str(path), LONGEST_PATH)}: {error}"
        raise FileError(message, remedy=remedy) from error


def read_bytes(path: Path, what: str, *, remedy: str | None = None, most: int = MOST) -> bytes:
    """The content of a regular file of at most that many bytes. Raises FileError."""
    try:
        # Checked before opening, too: opening some devices has an effect.
        _refuse_irregular(os.stat(path), path, what, remedy)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            _refuse_irregular(os.fstat(descriptor), path, what, remedy)
            # In pieces: files below /proc refuse a large buffer.
            content = b"".join(_pieces(file, most + 1))
    except OSError as error:
        raise FileError(f"{what} {path} cannot be read: {error.strerror}", remedy=remedy) from error
    except ValueError as error:  # NUL in its name.
        raise FileError(f"{what} {path} cannot be read: {error}", remedy=remedy) from error
    if len(content) > most:
        raise FileError(
            f"{what} {path} is larger than {most // MIB} MiB: it must be some other file",
            remedy=remedy,
        )
    return content


def _pieces(file: BinaryIO, most: int) -> Iterator[bytes]:
    while most > 0 and (piece := file.read(min(most, MIB))):
        yield piece
        most -= len(piece)


def _refuse_irregular(status: os.stat_result, path: Path, what: str, remedy: str | None) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((name for is_kind, name in KINDS if is_kind(status.st_mode)), "something else")
    raise FileError(f"{what} {path} is {kind}, not a regular file", remedy=remedy)


def read_text(path: Path, what: str, *, remedy: str | None = None, most: int = MOST) -> str:
    """The text of a file in UTF-8, without a byte order mark. Raises FileError."""
    content = read_bytes(path, what, remedy=remedy, most=most)
    return decoded(content, f"{what} {path}", remedy=remedy)


def decoded(content: bytes, source: str, *, remedy: str | None = None) -> str:
    """The text of bytes in UTF-8. Raises FileError, with the line that is not UTF-8."""
    for mark, name in FOREIGN:
        if content.startswith(mark):
            raise FileError(f"{source} is in {name}: save it in UTF-8", remedy=remedy)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise FileError(
            f"{source}: line {line}: the byte 0x{byte:02x} is not UTF-8: save it in UTF-8",
            remedy=remedy,
        ) from error
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise FileError(f"{source}: line {line}: it contains NUL, so it is not text", remedy=remedy)
    return text


def read_certificates(path: Path, what: str, *, remedy: str | None = None) -> str:
    """The text of a PEM file whose certificates are all valid. Raises FileError."""
    text = read_text(path, what, remedy=remedy)
    try:
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusted.load_verify_locations(cadata=text)
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise FileError(
            f"{what} {path} contains no usable PEM certificates: {error}", remedy=remedy
        ) from error
    return text


@contextmanager
def reading_key(path: Path, what: str, *, remedy: str) -> Iterator[bytes]:
    """The content of a PEM file with one key, to be parsed within.

    Raises UsageError if it cannot be read, or if whatever parses it refuses it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        yield read_bytes(path, "key")
    except (FileError, OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{what} {path} cannot be used: {error}", remedy=remedy) from error


def read_yaml(path: Path, what: str, *, remedy: str | None = None) -> Any:
    """The value in a YAML file; None if it is empty. Raises FileError."""
    text = read_text(path, what, remedy=remedy, most=MOST_YAML)
    return parse_yaml(text, f"{what} {path}", remedy=remedy)


def read_json(path: Path, what: str, *, remedy: str | None = None, most: int = MOST) -> Any:
    """The value in a JSON file. Raises FileError."""
    text = read_text(path, what, remedy=remedy, most=most)
    return parse_json(text, f"{what} {path}", remedy=remedy)
