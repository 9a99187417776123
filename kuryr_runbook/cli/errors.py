"""Turns errors into exit codes, with one message on stderr, and no traceback if expected."""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from platformdirs import user_state_path

from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model import visible
from kuryr_runbook.model.errors import ExitCode, RunbookError


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error's message, and exit with its code; 130 after Ctrl-C.

    Any exception that is not ours is a bug: its traceback goes to a file.
    """
    try:
        with visible_usage():
            yield
    except RunbookError as error:
        echo(wrapped(f"error: {error}"), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        echo("interrupted", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
        raise  # Click handles these.
    except Exception as error:
        from kuryr_runbook.clients.secrets import known_here
        from kuryr_runbook.display.unforeseen import unforeseen

        name = f"error-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.txt"
        bug = unforeseen(
            f"{type(error).__name__}: {error}",
            "".join(traceback.format_exception(error)),
            user_state_path("kuryr-runbook") / "errors" / name,
            known_here().redacted,
        )
        echo(wrapped(f"error: {bug}"), err=True)
        sys.exit(bug.exit_code)


@contextmanager
def visible_usage() -> Iterator[None]:
    """Make click's messages visible text: they quote arguments verbatim."""
    try:
        yield
    except click.ClickException as error:
        # mypy considers it final, but click offers no other way to change the message.
        error.__dict__["message"] = visible.message(error.message)
        raise


def wrapped(text: str, width: int = 80) -> str:
    """The text wrapped at that width; its line breaks and indents are kept."""
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
