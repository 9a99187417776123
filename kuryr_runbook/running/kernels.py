"""The kernels of a run: the one that works, and the next phase's, which starts meanwhile.

A kernel takes a second or two to start and to import what its phase needs. It begins with all that
it will have: environment, directory, the lock's descriptor. It ends by itself when this process
dies, as ipykernel's do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from kuryr_runbook.clients import secrets
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.visible import visible
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.running import kernel_start
from kuryr_runbook.running.interrupts import postponed
from kuryr_runbook.running.secrecy import RunSecrets

FIRST_LINE = f'__import__("{kernel_start.__name__}", fromlist=["*"]).begin("{{}}")'
"""What a kernel executes before anything else; it leaves no name behind."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a run hands to the kernel of each phase."""

    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site is locked, even if we are killed."""
    secrets: RunSecrets
    """Where it reports what it learns."""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs us, whatever the machine has registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The same for every name."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    def find_kernel_specs(self) -> dict[str, str]:
        """What JupyterLab offers."""
        return {NATIVE_KERNEL_NAME: RESOURCES}


class Manager(AsyncKernelManager):
    """Kills a kernel that is to end now, and does not interrupt it first."""

    async def shutdown_kernel(self, *, now: bool = False, restart: bool = False) -> None:  # type: ignore[override]
        """End the kernel; when it is to end `now`, without asking it."""
        if now and self.provisioner is not None:
            await self.provisioner.kill()
        await super().shutdown_kernel(now=now, restart=restart)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel process, and what it needs of the file system."""

    manager: AsyncKernelManager
    private: TemporaryDirectory[str]
    """Directory of its sockets and temporary files, which nobody else may enter."""
    stderr: IO[bytes]
    """A file without a name."""


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
            # Why there can be none is reported by the phase, when it wants it.
            with suppress(OSError):
                self._start(phase.name)

    @contextmanager
    def taken(self, phase: PhaseEntry, log: Path) -> Iterator[AsyncKernelManager]:
        """The kernel of a phase that begins: the one that waits for it, else a new one.

        Afterwards `log` holds what it wrote to its stderr, if anything.
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
                text = visible(self._inherited.secrets.redacted(said))
                write_file(log, text, failure=RecordError)

    def _start(self, phase: str) -> None:
        # What a cell's child prints ipykernel sends on like Python's own output, and also writes it
        # where stdout led before: on the terminal nobody would have taken a secret out of it.
        # Postponed: interrupted halfway, a process would be left that nobody knows of.
        with postponed(), open(os.devnull, "wb") as nowhere:
            private = TemporaryDirectory(prefix="kuryr-runbook-", ignore_cleanup_errors=True)
            manager = Manager(
                kernel_spec_manager=ThisInterpreter(),
                # Not TCP: on a shared machine other users could listen in, or talk to the kernel.
                transport="ipc",
                connection_file=str(Path(private.name, "kernel.json")),
            )
            kernel = self._kernels[phase] = Kernel(manager, private, TemporaryFile())
            try:
                wishes = self._wishes(phase, kernel)
                self._done(manager.start_kernel(stdout=nowhere, **wishes))
            except BaseException:
                self._end(phase)
                raise

    def _wishes(self, phase: str, kernel: Kernel) -> dict[str, Any]:
        """The arguments with which jupyter_client starts the kernel."""
        descriptor = self._inherited.secrets.descriptor
        return {
            "extra_arguments": [
                f"--IPKernelApp.exec_lines={[FIRST_LINE.format(phase)]}",
                # As nbclient would have it: no history on the disk.
                "--HistoryManager.hist_file=:memory:",
            ],
            "stderr": kernel.stderr,
            "pass_fds": (*self._inherited.lock, descriptor),
            "env": {
                **os.environ,
                secrets.VARIABLE: str(descriptor),
                # It is killed in the end, and could not remove what it wrote: the client of
                # Kubernetes leaves its key in a temporary file.
                "TMPDIR": kernel.private.name,
            },
        }

    def _done(self, doing: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await doing

        return self._loop.run(wait())

    def _end(self, phase: str) -> str:
        """Kill the process, if nobody has ended it; return what it wrote to its stderr."""
        kernel = self._kernels.pop(phase)
        if kernel.manager.has_kernel:
            self._done(kernel.manager.shutdown_kernel(now=True))
        kernel.private.cleanup()
        with kernel.stderr as stderr:
            stderr.seek(0)
            return stderr.read().decode(errors="replace")
