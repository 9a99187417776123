"""Runs the installation's commands, with a log, a deadline, and the last output on failure."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from kuryr_runbook.model.errors import LabError

DEADLINE = 900.0
"""Seconds that a command may take."""
TAIL = 15
"""Lines of a failed command's output that an error shows."""


def run(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command with its output in `log`; raises LabError when it fails or hangs."""
    for _ in lines(command, log, environment):
        pass


def lines(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a command and yield its output line by line; raises LabError like `run`."""
    with (
        log.open("a") as out,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        ) as process,
    ):
        watch = threading.Timer(DEADLINE, process.kill)
        watch.start()
        try:
            for line in process.stdout or ():
                out.write(line)
                yield line
        finally:
            watch.cancel()
    if process.returncode != 0:
        raise _failed(command, process.returncode, log)


def _failed(command: list[str], status: int, log: Path) -> LabError:
    last = "\n    ".join(log.read_text().splitlines()[-TAIL:])
    ended = f"did not end within {DEADLINE:.0f} s" if status == -9 else f"ended with {status}"
    return LabError(
        f"openstack: `{' '.join(command[:6])} ...` {ended}:\n    {last}",
        remedy=f"see {log}; packages come from the index that pip is configured for, "
        "and Debian's python3-venv must be installed",
    )
