"""Programs that run at the same time: each prints into files of its own, and all end with us.

What they print never mixes, no pipe fills up while we look elsewhere, and memory does not grow with
it. Ctrl-C reaches them from us alone, once, so that each can clean up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from kuryr_runbook.clients.writing import open_log
from kuryr_runbook.model.errors import UsageError

LOOK_SECONDS = 0.05


class Child:
    """A program that was started."""

    def __init__(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> None:
        """Start it, without anything to read. Raises UsageError if there is no such program."""
        self.stdout, self.stderr = stdout, stderr
        self._began = time.monotonic()
        self._ended: float | None = None
        with open_log(stdout) as printed, open_log(stderr) as said:
            try:
                self._process = subprocess.Popen(
                    [*command],
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=said,
                    # A terminal's Ctrl-C would reach it at the same time as ours.
                    start_new_session=True,
                )
            except OSError as error:
                raise UsageError(f"{command[0]} cannot be started: {error.strerror}") from error

    @property
    def status(self) -> int | None:
        """Its exit status, minus the number of the signal that ended it; None: it still runs."""
        status = self._process.poll()
        if status is not None and self._ended is None:
            self._ended = time.monotonic()
        return status

    @property
    def seconds(self) -> float:
        """How long it ran, or has been running."""
        return (self._ended or time.monotonic()) - self._began

    def interrupt(self) -> None:
        """Ask it to end, as Ctrl-C would."""
        if self.status is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it, and whatever it started in its session."""
        if self.status is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def end_all(children: Collection[Child], seconds: float) -> None:
    """Interrupt them all, and kill those that have not ended after that time."""
    for child in children:
        child.interrupt()
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(child.status is None for child in children):
        time.sleep(LOOK_SECONDS)
    for child in children:
        child.kill()
