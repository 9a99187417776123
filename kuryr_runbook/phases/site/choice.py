"""Choosing a site for the notebooks that a person steps through."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.files import read_text, read_yaml, user_path
from kuryr_runbook.clients.writing import make_link, write_new
from kuryr_runbook.display.asking import Asking
from kuryr_runbook.display.frontend import is_interactive
from kuryr_runbook.display.site_form import NEW, Actions, SiteForm
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.site_file import parse_site, site_problems
from kuryr_runbook.model.site_form import Texts, form_fields, rendered_site, text_problems, texts_of
from kuryr_runbook.model.site_template import with_schema
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.model.wording import counted
from kuryr_runbook.phases.site.draft import EXAMPLE, SCHEMA
from kuryr_runbook.phases.site.offering import ask

LINK = "site.yaml"
"""Link to the chosen site file, beside the working copy of the notebooks."""
SITE_SECTIONS = {"kuryr", "openstack"}
"""A YAML file with one of these sections is taken for a site file."""
HOW = (
    "In the JupyterLab of the command “kuryr-runbook notebooks”, choose one in the form below. "
    "Headless: use papermill -f FILE, or the environment variable KURYR_RUNBOOK_SITE."
)


def choose(site_file: Path, link: Path) -> None:
    """Point the link to that file. Raises UsageError when something else is in its place."""
    make_link(link, user_path(site_file, "site file").absolute())


def choose_site() -> View:
    """The existing site files; in JupyterLab with a form to choose or create one.

    Elsewhere a site is chosen with papermill's parameters, or with the environment variable.
    """
    view = table("Site files", ("file", "site"), [*site_files()] or [("none", "")], HOW)
    link = _link()
    if link is None or not is_interactive():
        return view
    form = SiteForm(form_fields(), _actions(link), _chosen(link))
    return Asking(view.form, view.html, view.data, form)


def site_files(place: Path | None = None) -> list[tuple[str, str]]:
    """Site files in a directory, in its folder `parameters`, or chosen before; with their state."""
    here = place or Path.cwd()
    found: dict[Path, tuple[str, str]] = {}
    link = _link()
    chosen = [link.resolve()] if link is not None and link.exists() else []
    for path in [*sorted(here.glob("*.yaml")), *sorted(here.glob("parameters/*.yaml")), *chosen]:
        values = _values(path)
        if SITE_SECTIONS & values.keys():
            name = path.relative_to(here) if path.is_relative_to(here) else path
            found.setdefault(path.resolve(), (str(name), _state(values)))
    return list(found.values())


def _state(values: Mapping[str, Any]) -> str:
    problems = site_problems(values)
    return counted(len(problems), "problem") if problems else str(values["name"])


def _values(path: Path) -> dict[str, Any]:
    """The file's values; empty if it is not YAML, or not a mapping."""
    try:
        return mapping(read_yaml(path, "site file"), path.name)
    except FileError:
        return {}


def _link() -> Path | None:
    """The link to the chosen site; None outside of `kuryr-runbook notebooks`."""
    path = os.environ.get(SITE_VARIABLE)
    return Path(path) if path and Path(path).name == LINK else None


def _chosen(link: Path) -> str:
    known = {Path(name).resolve(): name for name, _ in site_files()}
    return known.get(link.resolve(), NEW)


def _actions(link: Path) -> Actions:
    def save(name: str, texts: Texts) -> None:
        text = with_schema(rendered_site(texts, read_text(EXAMPLE, "the example")), SCHEMA)
        parse_site(text, name)
        write_new(user_path(name, "site file"), text)

    return Actions(
        load=lambda name: texts_of(_values(Path(name) if name else EXAMPLE)),
        judge=text_problems,
        use=lambda name: choose(Path(name), link),
        save=save,
        files=lambda: [(name, f"{name}: {state}") for name, state in site_files()],
        ask=ask,
    )
