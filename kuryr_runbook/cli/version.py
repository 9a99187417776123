"""`kuryr-runbook version`."""

from __future__ import annotations

from importlib import metadata

import click

from kuryr_runbook.display.terminal import echo


@click.command()
def version() -> None:
    """Print the version."""
    echo(f"kuryr-runbook {metadata.version('kuryr-runbook')}")
