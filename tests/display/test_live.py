"""Progress of a run: plain lines, or on a terminal a last line that keeps counting."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count

from kuryr_runbook.display.live import LiveProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def story(stream: io.StringIO, seconds: Iterator[float]) -> str:
    with LiveProgress(stream, clock=lambda: next(seconds)) as progress:
        progress.phase("04_daemon", "Deploy the daemon")
        progress.step("Plan")
        progress.step("Plan")
        progress.line("reading [nodes]")
        progress.block("a table\nof two lines")
        progress.phase_ended("SUCCEEDED")
    return stream.getvalue()


def test_without_a_terminal_every_event_is_a_line() -> None:
    text = story(io.StringIO(), iter([0.0, 10.0, 12.0, 75.0]))
    assert text.splitlines() == [
        "04_daemon: Deploy the daemon",
        "    0:02  Plan",
        "           reading [nodes]",
        "",
        "a table",
        "of two lines",
        "",
        "    1:05  04_daemon: SUCCEEDED",
    ]


def test_on_a_terminal_the_last_line_shows_where_the_run_is() -> None:
    text = story(Terminal(), count(0.0))
    assert "04_daemon: Deploy the daemon" in text
    assert "in all" in text
    assert "04_daemon · Plan" in text
