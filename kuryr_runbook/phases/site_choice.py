"""Choosing a site for the notebooks that a person steps through."""

from __future__ import annotations

import os
from pathlib import Path

from kuryr_runbook.model.errors import UsageError

LINK = "site.yaml"
"""In the copy of the notebooks: a link to the site file that was chosen."""


def choose(site_file: Path, link: Path) -> None:
    """Let the link name that file. Raises UsageError when there is something else in its place."""
    target = site_file.expanduser().absolute()
    if link.exists() and not link.is_symlink():
        raise UsageError(
            f"{link} is a file of its own, and no link to the site file that was chosen",
            remedy="move it away: it is left as it is",
        )
    new = link.with_name(f".{link.name}.{os.getpid()}")
    try:
        new.symlink_to(target)
        new.replace(link)
    except OSError as error:
        raise UsageError(f"{link} cannot be made: {error.strerror}") from error
