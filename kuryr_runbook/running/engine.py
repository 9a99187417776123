"""papermill with an engine of ours: this interpreter's kernel, live output, an own account.

papermill marks cells as completed that never ran (after a killed kernel, a timeout or Ctrl-C),
so each cell's fate is told to a watcher here, where the cell is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TextIO

from jupyter_client.manager import AsyncKernelManager
from nbformat import from_dict
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from kuryr_runbook.running.kernels import ThisInterpreter
from kuryr_runbook.running.notebooks import cell_key
from kuryr_runbook.running.secrecy import RunSecrets

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


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a run hands to the kernel of each phase."""

    lock: tuple[int, ...]
    """Descriptors that it keeps open: while it lives the site is locked, even if we are killed."""
    secrets: RunSecrets
    """What is taken out of all that cells print or display."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a kernel process needs of the file system."""

    private: Path
    """Directory of its sockets, which nobody else may enter."""
    log: TextIO
    """Where its stderr goes."""
    inherited: Inheritance


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Executes the cells of one notebook and tells the watcher."""

    def __init__(
        self, nb_man: Any, *, watcher: Watcher, workshop: Workshop, **settings: Any
    ) -> None:
        super().__init__(nb_man, **settings)
        self._watcher = watcher
        self._workshop = workshop
        self._secrets = workshop.inherited.secrets
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
        inherited = self._workshop.inherited
        return super().execute(
            stderr=self._workshop.log,
            pass_fds=(*inherited.lock, inherited.secrets.descriptor),
            env=inherited.secrets.environment,
            **kwargs,
        )

    def execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        """Run one cell, and give account of it."""
        if cell.cell_type != "code":
            return super().execute_cell(cell, cell_index, *args, **kwargs)
        key = cell_key(cell)
        self._watcher.cell_started(key)
        try:
            result = super().execute_cell(cell, cell_index, *args, **kwargs)
        except BaseException:
            self._close(cell)
            self._watcher.cell_failed(key)
            raise
        self._close(cell)
        self._watcher.cell_ran(key)
        return result

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Take one message of the kernel; what was printed or displayed goes to the watcher."""
        content = self._secrets.redacted(msg["content"])
        match msg["msg_type"]:
            case "stream" if content["name"] == "stdout":
                *lines, self._line = (self._line + content["text"]).split("\n")
                for line in lines:
                    self._print(line)
            case "execute_result" | "display_data" if "text/plain" in content["data"]:
                self._watcher.displayed(content["data"]["text/plain"])
        return super().process_message({**msg, "content": content}, cell, cell_index)

    def _print(self, line: str) -> None:
        self._watcher.printed(self._secrets.redacted(line))

    def _close(self, cell: Any) -> None:
        """End the last line, and look at the outputs once more, as a whole.

        The kernel sends what a cell prints in pieces, and a secret may begin in one of them and end
        in the next.
        """
        if self._line:
            self._print(self._line)
        self._line = ""
        cell.outputs = from_dict(self._secrets.redacted(joined_streams(cell.outputs)))  # type: ignore[no-untyped-call]


def joined_streams(outputs: list[Any]) -> list[Any]:
    """The outputs, with each run of pieces of one stream as one output."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            joined.append(output)
    return joined


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
    inherited: Inheritance,
    cell_seconds: int,
) -> None:
    """Execute a notebook into `target`; beside it, what the kernel process wrote to its stderr.

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
            workshop=Workshop(Path(private), log, inherited),
            cell_seconds=cell_seconds,
        )
