"""The one place that writes to a terminal: nothing of what is shown steers it.

A contract in the tests keeps `print`, `click.echo` and writing to the standard streams out of all
other modules. What the terminal's encoding does not have is spelled out too.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from kuryr_runbook.model.visible import json_text, visible


def echo(text: object, *, err: bool = False) -> None:
    """Print a text at once, on stdout or on stderr.

    Looks the stream up each time: a kernel, and whoever redirects it, replaces it.
    """
    echo_on(sys.stderr if err else sys.stdout, text)


def echo_on(stream: TextIO, text: object) -> None:
    """Print a text at once on that stream."""
    shown = visible(str(text))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{shown.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def echo_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    echo(json_text(value, indent=2))


class _Visible(logging.Formatter):
    """What libraries log quotes what servers and files say."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def guard_logging() -> None:
    """Keep the warnings that libraries log where nobody configured logging from steering it too."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Visible())
