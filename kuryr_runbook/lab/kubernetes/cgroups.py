"""A control group for each node, in every hierarchy, to find and end the node's processes.

Both layouts are supported: one hierarchy for each controller (v1, with or without an unused unified
one), and only the unified hierarchy (v2).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from kuryr_runbook.model.errors import LabError

MOUNTS = Path("/proc/self/mounts")
LEAF = "system"
"""Group of a node's own programs, beside the kubelet's `kubepods`: v2 has processes in leaves."""
CONTROLLERS = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids")
"""The controllers that the kubelet and runc use in the unified hierarchy."""
REMOVE_SECONDS = 20.0
PAUSE_SECONDS = 0.1


def hierarchies(mounts: str | None = None) -> tuple[Path, ...]:
    """The mount points of the hierarchies, from the text of /proc/mounts."""
    text = MOUNTS.read_text() if mounts is None else mounts
    found = (line.split()[1:3] for line in text.splitlines())
    return tuple(Path(where) for where, kind in found if kind in ("cgroup", "cgroup2"))


def enable_controllers(root: Path) -> tuple[str, ...]:
    """Enable the unified hierarchy's controllers at its root. Returns those that were not enabled.

    v1 hierarchies have nothing to enable. Raises LabError if the root that we see has processes of
    its own, as in a container: the kernel then does not allow it.
    """
    switch = root / "cgroup.subtree_control"
    if not switch.exists():
        return ()
    there = (root / "cgroup.controllers").read_text().split()
    enabled = switch.read_text().split()
    missing = tuple(name for name in CONTROLLERS if name in there and name not in enabled)
    if missing:
        try:
            switch.write_text(" ".join(f"+{name}" for name in missing))
        except OSError as error:
            raise LabError(
                f"{switch}: the kernel does not enable {', '.join(missing)} for groups: "
                f"{error.strerror}",
                remedy="run the lab on a machine or virtual machine, or in a container whose "
                "processes are not in its root cgroup",
            ) from error
    return missing


def disable_controllers(root: Path, names: Iterable[str]) -> None:
    """Undo `enable_controllers`, except for controllers that somebody else needs by now."""
    for name in names:
        with contextlib.suppress(OSError):
            (root / "cgroup.subtree_control").write_text(f"-{name}")


def create(group: str, roots: Iterable[Path]) -> None:
    """Create the group and its leaf in every hierarchy."""
    for root in roots:
        for directory in (root / group, root / group / LEAF):
            directory.mkdir(exist_ok=True)
            _inherit_cpuset(directory)


def entering(group: str, roots: Iterable[Path]) -> tuple[str, ...]:
    """A command prefix that runs a command, and its children, in the group's leaf."""
    files = [str(root / group / LEAF / "cgroup.procs") for root in roots]
    script = 'while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"'
    return ("sh", "-ec", script, "sh", *files, "--")


def groups(prefix: str, roots: Iterable[Path]) -> tuple[str, ...]:
    """Names of the top-level groups of any hierarchy that begin with the prefix."""
    return tuple(sorted({path.name for root in roots for path in root.glob(f"{prefix}*")}))


def processes(group: str, roots: Iterable[Path]) -> frozenset[int]:
    """Process ids in the group and below it."""
    found: set[int] = set()
    for root in roots:
        for file in (root / group).rglob("cgroup.procs"):
            try:
                found.update(int(pid) for pid in file.read_text().split())
            except OSError:
                continue  # the group disappeared between listing and reading
    return frozenset(found - {0})


def remove(group: str, roots: Sequence[Path]) -> None:
    """End every process of the group, then remove it. Raises LabError when something stays."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while True:
        left = processes(group, roots)
        _kill(left)
        if not left and not (stuck := [root / group for root in roots if not _rmdir(root / group)]):
            return
        if time.monotonic() > deadline:
            seen = f"processes {sorted(left)}" if left else f"directories {stuck}"
            raise LabError(
                f"cgroup {group} could not be emptied within {REMOVE_SECONDS:.0f} s: it has {seen}",
                remedy="find out what those processes wait for (`ps -o pid,stat,wchan,cmd`)",
            )
        time.sleep(PAUSE_SECONDS)


def _kill(pids: Collection[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _rmdir(group: Path) -> bool:
    """Remove the group. Returns whether it is gone: the kernel may need a moment for that."""
    if group.is_dir():
        for directory, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                return False
    return True


def _inherit_cpuset(directory: Path) -> None:
    # A new v1 cpuset is empty, and accepts no process until it has CPUs and memory nodes.
    for name in ("cpuset.cpus", "cpuset.mems"):
        file = directory / name
        if file.exists() and not (directory / "cgroup.controllers").exists():
            file.write_text((directory.parent / name).read_text())
