"""Ensures that a machine has one lab, and that only one command at a time changes it.

Both are noted in a directory below /run, which disappears in a reboot, as the namespaces do.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kuryr_runbook.lab.kubernetes import leftovers
from kuryr_runbook.lab.launching import NETNS_DIRECTORY
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

DIRECTORY = Path("/run/kuryr-runbook-lab")
MADE_NETNS = "made-netns"
"""File that exists if the machine had no /run/netns before the lab."""


def owner(directory: Path = DIRECTORY) -> Path | None:
    """State directory of this machine's lab; None if it has none."""
    try:
        return Path((directory / "owner").read_text().strip())
    except FileNotFoundError:
        return None


def claim(settings: LabSettings, directory: Path = DIRECTORY) -> None:
    """Note that the machine's lab is this one."""
    directory.mkdir(parents=True, exist_ok=True)
    if owner(directory) is None and not _netns_is_mounted():
        (directory / MADE_NETNS).touch()
    (directory / "owner").write_text(f"{settings.state}\n")


def release(directory: Path = DIRECTORY) -> None:
    """Note that the machine has no lab, and undo what the first `ip netns add` has made."""
    made = (directory / MADE_NETNS).exists() and _netns_is_mounted()
    if made and not any(NETNS_DIRECTORY.iterdir()):
        subprocess.run(("umount", str(NETNS_DIRECTORY)), timeout=20, check=True)
        NETNS_DIRECTORY.rmdir()
    (directory / MADE_NETNS).unlink(missing_ok=True)
    (directory / "owner").unlink(missing_ok=True)


@contextmanager
def exclusively(doing: str, directory: Path = DIRECTORY) -> Iterator[None]:
    """Be the only one to change the lab. Raises LabError immediately if another command does.

    Leaves nothing below /run unless the lab is claimed meanwhile.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise LabError(
                f"another command is changing the lab: {file.read().strip() or 'one just begun'}",
                remedy="wait until it is done",
            ) from error
        # Its previous holder may have removed the file after we opened it.
        if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
            raise LabError("another command has just changed the lab", remedy="try again")
        file.truncate(0)
        file.write(f"`kuryr-runbook {doing}`, pid {os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            if owner(directory) is None:
                directory.rmdir()


def _netns_is_mounted() -> bool:
    # os.path.ismount does not recognize directories mounted on themselves, such as this one.
    return NETNS_DIRECTORY in leftovers.mounts_below(
        NETNS_DIRECTORY, leftovers.MOUNTINFO.read_text()
    )
