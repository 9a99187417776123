"""Shows what is being waited for: as lines of text, or in JupyterLab as one status that updates."""

from __future__ import annotations

from html import escape

from kuryr_runbook.display.frontend import is_interactive
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.visible import visible

REMIND_SECONDS = 15.0


class Wait:
    """A wait that shows nothing. `seconds` are those since it began."""

    def __init__(self, what: str, deadline: float) -> None:
        """Begin to wait for `what`, for at most `deadline` seconds."""
        self._what, self._deadline = what, deadline

    def still(self, seen: str, seconds: float) -> None:
        """It has not happened yet."""

    def came(self, seen: str, seconds: float) -> None:
        """It happened."""

    def expired(self, seen: str, seconds: float) -> None:
        """It did not happen in time."""

    def broken(self) -> None:
        """The wait was given up, because of an error or Ctrl-C."""


def begin_wait(what: str, deadline: float, plain: type[Wait] | None = None) -> Wait:
    """Show that `what` is awaited; outside JupyterLab as `plain` or PlainWait does."""
    kind = LiveWait if is_interactive() else plain or PlainWait
    return kind(what, deadline)


class PlainWait(Wait):
    """Lines: at the beginning, now and then, and when it did not happen in time."""

    def __init__(self, what: str, deadline: float) -> None:
        super().__init__(what, deadline)
        self._reminded = 0.0
        say(f"waiting for {what}, at most {deadline:.0f} s")

    def still(self, seen: str, seconds: float) -> None:
        """Print a reminder now and then."""
        if seconds - self._reminded >= REMIND_SECONDS:
            say(f"  still waiting: {seen}")
            self._reminded = seconds

    def expired(self, seen: str, seconds: float) -> None:
        """Print what was seen last."""
        say(f"{self._what}: not within {self._deadline:.0f} s; last seen: {seen}")


class PlainChanges(Wait):
    """A line whenever the state has changed."""

    def __init__(self, what: str, deadline: float) -> None:
        super().__init__(what, deadline)
        self._said = ""

    def still(self, seen: str, seconds: float) -> None:
        """Print the state, unless it is the one printed last."""
        if seen != self._said:
            say(seen)
            self._said = seen

    def came(self, seen: str, seconds: float) -> None:
        """The end is a change, too."""
        self.still(seen, seconds)


class LiveWait(Wait):
    """One output of the cell, replaced as the state changes."""

    def __init__(self, what: str, deadline: float) -> None:
        from IPython.display import DisplayHandle

        super().__init__(what, deadline)
        self._seen = "not checked yet"
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
        """Show that the wait was given up."""
        self._show("- stopped", self._seen, self._seconds)

    def _show(self, state: str, seen: str, seconds: float) -> None:
        self._seen, self._seconds = seen, seconds
        self._handle.update(self._bundle(state), raw=True)  # type: ignore[no-untyped-call]

    def _bundle(self, state: str) -> dict[str, str]:
        spent = f"{self._seconds:.0f} s of at most {self._deadline:.0f} s"
        seen = self._seen or "nothing yet"
        html = (
            f'<div role="status"><b>{escape(state)}</b> {escape(self._what)}, {spent} '
            f'<progress max="{self._deadline:.0f}" value="{self._seconds:.0f}" '
            f'aria-label="time spent waiting" style="vertical-align: middle"></progress><br>'
            f'<span style="white-space: pre-line; padding-left: 1.5em">{escape(seen)}</span></div>'
        )
        text = f"{state} {self._what}, {spent}: {seen}"
        return {"text/plain": visible(text), "text/html": visible(html)}
