"""What is awaited: lines of text, or in JupyterLab one place that shows the state until the end."""

from __future__ import annotations

from html import escape

from kuryr_runbook.display.frontend import is_interactive
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.visible import visible

REMIND_SECONDS = 15.0


class Wait:
    """One wait under way, told by nobody. Seconds are those since it began."""

    def __init__(self, what: str, deadline: float) -> None:
        """Waiting for `what` begins, for so many seconds at most."""
        self._what, self._deadline = what, deadline

    def still(self, seen: str, seconds: float) -> None:
        """It is not so yet."""

    def came(self, seen: str, seconds: float) -> None:
        """It is so."""

    def expired(self, seen: str, seconds: float) -> None:
        """It did not become so in time."""

    def broken(self) -> None:
        """Nobody waits any more, because of an error or of Ctrl-C."""


def begin_wait(what: str, deadline: float, plain: type[Wait] | None = None) -> Wait:
    """Tell that `what` is awaited; without JupyterLab as `plain` does, or PlainWait."""
    kind = LiveWait if is_interactive() else plain or PlainWait
    return kind(what, deadline)


class PlainWait(Wait):
    """Lines: at the beginning, now and then, and when it did not come."""

    def __init__(self, what: str, deadline: float) -> None:
        super().__init__(what, deadline)
        self._reminded = 0.0
        say(f"waiting for {what}, at most {deadline:.0f} s")

    def still(self, seen: str, seconds: float) -> None:
        """Remind of it."""
        if seconds - self._reminded >= REMIND_SECONDS:
            say(f"  still waiting: {seen}")
            self._reminded = seconds

    def expired(self, seen: str, seconds: float) -> None:
        """Say what was seen last."""
        say(f"{self._what}: not in {self._deadline:.0f} s; seen last: {seen}")


class PlainChanges(Wait):
    """A line whenever the state is another one."""

    def __init__(self, what: str, deadline: float) -> None:
        super().__init__(what, deadline)
        self._said = ""

    def still(self, seen: str, seconds: float) -> None:
        """Say the state, unless it was said."""
        if seen != self._said:
            say(seen)
            self._said = seen

    def came(self, seen: str, seconds: float) -> None:
        """The end is a change too."""
        self.still(seen, seconds)


class LiveWait(Wait):
    """One output of the cell, replaced as the state changes."""

    def __init__(self, what: str, deadline: float) -> None:
        from IPython.display import DisplayHandle

        super().__init__(what, deadline)
        self._seen = "not looked yet"
        self._seconds = 0.0
        self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._handle.display(self._bundle("… waiting"), raw=True)  # type: ignore[no-untyped-call]

    def still(self, seen: str, seconds: float) -> None:
        """Show the state."""
        self._show("… waiting", seen, seconds)

    def came(self, seen: str, seconds: float) -> None:
        """Show the end."""
        self._show("✓ done", seen, seconds)

    def expired(self, seen: str, seconds: float) -> None:
        """Show what was seen last."""
        self._show("✗ not in time", seen, seconds)

    def broken(self) -> None:
        """Show that nobody waits any more."""
        self._show("- stopped", self._seen, self._seconds)

    def _show(self, state: str, seen: str, seconds: float) -> None:
        self._seen, self._seconds = seen, seconds
        self._handle.update(self._bundle(state), raw=True)  # type: ignore[no-untyped-call]

    def _bundle(self, state: str) -> dict[str, str]:
        spent = f"{self._seconds:.0f} s of at most {self._deadline:.0f} s"
        seen = self._seen or "nothing to tell"
        html = (
            f'<div role="status"><b>{escape(state)}</b> {escape(self._what)}, {spent} '
            f'<progress max="{self._deadline:.0f}" value="{self._seconds:.0f}" '
            f'aria-label="time spent waiting" style="vertical-align: middle"></progress><br>'
            f'<span style="white-space: pre-line; padding-left: 1.5em">{escape(seen)}</span></div>'
        )
        text = f"{state} {self._what}, {spent}: {seen}"
        return {"text/plain": visible(text), "text/html": visible(html)}
