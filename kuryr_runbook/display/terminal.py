"""The only place that writes to a terminal, and never anything that controls it.

A contract in the tests keeps `print`, `click.echo` and writing to the standard streams out of all
other modules. Characters that the terminal's encoding does not have are spelled out, too.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from kuryr_runbook.model.visible import json_text, visible


def echo(text: object, *, err: bool = False) -> None:
    """Print a text and flush, on stdout or on stderr.

    The stream is looked up each time, since kernels and redirections replace it.
    """
    echo_on(sys.stderr if err else sys.stdout, text)


def echo_on(stream: TextIO, text: object) -> None:
    """Print a text on that stream and flush."""
    shown = visible(str(text))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(f"{shown.encode(encoding, 'backslashreplace').decode(encoding)}\n")
    stream.flush()


def echo_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    echo(json_text(value, indent=2))


class _Visible(logging.Formatter):
    """Makes log messages of libraries visible: they quote servers and files."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def guard_logging() -> None:
    """Keep warnings that libraries log without configured logging from controlling the terminal."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Visible())
