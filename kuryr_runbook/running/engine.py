"""papermill with an engine of ours: this interpreter's kernel, live output, an own account.

papermill marks cells as completed that never ran (after a killed kernel, a timeout or Ctrl-C),
so each cell's fate is told to a watcher here, where the cell is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TextIO

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from kuryr_runbook.running.notebooks import cell_key

ENGINE = "kuryr-runbook"


class Watcher(Protocol):
    """Who is told what becomes of the cells."""

    def cell_started(self, key: str) -> None:
        """A code cell is about to run."""

    def cell_ran(self, key: str) -> None:
        """It ended, without an error."""

    def cell_failed(self, key: str) -> None:
        """It raised, or its kernel died, or it was stopped."""

    def printed(self, text: str) -> None:
        """Whole lines that the cell printed, while it runs."""

    def displayed(self, text: str) -> None:
        """The text form of something that the cell displayed."""


class ThisInterpreter(KernelSpecManager):
    """Knows one kernel: the Python that runs us, whatever kernels the machine has registered."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The same for every name."""
        return KernelSpec(**get_kernel_dict())


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a kernel process needs of the file system."""

    private: Path
    """Directory of its sockets, which nobody else may enter."""
    log: TextIO
    """Where its stderr goes."""
    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site is locked, even if we are killed."""


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Executes the cells of one notebook and tells the watcher."""

    def __init__(
        self, nb_man: Any, *, watcher: Watcher, workshop: Workshop, **settings: Any
    ) -> None:
        super().__init__(nb_man, **settings)
        self._watcher = watcher
        self._workshop = workshop
        self._line = ""

    def create_kernel_manager(self) -> AsyncKernelManager:
        """A kernel of this interpreter."""
        self.km = AsyncKernelManager(
            kernel_name=self.kernel_name,
            kernel_spec_manager=ThisInterpreter(),
            # Not TCP: on a shared machine other users could listen in, or talk to the kernel.
            transport="ipc",
            connection_file=str(self._workshop.private / "kernel.json"),
        )
        return self.km

    def execute(self, **kwargs: Any) -> Any:
        """Run all cells; the kernel's own messages go to its log, not to the terminal."""
        workshop = self._workshop
        return super().execute(stderr=workshop.log, pass_fds=workshop.lock, **kwargs)

    def execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        """Run one cell, and give account of it."""
        if cell.cell_type != "code":
            return super().execute_cell(cell, cell_index, *args, **kwargs)
        key = cell_key(cell)
        self._watcher.cell_started(key)
        try:
            result = super().execute_cell(cell, cell_index, *args, **kwargs)
        except BaseException:
            self._flush()
            self._watcher.cell_failed(key)
            raise
        self._flush()
        self._watcher.cell_ran(key)
        return result

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Take one message of the kernel; what was printed or displayed goes to the watcher."""
        content = msg["content"]
        match msg["msg_type"]:
            case "stream" if content["name"] == "stdout":
                *lines, self._line = (self._line + content["text"]).split("\n")
                for line in lines:
                    self._watcher.printed(line)
            case "execute_result" | "display_data" if "text/plain" in content["data"]:
                self._watcher.displayed(content["data"]["text/plain"])
        return super().process_message(msg, cell, cell_index)

    def _flush(self) -> None:
        if self._line:
            self._watcher.printed(self._line)
        self._line = ""


class Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine with our client."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
        """Called by papermill; `settings` are the engine's arguments of `execute`."""
        return Client(
            nb_man,
            watcher=settings["watcher"],
            workshop=settings["workshop"],
            kernel_name=kernel_name,
            timeout=settings["cell_seconds"],
            startup_timeout=settings["start_timeout"],
        ).execute()


def execute(
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    *,
    watcher: Watcher,
    lock: tuple[int, ...],
    cell_seconds: int,
) -> None:
    """Execute a notebook into `target`; beside it, what the kernel process wrote to its stderr.

    `lock`: descriptors of the site's lock, for the kernel to keep open.

    Raises what papermill and nbclient raise: PapermillExecutionError, DeadKernelError,
    CellTimeoutError.
    """
    import papermill

    papermill_engines.register(ENGINE, Engine)
    log_path = target.with_suffix(".kernel.log")
    with (
        log_path.open("w") as log,
        TemporaryDirectory(prefix="kuryr-runbook-", ignore_cleanup_errors=True) as private,
    ):
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            engine_name=ENGINE,
            progress_bar=False,
            watcher=watcher,
            workshop=Workshop(Path(private), log, lock),
            cell_seconds=cell_seconds,
        )
