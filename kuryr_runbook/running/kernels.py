"""The kernels of a run: the one that works, and the next phase's, which starts meanwhile.

A kernel takes a second or two to start and to import what its phase needs. On its way it has all
that it will have: environment, directory, the lock's descriptor. It ends by itself when this
process dies, as ipykernel's do.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.running.interrupts import postponed
from kuryr_runbook.running.kernelspecs import ThisInterpreter
from kuryr_runbook.running.secrecy import RunSecrets

DEATH_SECONDS = 5.0
"""How long a process that was killed may take to be gone; then jupyter_client goes on waiting."""
PRELOADING = "from kuryr_runbook.running.preloading import preload; preload({!r}); del preload"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a run hands to the kernel of each phase."""

    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site is locked, even if we are killed."""
    secrets: RunSecrets
    """Where it tells what it learns."""


class Manager(AsyncKernelManager):
    """Knows at once that a kernel which it killed is dead: jupyter_client looks every 0.1 s."""

    async def shutdown_kernel(self, *, now: bool = False, restart: bool = False) -> None:  # type: ignore[override]
        """End the kernel, without asking it when it is to be `now`."""
        provisioner = self.provisioner
        if now and isinstance(provisioner, LocalProvisioner) and provisioner.process is not None:
            await provisioner.kill()
            with suppress(ProcessLookupError):
                wait_for_death(provisioner.process.pid)
        await super().shutdown_kernel(now=now, restart=restart)


def wait_for_death(pid: int) -> None:
    """Wait for a process that was killed, for as long as the kernel of the system may take.

    Raises ProcessLookupError when there is none.
    """
    process = os.pidfd_open(pid)
    try:
        select.select([process], [], [], DEATH_SECONDS)
    finally:
        os.close(process)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel process, and what it needs of the file system."""

    manager: AsyncKernelManager
    private: TemporaryDirectory[str]
    """Directory of its sockets, which nobody else may enter."""
    log: IO[bytes]
    """Where its stderr goes: a file without a name."""


class Kernels:
    """Starts the kernels of a run; at the end, none is left."""

    def __init__(self, inherited: Inheritance) -> None:
        self._inherited = inherited
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
                log.write_text(self._inherited.secrets.redacted(said))

    def _start(self, phase: str) -> None:
        # Interrupted halfway, a process would be left of which nobody knows.
        with postponed():
            private = TemporaryDirectory(prefix="kuryr-runbook-", ignore_cleanup_errors=True)
            manager = Manager(
                kernel_name="python3",
                kernel_spec_manager=ThisInterpreter(),
                # Not TCP: on a shared machine other users could listen in, or talk to the kernel.
                transport="ipc",
                connection_file=os.path.join(private.name, "kernel.json"),
            )
            kernel = self._kernels[phase] = Kernel(manager, private, TemporaryFile())
            secrets = self._inherited.secrets
            try:
                self._done(
                    manager.start_kernel(
                        extra_arguments=[
                            f"--IPKernelApp.exec_lines={[PRELOADING.format(phase)]}",
                            # As nbclient would have it: no history on the disk.
                            "--HistoryManager.hist_file=:memory:",
                        ],
                        stderr=kernel.log,
                        pass_fds=(*self._inherited.lock, secrets.descriptor),
                        # It is killed in the end, and could not remove what it wrote: the
                        # client of Kubernetes leaves its key in a temporary file.
                        env={**secrets.environment, "TMPDIR": private.name},
                    )
                )
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
        kernel.private.cleanup()
        with kernel.log as log:
            log.seek(0)
            return log.read().decode(errors="replace")
