"""The kernels of a run: the one that works, and the next phase's, which starts meanwhile.

They are forked from a process that has imported what they need, and are ready in moments. From it
they have all that they will have: environment, directory, the lock's descriptor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import AsyncKernelManager

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.running.forking import Forked, KernelServer
from kuryr_runbook.running.kernel_server import CONNECTION_FILE, STDERR
from kuryr_runbook.running.kernelspecs import ThisInterpreter
from kuryr_runbook.running.provisioning import ForkedKernel
from kuryr_runbook.running.secrecy import RunSecrets


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a run hands to the kernel of each phase."""

    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site is locked, even if we are killed."""
    secrets: RunSecrets
    """Where it tells what it learns."""


class Manager(AsyncKernelManager):
    """Ends a kernel that has nothing to put down by killing it, and does not interrupt it first."""

    async def shutdown_kernel(self, *, now: bool = False, restart: bool = False) -> None:  # type: ignore[override]
        """End the kernel, without asking it when it is to be `now`."""
        if now and self.provisioner is not None:
            await self.provisioner.kill()
        await super().shutdown_kernel(now=now, restart=restart)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel, and what it needs of the file system."""

    manager: AsyncKernelManager
    forked: Forked
    private: TemporaryDirectory[str]
    """Directory of its sockets and its files, which nobody else may enter."""

    def said(self) -> str:
        """What it said on its stderr, or why there is none."""
        log = Path(self.private.name, STDERR)
        return log.read_text(errors="replace") if log.exists() else self.forked.error


class Kernels:
    """Starts the kernels of a run; at the end, none is left."""

    def __init__(self, server: KernelServer, inherited: Inheritance) -> None:
        self._inherited = inherited
        self._server = server
        self._kernels: dict[str, Kernel] = {}
        """Those that work or wait, by their phases."""
        # Not nbclient's: where a cell was interrupted, what waited for it lingers in that one.
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for phase in tuple(self._kernels):
            self._end(phase)
        self._loop.close()

    def prepare(self, phase: PhaseEntry) -> None:
        """Start the kernel of a phase that comes next, unless that is done."""
        if phase.name not in self._kernels:
            # Why there can be none is said by the phase, when it wants it.
            with suppress(OSError):
                self._start(phase.name)

    @contextmanager
    def taken(self, phase: PhaseEntry, log: Path) -> Iterator[AsyncKernelManager]:
        """The kernel of a phase that begins: that which waits for it, else a new one.

        What it said on its stderr, if anything, is in `log` then.
        """
        waiting = self._kernels.get(phase.name)
        if waiting is not None and not self._done(waiting.manager.is_alive()):
            self._end(phase.name)
        if phase.name not in self._kernels:
            self._start(phase.name)
        try:
            yield self._kernels[phase.name].manager
        finally:
            if said := self._end(phase.name):
                write_file(log, self._inherited.secrets.redacted(said), failure=RecordError)

    def _start(self, phase: str) -> None:
        private = TemporaryDirectory(prefix="kuryr-runbook-", ignore_cleanup_errors=True)
        manager = Manager(
            kernel_spec_manager=ThisInterpreter(),
            # Not TCP: on a shared machine other users could listen in, or talk to the kernel.
            transport="ipc",
            connection_file=str(Path(private.name, CONNECTION_FILE)),
        )
        manager.write_connection_file()
        forked = self._server.fork(
            Path(private.name),
            secrets=self._inherited.secrets.descriptor,
            lock=self._inherited.lock,
        )
        manager.provisioner = ForkedKernel(forked, parent=manager)
        self._kernels[phase] = Kernel(manager, forked, private)
        try:
            self._done(manager.start_kernel())
        except BaseException:
            self._end(phase)
            raise

    def _done(self, doing: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await doing

        return self._loop.run(wait())

    def _end(self, phase: str) -> str:
        """Kill the process, if nobody has ended it; gives what it said on its stderr."""
        kernel = self._kernels.pop(phase)
        if kernel.manager.has_kernel:
            self._done(kernel.manager.shutdown_kernel(now=True))
        with kernel.private:
            return kernel.said()
