"""The progress of a headless run for machines: one line of JSON for each event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from kuryr_runbook.display.terminal import echo_on
from kuryr_runbook.model.visible import json_text

if TYPE_CHECKING:
    from kuryr_runbook.display.tables import View

RESULTS = ("table", "ended")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class JsonProgress:
    """Reports on a stream, normally stderr, what a run is doing."""

    def __init__(
        self, stream: TextIO, clock: Callable[[], str] = _now, *, only_results: bool = False
    ) -> None:
        """With `only_results` there is no event but `table` and `ended`."""
        self._stream = stream
        self._only_results = only_results
        self._clock = clock
        self._phase = ""
        self._step = ""

    def phase(self, name: str, title: str) -> None:
        """A phase begins."""
        self._phase, self._step = name, ""
        self._write("phase", title=title)

    def step(self, title: str) -> None:
        """A step of the phase begins; the same step again is not reported twice."""
        if title and title != self._step:
            self._step = title
            self._write("step")

    def line(self, text: str) -> None:
        """Something that a step printed."""
        self._write("line", text=text)

    def block(self, what: View | str) -> None:
        """A table."""
        self._write("table", text=str(what))

    def phase_ended(self, status: str) -> None:
        """The phase is over."""
        self._write("phase_ended", status=str(status))
        self._phase = self._step = ""

    def ended(self, **how: object) -> None:
        """The run is over, or could not begin."""
        self._write("ended", **how)

    def _write(self, event: str, **what: object) -> None:
        if self._only_results and event not in RESULTS:
            return
        where = {"phase": self._phase, "step": self._step}
        known = {key: value for key, value in where.items() if value}
        document = {"time": self._clock(), "event": event, **known, **what}
        echo_on(self._stream, json_text(document))
