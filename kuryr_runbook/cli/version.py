"""`kuryr-runbook version`."""

from __future__ import annotations

from importlib import metadata

import click


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"kuryr-runbook {metadata.version('kuryr-runbook')}")
