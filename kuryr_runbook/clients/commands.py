"""External commands: output shown line by line as it comes, kept in a log, bounded in time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.clients.writing import open_log
from kuryr_runbook.model.errors import DeadlineError, UsageError

Say = Callable[[str], None]
"""Shows one line to a person."""

TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What came of a command."""

    status: int
    output: str
    """stdout and stderr, as they came."""

    @property
    def tail(self) -> str:
        """The last lines, indented for an error message."""
        lines = self.output.rstrip().splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {line}" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command finds of this process."""

    environment: Mapping[str, str] | None = None
    """In the place of the whole environment; None: ours."""
    descriptors: tuple[int, ...] = ()
    """What stays open in it, also when we die."""


AS_OURS = Surroundings()


def run_command(
    command: Sequence[str],
    *,
    say: Say,
    deadline: float,
    log: Path | None = None,
    surroundings: Surroundings = AS_OURS,
    stdin: str = "",
) -> Completed:
    """Run a command to its end, whatever its exit status.

    `deadline` in seconds; `log` is appended to.
    Raises DeadlineError when the command had to be ended, UsageError when there is none of that
    name.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=None if surroundings.environment is None else dict(surroundings.environment),
            start_new_session=True,
            pass_fds=surroundings.descriptors,
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"{command[0]}: no such command", remedy=f"install {command[0]} on this machine"
        ) from error
    lines: list[str] = []
    with _ended_after(process, deadline) as expired, contextlib.ExitStack() as stack:
        logged = stack.enter_context(open_log(log)) if log else None
        threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            lines.append(line)
            if logged:
                logged.write(line)
                logged.flush()
            say(line.rstrip())
        status = process.wait()
    completed = Completed(status=status, output="".join(lines))
    if expired.is_set():
        raise DeadlineError(
            f"{' '.join(command[:3])} ...: not done after {deadline:.0f} s; it said last:\n"
            + completed.tail,
            remedy="run it again; what was done so far is cached",
        )
    return completed


@contextlib.contextmanager
def _ended_after(process: subprocess.Popen[str], deadline: float) -> Iterator[threading.Event]:
    """Ends the process and its children after the deadline, and whenever the block is left."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill(process)

    timer = threading.Timer(deadline, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _feed(process: subprocess.Popen[str], text: str) -> None:
    """Writes beside the reader, so that neither pipe blocks the other."""
    assert process.stdin is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(text)
