"""From errors to exit codes: one clear message on stderr, no traceback for what is expected."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import click

from kuryr_runbook.model.errors import ExitCode, RunbookError


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a RunbookError and exit with its code; 130 after Ctrl-C.

    Anything else is a defect of ours and keeps its traceback.
    """
    try:
        yield
    except RunbookError as error:
        click.echo(wrapped(f"error: {error}"), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(ExitCode.INTERRUPTED)


def wrapped(text: str, width: int = 80) -> str:
    """The text in lines of at most that width; its own line breaks and indents stay."""
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        lines += textwrap.wrap(
            line,
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(lines)
