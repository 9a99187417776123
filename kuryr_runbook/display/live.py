"""The progress of a headless run: phase, step, elapsed.

On a terminal the last line shows where the run is, with a running clock; elsewhere every event is
a line of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from kuryr_runbook.display.terminal import drawn, screen_of
from kuryr_runbook.model.visible import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from kuryr_runbook.display.tables import View

Clock = Callable[[], float]


class LiveProgress:
    """Reports on a stream, normally stderr, what a run is doing. Use it as a context manager."""

    def __init__(
        self, stream: TextIO, clock: Clock = time.monotonic, *, only_blocks: bool = False
    ) -> None:
        """With `only_blocks` nothing is shown but tables."""
        from rich.console import Console
        from rich.live import Live

        self._screen = screen_of(stream)
        self._console: Console = Console(
            file=stream,
            highlight=False,
            soft_wrap=True,
            color_system="standard" if self._screen.has_colour else None,
        )
        self._clock = clock
        self._only_blocks = only_blocks
        self._began = clock()
        self._phase_began = self._began
        self._phase = ""
        self._step = ""
        self._live = (
            Live(get_renderable=self._status, console=self._console, transient=True)
            if self._console.is_terminal and not only_blocks
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def phase(self, name: str, title: str) -> None:
        """A phase begins."""
        self._phase, self._step, self._phase_began = name, "", self._clock()
        self._print(f"{name}: {title}")

    def step(self, title: str) -> None:
        """A step of the phase begins; the same step again is not reported twice."""
        if title and title != self._step:
            self._step = title
            self._print(f"  {self._elapsed(self._phase_began)}  {title}")

    def line(self, text: str) -> None:
        """Something that a step printed."""
        self._print(f"           {text}")

    def block(self, what: View | str) -> None:
        """A table, which needs the whole width."""
        from rich.text import Text

        shown = visible(what) if isinstance(what, str) else drawn(what, self._screen)
        self._show(Text.from_ansi(f"\n{shown}\n"))

    def phase_ended(self, status: str) -> None:
        """The phase is over."""
        self._print(f"  {self._elapsed(self._phase_began)}  {self._phase}: {status}")
        self._phase = self._step = ""

    def _print(self, text: str) -> None:
        if not self._only_blocks:
            self._show(visible(text))

    def _show(self, what: str | Text) -> None:
        self._console.print(what, markup=False)
        if self._live is not None:
            self._live.refresh()

    def _status(self) -> RenderableType:
        from rich.spinner import Spinner
        from rich.text import Text

        where = " · ".join(part for part in (self._phase, self._step) if part) or "working"
        text = Text(f"{one_line(where)}  {self._elapsed(self._began)} in all", no_wrap=True)
        return Spinner("line", text)

    def _elapsed(self, since: float) -> str:
        minutes, seconds = divmod(int(self._clock() - since), 60)
        return f"{minutes:3d}:{seconds:02d}"
