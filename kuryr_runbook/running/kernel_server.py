"""The process that a run's kernels are forked from: it has imported, once, what they all need.

Started with `-m`, a socket to the runner for its stdin. Each message that comes asks for a kernel:
it names the kernel's directory and what is changed in its environment, and brings descriptors for
it to keep, the first of them that of its secrets. The answer is the kernel's pid and, as a
descriptor, its pidfd. When the runner is gone, so are all of them.

Importing all of it takes two seconds, and the first kernel is wanted at once. So that has only what
every phase imports; the SDKs are imported before the second is forked, while the first works, and
what is left before the third. What a kernel has not, it imports as it goes.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.clients import sdks, secrets
from kuryr_runbook.clients.writing import open_log
from kuryr_runbook.display.frontend import PARENT

CONNECTION_FILE = "kernel.json"
STDERR = "stderr"
"""In a kernel's directory: what it needs to be reached, and what it says where nobody reads it."""
MESSAGE_BYTES = 1 << 16
DESCRIPTORS = 8
"""More than a message has, or brings."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A kernel that the runner wants."""

    directory: Path
    environment: dict[str, str]
    descriptors: list[int]


def imports() -> Iterator[None]:
    """Import what kernels need, in stages: at the start, and then when each is asked for.

    No thread is started by it.
    """
    # Nobody debugs a run, and ipykernel does without.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel import debugger, kernelapp  # noqa: F401

    from kuryr_runbook.phases import base  # noqa: F401

    yield
    # The first has to do with that.
    yield
    sdks.import_sdks()
    from rich import console, table  # noqa: F401

    yield
    from kuryr_runbook.phases.catalogue import PHASES

    for phase in PHASES:
        phase.load()
    sdks.import_apis()


def serve(channel: socket.socket) -> Asked | None:
    """Fork until the runner is gone.

    Returns more than once: in each kernel what was asked, and at last in the server nothing.
    """
    kernels: dict[int, int] = {}
    stages = imports()
    next(stages)
    while True:
        for ready in select.select([channel.fileno(), *kernels], [], [])[0]:
            if ready in kernels:
                os.waitpid(kernels.pop(ready), 0)
                os.close(ready)
                continue
            asked = _heard(channel)
            if asked is None:
                _end(kernels)
                return None
            next(stages, None)
            # What was imported stays, and no kernel need look through it.
            gc.freeze()
            pid = fork(channel)
            if pid == 0:
                for process in kernels:
                    os.close(process)
                return asked
            for descriptor in asked.descriptors:
                os.close(descriptor)
            if pid is not None:
                kernels[_told(channel, pid)] = pid


def _heard(channel: socket.socket) -> Asked | None:
    try:
        message, descriptors, *_ = socket.recv_fds(channel, MESSAGE_BYTES, DESCRIPTORS)
    except ConnectionResetError:
        # It has not even read our last answer.
        return None
    if not message:
        return None
    directory, environment = json.loads(message)
    return Asked(Path(directory), environment, descriptors)


def fork(channel: socket.socket) -> int | None:
    """The kernel's pid; 0 in the kernel; none when there can be no other process now."""
    try:
        return os.fork()
    except OSError as error:
        channel.send(str(error).encode())
        return None


def _told(channel: socket.socket, pid: int) -> int:
    """Tell the runner of a kernel; gives its pidfd."""
    process = os.pidfd_open(pid)
    # A runner that is gone already is found gone in the next round.
    with suppress(BrokenPipeError):
        socket.send_fds(channel, [str(pid).encode()], [process])
    return process


def _end(kernels: dict[int, int]) -> None:
    """Kill those that are left, with all that they started."""
    for pid in kernels.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def work(asked: Asked) -> None:
    """Be a kernel, in a session of its own, until it is told to end or killed."""
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    gc.enable()
    os.environ.update(asked.environment)
    os.environ[secrets.VARIABLE] = str(asked.descriptors[0])
    # What a cell's child prints ipykernel sends as it sends what Python prints, and writes it as it
    # is where stdout led before. On the terminal nobody would have taken a secret out of it.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    with open_log(asked.directory / STDERR) as log:
        os.dup2(log.fileno(), 2)
    # It is killed in the end, and could not remove what it wrote: the client of Kubernetes leaves
    # its key in a temporary file.
    os.environ["TMPDIR"] = tempfile.tempdir = str(asked.directory)
    connection = asked.directory / CONNECTION_FILE
    # As nbclient would have it: no history on the disk.
    IPKernelApp.launch_instance(argv=["-f", str(connection), "--HistoryManager.hist_file=:memory:"])


def main() -> None:
    """Be the server, and then, in each process that was forked from it, a kernel."""
    # ipykernel ends when that process does.
    os.environ[PARENT] = str(os.getpid())
    # As in every kernel, what lies where we were called can be imported, but with -P not in place
    # of what is installed. Before the imports, as entry points are found for one path.
    sys.path.append("")
    channel = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    gc.disable()
    asked = serve(channel)
    if asked is None:
        # Nothing is left to put down, and to take apart what was imported would take a while.
        os._exit(0)
    channel.close()
    work(asked)


if __name__ == "__main__":
    main()
