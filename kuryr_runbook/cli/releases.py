"""`kuryr-runbook releases`: what is known about Kuryr's releases."""

from __future__ import annotations

from importlib import metadata

import click

from kuryr_runbook.display.terminal import echo, echo_json
from kuryr_runbook.model.releases import RELEASES


@click.command()
@click.argument("name", required=False, type=click.Choice(list(RELEASES)), metavar="[NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print data instead of tables.")
def releases(name: str | None, as_json: bool) -> None:  # noqa: FBT001
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

    if as_json:
        found = [release_data(release) for release in RELEASES.values()]
        echo_json(release_data(RELEASES[name]) if name else found)
    elif name:
        views = (view(RELEASES[name]) for view in (release_view, hazards_view, ways_view))
        echo(stacked(views))
    else:
        echo(releases_view(RELEASES.values()))


@click.command()
def version() -> None:
    """Print the version."""
    echo(f"kuryr-runbook {metadata.version('kuryr-runbook')}")
