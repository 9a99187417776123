"""`kuryr-runbook releases`: what is known about Kuryr's releases."""

from __future__ import annotations

from importlib import metadata

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.options import Output, answer, output_options
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.releases import RELEASES


@click.command(
    cls=Command,
    examples=[
        "kuryr-runbook releases",
        "kuryr-runbook releases 2024.1",
        "kuryr-runbook releases stein -o yaml",
    ],
)
@click.argument("name", required=False, type=click.Choice(list(RELEASES)), metavar="[NAME]")
@output_options
def releases(*, name: str | None, output: Output) -> None:
    """Show what works with which release of Kuryr.

    With NAME (stein ... 2024.1), show all about one: versions, options,
    permissions, hazards, how to upgrade, and the source of each fact.
    """
    from kuryr_runbook.display.releases import (
        hazards_view,
        release_data,
        release_view,
        releases_view,
        ways_view,
    )
    from kuryr_runbook.display.tables import stacked

    if name is None:
        answer(
            output,
            lambda: releases_view(RELEASES.values()),
            lambda: [release_data(release) for release in RELEASES.values()],
        )
        return
    release = RELEASES[name]
    views = (release_view, hazards_view, ways_view)
    answer(
        output,
        lambda: stacked(view(release) for view in views),
        lambda: release_data(release),
    )


@click.command(cls=Command, examples=["kuryr-runbook version"])
def version() -> None:
    """Print the version."""
    echo(f"kuryr-runbook {metadata.version('kuryr-runbook')}")
