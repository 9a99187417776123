"""How a run learns the secrets that its kernels read or create, so that none gets into its record.

Through an unnamed file in memory. The kernel inherits it, and writes a secret before it can print
it; the run reads before it considers an output clean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.secrets import SECRET_NAME, KnownSecrets, Secret

VARIABLE = "KURYR_RUNBOOK_SECRETS"
"""The variable with the descriptor to which a kernel writes what it has learnt."""
_NAME = "kuryr-runbook-secrets"


_learnt: list[Secret] = []


def known_here() -> KnownSecrets:
    """The secrets that this process has learnt, and those in its environment."""
    named = (
        Secret(value, f"the variable {name}")
        for name, value in os.environ.items()
        if value and SECRET_NAME.search(name)
    )
    return KnownSecrets([*_learnt, *named])


def learn(value: object, origin: str) -> None:
    """Remember a secret, and report it to the run that this process works for, if any.

    `origin` says in words where it comes from.
    """
    if not value:
        return
    _learnt.append(Secret(str(value), origin))
    number = os.environ.get(VARIABLE, "")
    if not number.isdecimal():
        return
    link = Path(f"/proc/self/fd/{number}")
    # In a process that did not inherit it, the number may be another file's.
    if link.is_symlink() and link.readlink().name.startswith(f"memfd:{_NAME}"):
        os.write(int(number), f"{json.dumps([str(value), origin])}\n".encode())


def refuse_unsendable(value: object, origin: str) -> None:
    """Raise UsageError if a secret is not valid in an HTTP header.

    The HTTP library's own error would contain the whole secret. `origin` says where it comes from.
    """
    if any(ord(char) < ord(" ") or char == "\x7f" for char in str(value or "")):
        raise UsageError(
            f"{origin} contains a line break or another control character",
            remedy="write it again as one line, with `printf %s`: `echo` adds a line break",
        )


def url_password(url: str) -> str:
    """The password in a URL, such as a proxy's or a package index's; empty: there is none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


class SecretChannel:
    """The run's end of the channel."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create(_NAME)
        """For kernels to inherit; VARIABLE contains its number."""
        self._read = 0

    def received(self) -> Iterator[Secret]:
        """The secrets that arrived since the last call."""
        size = os.fstat(self.descriptor).st_size - self._read
        if not size:
            return
        whole, _, _ = os.pread(self.descriptor, size, self._read).rpartition(b"\n")
        self._read += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            value, origin = json.loads(line)
            yield Secret(value, origin)

    def close(self) -> None:
        """Close the file, which frees its memory."""
        os.close(self.descriptor)
