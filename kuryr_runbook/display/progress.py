"""Progress: of long steps, line by line, and of a headless run as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kuryr_runbook.display.terminal import echo

if TYPE_CHECKING:
    from kuryr_runbook.display.tables import View


class Progress(Protocol):
    """Receives what a headless run is doing."""

    def phase(self, name: str, title: str) -> None:
        """A phase begins."""

    def step(self, title: str) -> None:
        """A step of the phase begins; the same step again is not reported twice."""

    def line(self, text: str) -> None:
        """Something that a step printed."""

    def block(self, what: View | str) -> None:
        """A table, which needs the whole width."""

    def phase_ended(self, status: str) -> None:
        """The phase is over."""


def say(text: str) -> None:
    """Print one line to the cell's output, and from there to a headless run's terminal."""
    echo(text)
