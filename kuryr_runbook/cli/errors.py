"""From errors to exit codes: one clear message on stderr, no traceback for what is expected."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from kuryr_runbook.model.errors import RunbookError

INTERRUPTED = 130


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a RunbookError and exit with its code; 130 after Ctrl-C.

    Anything else is a defect of ours and keeps its traceback.
    """
    try:
        yield
    except RunbookError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
