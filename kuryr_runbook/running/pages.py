"""Makes the HTML of executed notebooks while a long cell of the next phase is running."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Timer, get_native_id

from kuryr_runbook.recording.html import export_html
from kuryr_runbook.recording.pages.frame import Around

WAITING_SECONDS = 1.0
"""A cell that has run for longer than this is usually waiting, and will wait for as long as a page
takes. A plan without changes ends before that, and would have to share its processors."""
NICE = 19
"""Niceness of the thread that makes pages, so that it only uses spare processor time. Without it, a
plan without changes took 1.4 times as long on two processors."""


class Pages:
    """Makes pages one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, initializer=_yield)
        self._wanted: list[tuple[Path, Around]] = []
        self._begun: list[Future[Path]] = []
        self._lock = Lock()
        self._timer = Timer(0, self._begin)

    def want(self, notebook: Path, around: Around) -> None:
        """Request the page of a notebook that will not change any more."""
        self._wanted.append((notebook, around))

    def cell_started(self) -> None:
        """Make the requested pages if the cell takes long enough."""
        self._timer = Timer(WAITING_SECONDS, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def cell_ended(self) -> None:
        """Start no more pages, since the next cells may be short."""
        self._timer.cancel()

    def _begin(self) -> None:
        with self._lock:
            while self._wanted:
                self._begun.append(self._thread.submit(export_html, *self._wanted.pop(0)))

    def finish(self) -> None:
        """Make all requested pages. Raises RecordError when one cannot be written."""
        self._timer.cancel()
        self._begin()
        self._thread.shutdown()
        for page in self._begun:
            page.result()


def _yield() -> None:
    # On Linux, each thread has its own niceness.
    os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
