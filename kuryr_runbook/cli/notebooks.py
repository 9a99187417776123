"""`kuryr-runbook notebooks`: step through a site's notebooks in JupyterLab."""

from __future__ import annotations

import os
from pathlib import Path

import click

from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.cli.options import site_option
from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.terminal import echo


@click.command(
    cls=Command,
    examples=[
        "kuryr-runbook notebooks --site my-site.yaml",
        "kuryr-runbook notebooks --dir my-notebooks --port 8900 --no-browser",
    ],
)
@site_option("The site file [default: the one chosen last; you can choose one in JupyterLab].")
@click.option(
    "--dir",
    "directory",
    type=UserPath(file_okay=False),
    help="Where to copy the notebooks [default: runs/<site>/notebooks, or runs/notebooks without "
    "--site].",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port on 127.0.0.1 [default: the first free one from 8888 on].",
)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening a browser.")
def notebooks(
    *, site_file: Path | None, directory: Path | None, port: int | None, no_browser: bool
) -> None:
    """Step through the phases in JupyterLab, in a copy of the notebooks.

    Copies the notebooks to a directory of the site, except those that are there
    already, and runs JupyterLab on this machine until Ctrl-C. Only the holder of
    its token can use it. Nothing is changed before you approve a plan there.
    """
    from kuryr_runbook.model.variables import SITE_VARIABLE
    from kuryr_runbook.phases.site.choice import LINK, choose
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.running.jupyterlab import refuse_missing, refuse_taken, serve, settings
    from kuryr_runbook.running.working_copy import copy_notebooks, default_directory

    refuse_missing()
    if port is not None:
        refuse_taken(port)
    name = read_site(site_file).name if site_file else None
    place = (directory or default_directory(name)).absolute()
    differing = copy_notebooks(place)
    link = place / LINK
    if site_file is not None:
        choose(site_file, link)
    os.environ[SITE_VARIABLE] = str(link)
    echo(f"the notebooks are in {place}")
    for notebook in differing:
        echo(f"{notebook}: differs from the packaged one, and was left as it is")
    if differing:
        echo("move these away to get the packaged ones")
    serve(place, settings(place, port, browser=not no_browser))
