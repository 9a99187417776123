"""The HTML of executed notebooks, made while a cell of the next phase runs."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.html import export_html


class Pages:
    """Makes pages one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._wanted: list[Path] = []
        self._begun: list[Future[Path]] = []

    def want(self, notebook: Path) -> None:
        """Have a page made of a notebook, which stays as it is from now on."""
        self._wanted.append(notebook)

    def begin(self) -> None:
        """Begin with the pages that are wanted: there is time for them now."""
        while self._wanted:
            self._begun.append(self._thread.submit(export_html, self._wanted.pop(0)))

    def finish(self) -> None:
        """Make all that are wanted. Raises RecordError when a page could not be written."""
        self.begin()
        self._thread.shutdown()
        for page in self._begun:
            try:
                page.result()
            except OSError as error:
                raise RecordError(
                    f"{error.filename} cannot be written: {error.strerror}",
                    remedy="make room, or choose another place with --run-dir",
                ) from error
