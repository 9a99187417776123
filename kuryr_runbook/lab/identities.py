"""Identities of processes: pid, start time and boot together, since pids are reused.

A program writes its identity when it starts, so that it can be found if it outlives its supervisor.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from kuryr_runbook.model.errors import LabError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KILLED_SECONDS = 10.0
"""How long a process may take to end after SIGKILL; if it takes longer, the kernel holds it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process of one boot of the machine."""

    pid: int
    started: int
    """Clock ticks between boot and the process' start (proc(5), stat field 22)."""
    boot: str

    @property
    def alive(self) -> bool:
        """Whether exactly this process is running, and not a zombie."""
        seen = identity(self.pid)
        return seen == self and psutil.pid_exists(self.pid)


def identity(pid: int) -> Identity | None:
    """The identity of a running process; None if there is none, or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the name in parentheses, which may contain spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], int(fields[19])
    return None if state in "ZX" else Identity(pid, started, BOOT_ID.read_text().strip())


def read_identity(file: Path) -> Identity | None:
    """The identity that a program wrote when it started; None if missing or incomplete."""
    try:
        pid, started, boot = file.read_text().split()
        return Identity(int(pid), int(started), boot)
    except (FileNotFoundError, ValueError):
        return None


def end(identities: Collection[Identity], patience: float) -> None:
    """End the processes and their descendants: SIGTERM, then SIGKILL after `patience` seconds.

    Raises LabError when one is still there after that.
    """
    processes = [p for wanted in identities if wanted.alive for p in _family(wanted.pid)]
    for process in processes:
        _signal(process, kill=False)
    _, left = psutil.wait_procs(processes, timeout=patience)
    for process in left:
        _signal(process, kill=True)
    _, left = psutil.wait_procs(left, timeout=KILLED_SECONDS)
    if left:
        raise LabError(
            f"processes {sorted(p.pid for p in left)} did not end within {KILLED_SECONDS:.0f} s "
            "of SIGKILL",
            remedy="find out what they wait for in the kernel (`ps -o pid,stat,wchan,cmd -p PID`)",
        )


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return
