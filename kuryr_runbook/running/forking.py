"""The process that kernels are forked from, as the runner handles it.

Nothing is imported here that takes time, so that the server can start before the runner imports
what it needs itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from kuryr_runbook.running import kernel_server
from kuryr_runbook.running.interrupts import STOPPING

START_SECONDS = 180
"""How long a kernel may take until it is forked, and then until it answers, on a machine that has
much else to do."""
DEATH_SECONDS = 5.0
"""How long a process that was killed may take to be gone, with what the system does for it."""


@dataclass(frozen=True, slots=True)
class Process:
    """The server's, or a kernel's, which is no child of ours: its pidfd tells when it has ended."""

    pid: int
    descriptor: int

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return not self.ends_within(0)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends in that time, or has."""
        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def send_signal(self, number: int) -> None:
        """To the process and all that it started; nothing happens when it has ended."""
        if not self.is_alive():
            return
        with suppress(ProcessLookupError):
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                # It has only begun, and is not yet in a group of its own.
                signal.pidfd_send_signal(self.descriptor, number)


class Forked:
    """A kernel that the server was asked for."""

    def __init__(self, hear: Callable[[Forked], None]) -> None:
        self._hear = hear
        self.process: Process | None = None
        """There once the server has answered."""
        self.error = ""
        """Else why there is none."""

    @property
    def is_answered(self) -> bool:
        """Whether it is known what came of it."""
        return bool(self.process or self.error)

    def answered(self) -> Process | None:
        """The process, or none when there can be none: waits until the server has imported."""
        if not self.is_answered:
            self._hear(self)
        return self.process


class KernelServer:
    """The process that kernels are forked from; it begins to import at once."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._unanswered: list[Forked] = []
        self._was_asked = False
        self._log = TemporaryFile()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(START_SECONDS)
        with theirs:
            pid = os.posix_spawn(
                sys.executable,
                # -P: what lies where we were called is not imported in place of what is installed.
                [sys.executable, "-P", "-m", kernel_server.__name__],
                self._environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, self._log.fileno(), 2),
                ],
                # Ctrl-C is for us, and kernels are told by us.
                setsid=True,
                setsigdef=STOPPING,
            )
        self._process = Process(pid, os.pidfd_open(pid))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()
        # While it imports it hears of nothing; and where none was asked for, there is none to end.
        if not self._was_asked or not self._process.ends_within(DEATH_SECONDS):
            self._process.send_signal(signal.SIGKILL)
        os.waitpid(self._process.pid, 0)
        os.close(self._process.descriptor)
        self._log.close()

    def fork(self, directory: Path, *, secrets: int, lock: Sequence[int]) -> Forked:
        """Ask for a kernel with the connection file in that directory.

        It will have our environment of now, and keep the descriptors open.
        """
        changed = dict(os.environ.items() - self._environment.items())
        message = json.dumps([str(directory), changed]).encode()
        with suppress(BrokenPipeError):
            socket.send_fds(self._channel, [message], [secrets, *lock])
        forked = Forked(self._hear)
        self._unanswered.append(forked)
        self._was_asked = True
        return forked

    def _hear(self, wanted: Forked) -> None:
        """Read what came of it; answers come in the order of the questions."""
        while not wanted.is_answered:
            first = self._unanswered.pop(0)
            try:
                told, descriptors, *_ = socket.recv_fds(
                    self._channel, kernel_server.MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC
                )
            except OSError as error:
                first.error = f"the process that forks kernels does not answer: {error}"
                continue
            if descriptors:
                first.process = Process(int(told), descriptors[0])
            else:
                first.error = told.decode() or f"what forks kernels has ended: {self._said()}"

    def _said(self) -> str:
        """What it said on its stderr."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")
