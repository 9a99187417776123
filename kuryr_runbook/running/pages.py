"""The HTML of executed notebooks, made while a cell of the next phase takes its time."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock, Timer, get_native_id

from kuryr_runbook.recording.html import export_html

WAITING_SECONDS = 1.0
"""A cell that has run for longer waits for somebody, as a rule: for as long as a page takes, too.
A plan that finds nothing to do ends before that, and would share its processors with the page."""
NICE = 19
"""Of the thread that makes pages, which is to use what processors have left. With no less than
others it made a plan that finds nothing to do take 1.4 times as long, on two processors."""


class Pages:
    """Makes pages one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, initializer=_yield)
        self._wanted: list[Path] = []
        self._begun: list[Future[Path]] = []
        self._lock = Lock()
        self._timer = Timer(0, self._begin)

    def want(self, notebook: Path) -> None:
        """Have a page made of a notebook, which stays as it is from now on."""
        self._wanted.append(notebook)

    def cell_started(self) -> None:
        """Begin with the pages that are wanted, if the cell takes long enough for them."""
        self._timer = Timer(WAITING_SECONDS, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def cell_ended(self) -> None:
        """The next cells may be short: a page that is being made is, and no other."""
        self._timer.cancel()

    def _begin(self) -> None:
        with self._lock:
            while self._wanted:
                self._begun.append(self._thread.submit(export_html, self._wanted.pop(0)))

    def finish(self) -> None:
        """Make all that are wanted. Raises RecordError when a page could not be written."""
        self._timer.cancel()
        self._begin()
        self._thread.shutdown()
        for page in self._begun:
            page.result()


def _yield() -> None:
    # Of Linux' threads each has a niceness of its own.
    os.setpriority(os.PRIO_PROCESS, get_native_id(), NICE)
