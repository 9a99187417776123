"""The HTML of executed notebooks, made while the next phase runs."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.html import export_html


class Pages:
    """Makes pages one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._begun: list[Future[Path]] = []

    def export(self, notebook: Path) -> None:
        """Begin with the page of a notebook, which stays as it is from now on."""
        self._begun.append(self._thread.submit(export_html, notebook))

    def finish(self) -> None:
        """Wait for all that was begun. Raises RecordError when a page could not be written."""
        self._thread.shutdown()
        for page in self._begun:
            try:
                page.result()
            except OSError as error:
                raise RecordError(
                    f"{error.filename} cannot be written: {error.strerror}",
                    remedy="make room, or choose another place with --run-dir",
                ) from error
