"""Cleans up after nodes: processes in their mount namespaces, and mounts below a directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from kuryr_runbook.model.errors import LabError

MOUNTINFO = Path("/proc/self/mountinfo")
SECONDS = 20.0
PAUSE_SECONDS = 0.1


def mounts_below(directory: Path, mountinfo: str) -> tuple[Path, ...]:
    """The mount points at or below the directory, most recent first."""
    points = (_unescaped(line.split()[4]) for line in mountinfo.splitlines())
    return tuple(reversed([point for point in points if point.is_relative_to(directory)]))


def unmount_below(directory: Path) -> None:
    """Unmount everything at and below the directory. Raises LabError when something stays."""
    for point in mounts_below(directory, MOUNTINFO.read_text()):
        answer = subprocess.run(
            ("umount", str(point)), capture_output=True, text=True, timeout=SECONDS, check=False
        )
        if answer.returncode != 0:
            raise LabError(
                f"{point} could not be unmounted: {answer.stderr.strip()}",
                remedy=f"find out who uses it (`fuser -vm {point}`), then try again",
            )


def end_inhabitants(mount_ns: Path) -> None:
    """End all processes in the file's mount namespace. Raises LabError when one stays."""
    deadline = time.monotonic() + SECONDS
    while pids := inhabitants(mount_ns):
        if time.monotonic() > deadline:
            raise LabError(f"processes {pids} in {mount_ns} did not end within {SECONDS:.0f} s")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(PAUSE_SECONDS)


def inhabitants(mount_ns: Path) -> tuple[int, ...]:
    """Ids of the processes in the file's mount namespace; none if the file is not a namespace."""
    try:
        wanted = os.stat(mount_ns)
        own = os.stat("/proc/self/ns/mnt")
    except FileNotFoundError:
        return ()
    # A file that is not a namespace is not on nsfs, and so on another device.
    if wanted.st_dev != own.st_dev or wanted.st_ino == own.st_ino:
        return ()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                inode = os.stat(entry / "ns" / "mnt").st_ino
            except OSError:
                continue  # it ended meanwhile
            if inode == wanted.st_ino:
                found.append(int(entry.name))
    return tuple(found)


def _unescaped(text: str) -> Path:
    return Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text))
