"""Asks a person before anything changes, and refuses where nobody could answer."""

from __future__ import annotations

import sys

import click


def can_ask() -> bool:
    """Whether there is a person to ask: one who sees the question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """Ask; anything but a clear yes is a no. Ctrl-C raises KeyboardInterrupt."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        return False  # the end of the input
