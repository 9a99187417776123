"""How a run hears of the secrets that its kernels read or make, so that none gets into its record.

By a file that has no name and lies in memory only. The kernel inherits it and writes before it can
print anything; the run reads before it believes that an output is clean.
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
"""Tells a kernel the descriptor on which it says what it has learnt."""
_NAME = "kuryr-runbook-secrets"


_learnt: list[Secret] = []


def known_here() -> KnownSecrets:
    """What this process has learnt, and what the variables of its environment say."""
    named = (
        Secret(value, f"the variable {name}")
        for name, value in os.environ.items()
        if value and SECRET_NAME.search(name)
    )
    return KnownSecrets([*_learnt, *named])


def learn(value: object, origin: str) -> None:
    """Keep a secret in mind, and report it to the run for which this process works, if any.

    `origin` says in words where it is from.
    """
    if not value:
        return
    _learnt.append(Secret(str(value), origin))
    number = os.environ.get(VARIABLE, "")
    if not number.isdecimal():
        return
    link = Path(f"/proc/self/fd/{number}")
    # In a process that did not inherit it the number may be another file by now.
    if link.is_symlink() and link.readlink().name.startswith(f"memfd:{_NAME}"):
        os.write(int(number), f"{json.dumps([str(value), origin])}\n".encode())


def refuse_unsendable(value: object, origin: str) -> None:
    """Raise UsageError when a secret cannot stand in a header of HTTP.

    The library that would send it names it whole in its error. `origin` says where it is from.
    """
    if any(ord(char) < ord(" ") or char == "\x7f" for char in str(value or "")):
        raise UsageError(
            f"{origin} holds a line break or another control character",
            remedy="write it anew in one line: `printf %s`, not `echo`, leaves none at its end",
        )


def url_password(url: str) -> str:
    """The password in a URL, as of a proxy or a package index; empty: there is none."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


class SecretChannel:
    """The run's end of it."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create(_NAME)
        """For kernels to inherit; they learn its number by VARIABLE."""
        self._read = 0

    def heard(self) -> Iterator[Secret]:
        """What was told since the last time."""
        told = os.fstat(self.descriptor).st_size - self._read
        if not told:
            return
        whole, _, _ = os.pread(self.descriptor, told, self._read).rpartition(b"\n")
        self._read += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            value, origin = json.loads(line)
            yield Secret(value, origin)

    def close(self) -> None:
        """Forget all of it."""
        os.close(self.descriptor)
