"""A site's working copy of the notebooks, for a person to step through; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.writing import make_directory, write_new
from kuryr_runbook.model.errors import FileError, UsageError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.recording.standing import NOTEBOOKS, RUNS
from kuryr_runbook.running.notebooks import read_notebook

FOLDER = NOTEBOOKS


def default_directory(site: str | None) -> Path:
    """The default directory for the copy: beside the site's runs, if a site is given."""
    return RUNS / site / FOLDER if site else RUNS / FOLDER


def copy_notebooks(directory: Path) -> list[str]:
    """Copy the packaged notebooks that are not there yet, without their stored outputs.

    Returns the names of existing notebooks whose cells differ from the packaged ones: somebody has
    changed them, or they come from another version, so they are left alone. Outputs do not count.
    Raises UsageError when the copy cannot be made.
    """
    try:
        make_directory(directory)
        return list(_differing(packaged("notebooks"), directory))
    except FileError as error:
        raise UsageError(
            f"the notebooks cannot be copied to {directory}: {error.message}",
            remedy="choose another --dir",
        ) from error


def _differing(source: Path, directory: Path) -> Iterator[str]:
    for original in sorted(source.glob("*.ipynb")):
        copy = directory / original.name
        if not copy.exists():
            _write_bare(read_notebook(original), copy)
        elif _sources(copy) != _sources(original):
            yield copy.name


def _write_bare(notebook: Any, path: Path) -> None:
    import nbformat

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    write_new(path, f"{text}\n")


def _sources(notebook: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in read_notebook(notebook).cells]
