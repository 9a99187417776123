"""papermill with our own engine: a kernel that was started before, and live output.

papermill marks cells as completed that never ran (after a killed kernel, a timeout or Ctrl-C),
so what happens to each cell is reported to a watcher from here, where the cell is executed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode, from_dict
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.iorw import papermill_io, write_ipynb

from kuryr_runbook.clients.files import MOST_OF_RUN, read_text
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.verbosity import is_verbose
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.visible import visible
from kuryr_runbook.running.notebooks import LANGUAGE, cell_key
from kuryr_runbook.running.secrecy import RunSecrets

ENGINE = "kuryr-runbook"
START_SECONDS = 180
"""How long a kernel may take until it answers, on a busy machine."""
SAVE_AFTER_SECONDS = 0.3
"""The notebook is only written during and after cells that take longer than this; for short cells,
writing would take longer than they do."""
SAVE_AGAIN_SECONDS = 30.0
"""How often the notebook is written while a cell runs, the same as papermill."""
SILENT_SHOWN_SECONDS = 15.0
SILENT_SECONDS = 120.0
"""How long a kernel's heartbeat may be absent. A busy kernel has one, too; if it is missing, the
kernel was stopped by a signal, or is swapped out to a disk that does not answer."""
LISTEN_SECONDS = 0.5
ASK_AGAIN_SECONDS = 1.0
"""When to ask a starting kernel again: it answers late, and a request may be lost."""


class SilentKernelError(DeadKernelError):
    """The kernel was ended, since it had no heartbeat for too long."""


class Watcher(Protocol):
    """Is notified of what happens to the cells."""

    def cell_started(self, key: str) -> None:
        """A code cell is about to run."""

    def cell_ran(self, key: str) -> None:
        """It ended without an error."""

    def cell_failed(self, key: str) -> None:
        """It raised an error, its kernel died, or it was interrupted."""

    def printed(self, text: str) -> None:
        """Whole lines that the cell printed, while it runs."""

    def displayed(self, forms: Mapping[str, Any]) -> None:
        """The forms of something that the cell displayed, by their types; one is plain text."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a notebook is executed with."""

    kernel: AsyncKernelManager
    """Was started for this notebook, and ends with it."""
    watcher: Watcher
    secrets: RunSecrets
    """These are removed from everything that cells print or display."""
    cell_seconds: int
    """How long a cell may take."""


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Executes the cells of one notebook, and notifies the watcher."""

    def __init__(self, nb_man: Any, workshop: Workshop, **settings: Any) -> None:
        super().__init__(nb_man, **settings)
        self._target = nb_man.output_path
        self._kernel = workshop.kernel
        self._watcher = workshop.watcher
        self._secrets = workshop.secrets
        self._line = ""
        self._is_silent = False

    def create_kernel_manager(self) -> AsyncKernelManager:
        """The kernel that was started for this notebook; nbclient ends it like one of its own."""
        self.km = self._kernel
        return self.km

    def papermill_execute_cells(self) -> None:
        """Run all cells; after that the kernel has nothing left to finish, and may be killed.

        papermill would write the notebook before and after each cell, even those with prose. If
        all cells are short, that would take longer than anything else, so we write it only during
        and after long ones.
        """
        self.nb_man.output_path = None
        try:
            super().papermill_execute_cells()
        finally:
            self.nb_man.output_path = self._target
        self.shutdown_kernel = "immediate"

    async def async_execute_cell(
        self, cell: Any, cell_index: int, *args: Any, **kwargs: Any
    ) -> Any:
        """Run one cell, and write the notebook meanwhile if it takes long."""
        beside = [
            asyncio.create_task(self._save_beside(cell)),
            asyncio.create_task(self._listen_beside()),
        ]
        try:
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        except DeadKernelError as error:
            if self._is_silent:
                raise SilentKernelError(str(error)) from error
            raise
        finally:
            for task in beside:
                task.cancel()

    _execute_cell = run_sync(async_execute_cell)

    async def _save_beside(self, cell: Any) -> None:
        await asyncio.sleep(SAVE_AFTER_SECONDS)
        while True:
            outputs = self._redacted(deepcopy(cell.outputs))
            so_far = NotebookNode({**cell, "outputs": outputs})  # type: ignore[no-untyped-call]
            self._save([so_far if each is cell else each for each in self.nb.cells])
            await asyncio.sleep(SAVE_AGAIN_SECONDS)

    async def _listen_beside(self) -> None:
        """End a kernel without a heartbeat; nbclient only checks whether its process exists."""
        beat, shown = time.monotonic(), False
        while True:
            await asyncio.sleep(LISTEN_SECONDS)
            if self.kc.hb_channel.is_beating():
                beat, shown = time.monotonic(), False
                continue
            silent = time.monotonic() - beat
            if silent > SILENT_SHOWN_SECONDS and not shown:
                shown = True
                self._watcher.printed(
                    f"the kernel has not answered for {silent:.0f} s: was it stopped? It will be "
                    f"ended after {SILENT_SECONDS:.0f} s"
                )
            if silent > SILENT_SECONDS:
                self._is_silent = True
                await self.km.shutdown_kernel(now=True)
                return

    def _save(self, cells: list[Any]) -> None:
        whole = NotebookNode({**self.nb, "cells": cells})  # type: ignore[no-untyped-call]
        write_ipynb(whole, self._target)

    async def async_start_new_kernel_client(self) -> Any:
        """A connection to the kernel, as soon as it answers and its messages arrive.

        jupyter_client itself would also wait until the kernel has been silent for a while. Raises
        DeadKernelError when the kernel dies, or does not answer in time.
        """
        self.kc = self.km.client()
        self.kc.allow_stdin = False
        self.kc.start_channels()
        end = time.monotonic() + self.startup_timeout
        while not await self._is_heard():
            if not await self.km.is_alive() or time.monotonic() > end:
                self.kc.stop_channels()
                raise DeadKernelError("the kernel did not answer")
        return self.kc

    start_new_kernel_client = run_sync(async_start_new_kernel_client)

    async def _is_heard(self) -> bool:
        """Whether the kernel answers a request, and its status messages arrive as well.

        What it publishes before we are subscribed is lost.
        """
        self.kc.kernel_info()
        try:
            await self.kc.get_shell_msg(timeout=ASK_AGAIN_SECONDS)
            await self.kc.get_iopub_msg(timeout=ASK_AGAIN_SECONDS)
        except Empty:
            return False
        return True

    def execute_cell(self, cell: Any, cell_index: int, *args: Any, **kwargs: Any) -> Any:
        """Run one cell, and report what happens to it."""
        if cell.cell_type != "code":
            return self._execute_cell(cell, cell_index, *args, **kwargs)
        key = cell_key(cell)
        self._watcher.cell_started(key)
        began = time.monotonic()
        try:
            result = self._execute_cell(cell, cell_index, *args, **kwargs)
        except BaseException:
            _abandon_tasks()
            self._close(cell)
            self._watcher.cell_failed(key)
            raise
        self._close(cell)
        if time.monotonic() - began > SAVE_AFTER_SECONDS:
            self._save(self.nb.cells)
        self._watcher.cell_ran(key)
        return result

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Process a message from the kernel; the watcher gets what was printed or displayed."""
        content = shown(msg["msg_type"], self._secrets.redacted(msg["content"]))
        match msg["msg_type"]:
            # Libraries' warnings are only in the notebook, unless everything is wanted.
            case "stream" if content["name"] == "stdout" or is_verbose():
                *lines, self._line = (self._line + content["text"]).split("\n")
                for line in lines:
                    self._print(line)
            case "execute_result" | "display_data" if "text/plain" in content["data"]:
                self._watcher.displayed(content["data"])
        return super().process_message({**msg, "content": content}, cell, cell_index)

    def _print(self, line: str) -> None:
        self._watcher.printed(self._secrets.redacted(line))

    def _close(self, cell: Any) -> None:
        """Complete the last line, and redact the outputs again as a whole.

        The kernel sends a cell's output in pieces, and a secret may be split between two of them.
        """
        if self._line:
            self._print(self._line)
        self._line = ""
        cell.outputs = self._redacted(cell.outputs)

    def _redacted(self, outputs: list[Any]) -> Any:
        return from_dict(self._secrets.redacted(joined_streams(outputs)))  # type: ignore[no-untyped-call]


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SHOWN = ("stream", "error", "display_data", "execute_result", "update_display_data")
"""The types of messages that become a notebook's outputs."""


