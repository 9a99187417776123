"""The kernels of a run: the working one, and the next phase's, which starts meanwhile.

A kernel takes a second or two to start and to import what its phase needs. It gets its environment,
its directory and the lock's descriptor when it starts. It exits when this process dies, as all of
ipykernel's do.
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
from kuryr_runbook.display.verbosity import inherited
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.visible import visible
from kuryr_runbook.phases.catalogue import PhaseEntry
from kuryr_runbook.running import kernel_start
from kuryr_runbook.running.interrupts import postponed
from kuryr_runbook.running.secrecy import RunSecrets

FIRST_LINE = f'__import__("{kernel_start.__name__}", fromlist=["*"]).begin("{{}}")'
"""What a kernel executes first; it defines no names."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What each phase's kernel inherits from the run."""

    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site stays locked, even if we die."""
    secrets: RunSecrets
    """To which it reports the secrets that it reads or makes."""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs us, whatever the machine has registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The same kernel for every name."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    def find_kernel_specs(self) -> dict[str, str]:
        """The kernels that JupyterLab offers."""
        return {NATIVE_KERNEL_NAME: RESOURCES}


class Manager(AsyncKernelManager):
    """Kills a kernel that has to end immediately, without interrupting it first."""

    async def shutdown_kernel(self, *, now: bool = False, restart: bool = False) -> None:  # type: ignore[override]
        """End the kernel, if `now` without asking it."""
        if now and self.provisioner is not None:
            await self.provisioner.kill()
        await super().shutdown_kernel(now=now, restart=restart)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel process with its files."""

    manager: AsyncKernelManager
    private: TemporaryDirectory[str]
    """The directory of its sockets and temporary files, accessible to nobody else."""
    stderr: IO[bytes]
    """An unnamed file."""


class Kernels:
    """Starts the kernels of a run, and leaves none running at the end."""

    def __init__(self, inherited: Inheritance) -> None:
        self._inherited = inherited
        self._kernels: dict[str, Kernel] = {}
        """The working and waiting kernels, by phase."""
        # Not nbclient's loop: after an interrupted cell, tasks that waited for it linger there.
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
        """Start the kernel of the next phase, unless it has been started."""
        if phase.name not in self._kernels:
            # If that fails, the phase reports why when it needs the kernel.
            with suppress(OSError):
                self._start(phase.name)

    @contextmanager
    def taken(self, phase: PhaseEntry, log: Path) -> Iterator[AsyncKernelManager]:
        """The kernel for a phase: the one that was prepared, or a new one.

        Afterwards `log` contains what it wrote to its stderr, if anything.
        """
        waiting = self._kernels.get(phase.name)
        if waiting is not None and not self._done(waiting.manager.is_alive()):
            self._end(phase.name)
        if phase.name not in self._kernels:
            self._start(phase.name)
        try:
            yield self._kernels[phase.name].manager
        finally:
            if output := self._end(phase.name):
                text = visible(self._inherited.secrets.redacted(output))
                write_file(log, text, failure=RecordError)

    def _start(self, phase: str) -> None:
        # ipykernel sends on what a cell's child processes print, like Python's own output, but also
        # writes it to the original stdout: secrets in it would reach the terminal unredacted.
        # Signals are postponed: interrupted halfway, this would leave an unknown process behind.
        with postponed(), open(os.devnull, "wb") as nowhere:
            private = TemporaryDirectory(prefix="kuryr-runbook-", ignore_cleanup_errors=True)
            manager = Manager(
                kernel_spec_manager=ThisInterpreter(),
                # Not TCP: other users of a shared machine could listen in, or use the kernel.
                transport="ipc",
                connection_file=str(Path(private.name, "kernel.json")),
            )
            kernel = self._kernels[phase] = Kernel(manager, private, TemporaryFile())
            try:
                arguments = self._arguments(phase, kernel)
                self._done(manager.start_kernel(stdout=nowhere, **arguments))
            except BaseException:
                self._end(phase)
                raise

    def _arguments(self, phase: str, kernel: Kernel) -> dict[str, Any]:
        """The arguments for jupyter_client to start the kernel with."""
        descriptor = self._inherited.secrets.descriptor
        return {
            "extra_arguments": [
                f"--IPKernelApp.exec_lines={[FIRST_LINE.format(phase)]}",
                # As nbclient does: no history on disk.
                "--HistoryManager.hist_file=:memory:",
            ],
            "stderr": kernel.stderr,
            "pass_fds": (*self._inherited.lock, descriptor),
            "env": {
                **os.environ,
                **inherited(),
                secrets.VARIABLE: str(descriptor),
                # It gets killed in the end, and cannot remove what it wrote: the Kubernetes
                # client leaves its key in a temporary file.
                "TMPDIR": kernel.private.name,
            },
        }

    def _done(self, doing: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await doing

        return self._loop.run(wait())

    def _end(self, phase: str) -> str:
        """Kill the process if it is still running; return what it wrote to its stderr."""
        kernel = self._kernels.pop(phase)
        if kernel.manager.has_kernel:
            self._done(kernel.manager.shutdown_kernel(now=True))
        kernel.private.cleanup()
        with kernel.stderr as stderr:
            stderr.seek(0)
            return stderr.read().decode(errors="replace")
