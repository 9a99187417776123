"""External commands: output shown line by line as it arrives, kept in a log, limited in time."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.clients.writing import open_log
from kuryr_runbook.model.errors import ApplyError, DeadlineError, UsageError

Say = Callable[[str], None]
"""Shows one line to a person."""

TAIL_LINES = 15
MOST_OUTPUT = 256 << 20
"""Characters that a command may print; the list of an image's files has a few megabytes."""
LONGEST_LINE = 1 << 20
"""A longer line is shown in pieces."""
PIECE = 1 << 16
LOOK_SECONDS = 0.2
"""How often to check whether a silent command has ended; something else may hold its stdout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The result of a command."""

    status: int
    output: str
    """stdout and stderr, in the order they arrived."""

    @property
    def tail(self) -> str:
        """The last lines, indented for an error message."""
        lines = self.output.rstrip().splitlines()[-TAIL_LINES:]
        return "\n".join(f"    {line}" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command gets from this process."""

    environment: Mapping[str, str] | None = None
    """Replaces the whole environment; None: ours."""
    descriptors: tuple[int, ...] = ()
    """Descriptors that stay open in it, even after we die."""
    errors: int | None = None
    """Descriptor for its stderr; None: shown together with stdout, line by line."""
    folder: Path | None = None
    """Its working directory; None: ours."""


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

    `deadline` in seconds; `log` is appended to. Raises DeadlineError if the command took too long,
    ApplyError if it printed too much (both kill it), UsageError if there is no such command.
    """
    process = _begun(command, surroundings)
    name = f"{' '.join(command[:3])} ..."
    lines: list[str] = []
    with _ended(process), contextlib.ExitStack() as stack:
        logged = stack.enter_context(open_log(log)) if log else None
        threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
        size = 0
        try:
            for line in _lines(process, time.monotonic() + deadline):
                size += len(line)
                lines.append(line)
                if size > MOST_OUTPUT:
                    raise ApplyError(
                        f"{name}: killed, since it printed more than {MOST_OUTPUT >> 20} MiB",
                        remedy="run it by hand to see what it prints",
                    )
                if logged:
                    logged.write(line)
                    logged.flush()
                say(line.rstrip())
        except TimeoutError as error:
            tail = Completed(status=-1, output="".join(lines)).tail
            raise DeadlineError(
                f"{name}: not done after {deadline:.0f} s; its last output:\n{tail}",
                remedy="run it again; what was done so far is cached",
            ) from error
        status = process.wait()
    return Completed(status=status, output="".join(lines))


def _begun(command: Sequence[str], surroundings: Surroundings) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if surroundings.errors is None else surroundings.errors,
            env=None if surroundings.environment is None else dict(surroundings.environment),
            cwd=surroundings.folder,
            start_new_session=True,
            pass_fds=surroundings.descriptors,
        )
    except (OSError, ValueError) as error:  # ValueError: NUL in an argument.
        reason = "no such command" if isinstance(error, FileNotFoundError) else f"{error}"
        raise UsageError(
            f"{command[0]}: {reason}", remedy=f"install {command[0]} on this machine"
        ) from error


def _lines(process: subprocess.Popen[bytes], until: float) -> Iterator[str]:
    """Its output, line by line, until it ends. Raises TimeoutError if it does not end in time.

    The end of the process counts, not the end of its stdout: something that it left in the
    background may keep that open forever.
    """
    assert process.stdout is not None  # noqa: S101
    descriptor = process.stdout.fileno()
    printing = select.poll()
    printing.register(descriptor, select.POLLIN)
    decode = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder("utf-8")("replace"), translate=True
    ).decode
    rest = ""
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if not printing.poll(min(left, LOOK_SECONDS) * 1000):
            if process.poll() is None:
                continue
            break
        piece = os.read(descriptor, PIECE)
        *lines, rest = (rest + decode(piece, not piece)).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(rest) > LONGEST_LINE or (rest and not piece):
            yield rest
            rest = ""
        if not piece:
            break
    if rest:
        yield rest
    _expect_end(process, until)


def _expect_end(process: subprocess.Popen[bytes], until: float) -> None:
    """Wait for a process that has closed its stdout. Raises TimeoutError."""
    try:
        process.wait(max(until - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kills the process and its children when the block is left."""
    try:
        yield
    finally:
        _kill(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _feed(process: subprocess.Popen[bytes], text: str) -> None:
    """Writes in a thread of its own, so that neither pipe blocks the other."""
    assert process.stdin is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(text.encode())
