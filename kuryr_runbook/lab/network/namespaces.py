"""The lab's network namespaces, and the processes in them.

A namespace belongs to the lab if its loopback device has the alias MARK.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from kuryr_runbook.lab.network.kernel import NAMESPACES, ip, ip_batch, ip_json, sysctl
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.model.errors import LabError

MARK = "kuryr-runbook-lab"
END_SECONDS = 5.0
"""How long a process may take to end after a signal."""
FORKS = 3
"""How many times to look for processes that were started while others were ended."""


def namespaces(prefix: str) -> tuple[str, ...]:
    """Names of the named network namespaces that begin with the prefix, sorted."""
    try:
        names = os.listdir(NAMESPACES)
    except FileNotFoundError:
        return ()
    return tuple(sorted(name for name in names if name.startswith(prefix)))


def processes(namespace: str) -> frozenset[int]:
    """Ids of the processes in a namespace, except for this process."""
    wanted = (NAMESPACES / namespace).stat()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            own = (process / "ns" / "net").stat()
        except OSError:
            continue  # it ended after it was listed
        if (own.st_dev, own.st_ino) == (wanted.st_dev, wanted.st_ino):
            found.add(int(process.name))
    return frozenset(found - {os.getpid()})


def ensure_namespace(name: str, parameters: Mapping[str, int], say: Progress) -> None:
    """Make a namespace with the lab's mark. Raises LabError when the name is taken."""
    if name not in namespaces(name):
        ip("netns", "add", name)
        say(f"namespace {name} made")
    elif not is_ours(name):
        raise LabError(
            f"network namespace {name} exists and is not the lab's: its loopback should bear the "
            f"alias {MARK}",
            remedy=f"find out what it is for (`ip -n {name} addr`), and remove or rename it",
        )
    ip_batch([f"link set lo alias {MARK}", "link set lo up"], namespace=name)
    sysctl(name, parameters)


def is_ours(namespace: str) -> bool:
    """Whether it has the mark, or is as empty as one that was made but not yet marked."""
    links = ip_json("link", "show", namespace=namespace)
    loopback = next((link for link in links if link["ifname"] == "lo"), {})
    if loopback.get("ifalias") == MARK:
        return True
    bare = all("UP" not in link["flags"] for link in links)
    return bare and not processes(namespace)


def remove_namespace(name: str, say: Progress) -> None:
    """End the namespace's processes and remove it. Raises LabError when one does not end."""
    for _ in range(FORKS):
        if found := processes(name):
            end_processes(dict.fromkeys(found, name), say)
    ip("netns", "delete", name)
    say(f"namespace {name} removed")


def end_processes(found: Mapping[int, str], say: Progress) -> None:
    """End processes with SIGTERM, the rest with SIGKILL. Raises LabError if that does not help.

    The mapping has a description for the log for each process id.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = {pid: name for pid, name in found.items() if not _is_ended(pid)}
        for pid, name in left.items():
            say(f"process {pid} ({name}): {number.name}")
            _signal(pid, number)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if all(map(_is_ended, left)):
                return
            time.sleep(0.02)
    raise LabError(
        f"processes {sorted(pid for pid in found if not _is_ended(pid))} did not end on SIGKILL",
        remedy="find out what they wait for (`ps -o pid,stat,wchan,cmd`)",
    )


def _is_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
