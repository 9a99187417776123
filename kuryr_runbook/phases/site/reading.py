"""Reads the site of a command, or the one that was chosen for a notebook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.files import MOST_YAML, read_text, user_path
from kuryr_runbook.model.errors import FileError, SiteError
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site, site_from_parameters
from kuryr_runbook.model.variables import SITE_VARIABLE


def chosen_site(sections: Mapping[str, Any]) -> Site:
    """A notebook's site: from its parameters, or from the file that KURYR_RUNBOOK_SITE names."""
    path = os.environ.get(SITE_VARIABLE)
    if path and not any(sections.values()):
        return read_site(Path(path))
    return site_from_parameters(sections)


def read_site(path: Path) -> Site:
    """The site that a file describes. Raises SiteError, also when the file does not exist."""
    try:
        text = read_text(user_path(path, "site file"), "site file", most=MOST_YAML)
    except FileError as error:
        raise SiteError(
            error.message,
            remedy="choose one in start.ipynb, or name a site file; `parameters/` has commented "
            "examples",
        ) from error
    return parse_site(text, str(path))
