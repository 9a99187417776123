"""The only place that writes to a terminal, and never anything that controls it.

A contract in the tests keeps `print`, `click.echo` and writing to the standard streams out of all
other modules. Characters that the terminal's encoding does not have are spelled out, too. The only
escape sequences are those of colours, added here to text that has none left, and the one that makes
room for the next answer of `--watch`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO, runtime_checkable

from kuryr_runbook.model.visible import json_text, one_line, visible, yaml_text

if TYPE_CHECKING:
    from rich.style import Style

FIXED_WIDTH = 80
"""Columns of text that is kept or piped: the least that terminals have."""
ANY_WIDTH = 1_000_000
"""For lines that are not wrapped at all."""
LEAST_WIDTH = 20
"""Narrower terminals get lines of this width, which they wrap themselves."""

_color = "auto"


class Screen(NamedTuple):
    """What a stream can show."""

    width: int
    """In columns."""
    has_colour: bool


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    style: Style | None = None


@runtime_checkable
class Drawable(Protocol):
    """Something that is drawn for the width of what shows it, such as a table."""

    def form(self, width: int, /) -> Iterable[Sequence[Span]]:
        """Its lines."""


def set_color(choice: str) -> None:
    """Decide for this process about colours: `always`, `never`, or `auto`: see `screen_of`."""
    global _color
    _color = choice


def screen_of(stream: TextIO) -> Screen:
    """The width of a terminal and whether it gets colours; 80 columns for all other streams.

    With `auto`, terminals get colours unless NO_COLOR is set (https://no-color.org), or they
    understand no escape sequences.
    """
    width = _terminal_width(stream)
    if _color == "auto":
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return Screen(width or FIXED_WIDTH, width is not None and wanted)
    return Screen(width or FIXED_WIDTH, _color == "always")


def _terminal_width(stream: TextIO) -> int | None:
    """The columns of the terminal that the stream is; None if it is none."""
    try:
        if not stream.isatty():
            return None
        # A terminal that nobody has told its size says 0.
        columns = os.get_terminal_size(stream.fileno()).columns or FIXED_WIDTH
    except (OSError, ValueError):
        return None
    return max(columns, LEAST_WIDTH)


def echo(what: object, *, err: bool = False, width: int | None = None) -> None:
    """Print a text or a view and flush, on stdout or on stderr.

    The stream is looked up each time, since kernels and redirections replace it. `width` replaces
    that of the stream.
    """
    echo_on(sys.stderr if err else sys.stdout, what, width)


def echo_on(stream: TextIO, what: object, width: int | None = None) -> None:
    """Print a text on that stream and flush; a view in the stream's width and colours."""
    screen = screen_of(stream)
    if width is not None:
        screen = screen._replace(width=width)
    shown = drawn(what, screen) if isinstance(what, Drawable) else visible(str(what))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{shown.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def drawn(what: Drawable, screen: Screen) -> str:
    """Its lines as that screen shows them."""
    lines = (_trimmed(line) for line in what.form(screen.width))
    return "\n".join(
        "".join(_painted(span, has_colour=screen.has_colour) for span in line) for line in lines
    )


def _trimmed(line: Sequence[Span]) -> list[Span]:
    """The line without blanks at its end, which would be copied and wrapped."""
    spans = list(line)
    while spans and not spans[-1].text.strip(" "):
        spans.pop()
    return [*spans[:-1], *(span._replace(text=span.text.rstrip(" ")) for span in spans[-1:])]


def _painted(span: Span, *, has_colour: bool) -> str:
    text = one_line(span.text)
    if not has_colour or span.style is None:
        return text
    from rich.color import ColorSystem

    return span.style.render(text, color_system=ColorSystem.STANDARD)


def echo_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON on stdout, with `indent` None in one line."""
    echo(json_text(value, indent=indent))


def echo_yaml(value: Any, *, is_one_of_several: bool = False) -> None:
    """Print JSON values as YAML on stdout; one of several begins with `---`."""
    echo(f"---\n{yaml_text(value)}" if is_one_of_several else yaml_text(value))


CLEAR = "\x1b[H\x1b[2J"
"""The first position, and everything from there on empty."""


def clear_terminal() -> None:
    """Make room for another answer in place of the last one, if stdout is a terminal."""
    if _terminal_width(sys.stdout) is not None and os.environ.get("TERM") != "dumb":
        sys.stdout.write(CLEAR)
        sys.stdout.flush()


class _Visible(logging.Formatter):
    """Makes log messages of libraries visible: they quote servers and files."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def guard_logging() -> None:
    """Keep warnings that libraries log without configured logging from controlling the terminal."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Visible())