def shown(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """The content of a message with all texts of its outputs made visible.

    Cells' output and errors quote text from outside, which must not be able to hide anything or
    control a terminal wherever it is shown. Data for machines is not changed.
    """
    if kind not in SHOWN:
        return content
    texts = {
        name: visible(_COLOURS.sub("", content[name]))
        for name in ("text", "ename", "evalue")
        if isinstance(content.get(name), str)
    }
    lines = [visible(_COLOURS.sub("", line)) for line in content.get("traceback", ())]
    data = {
        name: visible(value) if isinstance(value, str) else value
        for name, value in content.get("data", {}).items()
    }
    more = ({"traceback": lines} if lines else {}) | ({"data": data} if data else {})
    return {**content, **texts, **more}


def _abandon_tasks() -> None:
    """Ctrl-C leaves tasks in nbclient's loop that fail with the kernel: silence their errors."""

    def take_note(task: asyncio.Task[Any]) -> None:
        if not task.cancelled():
            task.exception()

    for task in asyncio.all_tasks(ensure_event_loop()):
        task.add_done_callback(take_note)


def joined_streams(outputs: list[Any]) -> list[Any]:
    """The outputs, with consecutive pieces of the same stream joined."""
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
        workshop: Workshop = settings["workshop"]
        return Client(
            nb_man,
            workshop,
            kernel_name=kernel_name,
            timeout=workshop.cell_seconds,
            startup_timeout=settings["start_timeout"],
        ).execute()


class Notebooks:
    """papermill's handler for local files: written as a whole, and never through a link."""

    def read(self, path: str) -> str:
        """The text of a notebook."""
        return read_text(Path(path), "notebook", most=MOST_OF_RUN)

    def write(self, text: str, path: str) -> None:
        """Write a notebook of a run. Raises RecordError."""
        write_file(Path(path), text, failure=RecordError)

    def listdir(self, path: str) -> list[str]:
        """Not used."""
        raise NotImplementedError(path)

    def pretty_path(self, path: str) -> str:
        """The path unchanged."""
        return path


def execute(source: Path, target: Path, parameters: dict[str, Any], workshop: Workshop) -> None:
    """Execute a notebook into `target`.

    Raises what papermill and nbclient raise: PapermillExecutionError, DeadKernelError,
    CellTimeoutError; RecordError when it cannot be written.
    """
    import papermill

    papermill_engines.register(ENGINE, Engine)
    papermill_io.register("/", Notebooks())
    papermill.execute_notebook(
        source.absolute(),
        target,
        parameters=parameters,
        engine_name=ENGINE,
        # Always the kernel of this interpreter, whatever kernel the notebook names.
        kernel_name="python3",
        language=LANGUAGE,
        progress_bar=False,
        start_timeout=START_SECONDS,
        workshop=workshop,
    )
