"""Notebooks: their parameters and steps before they run, and what their cells displayed after."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from kuryr_runbook.display.tables import DATA_TYPE
from kuryr_runbook.model.errors import UsageError

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
"""papermill's tag for the cell that it adds after the parameters cell."""
GRAMMARS = ("rfc3986_validator", "rfc3987_syntax")
"""The packages with grammars of URLs, and of internationalised ones."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A cell that can run: its id, and the heading that stands above it."""

    id: str
    step: str


def read_notebook(path: Path) -> Any:
    """The notebook as nbformat reads it. Raises UsageError when it cannot be read."""
    with _no_grammars():
        import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"notebook {path} cannot be read: {error}",
            remedy="install kuryr-runbook anew, or restore the file",
        ) from error


@contextmanager
def _no_grammars() -> Iterator[None]:
    """Spares nbformat's jsonschema grammars of URLs, which no notebook has.

    Where JupyterLab brought them, jsonschema compiles them when it is imported, which takes longer
    than all else that a run adds to its phases; without them, it goes on without these formats.
    """
    absent = [name for name in GRAMMARS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent, cast("ModuleType", None)))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def code_cells(notebook: Any) -> Iterator[CodeCell]:
    """The code cells in order, each under the last Markdown heading before it."""
    step = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = [line for line in cell.source.splitlines() if line.startswith("#")]
            step = headings[-1].lstrip("# ") if headings else step
        elif cell.cell_type == "code":
            yield CodeCell(cell_key(cell), step)


def cell_key(cell: Any) -> str:
    """The cell's id; papermill's own cell has a fixed one, since its id differs in each run."""
    return INJECTED_TAG if INJECTED_TAG in cell.metadata.get("tags", []) else str(cell.id)


def parameter_names(notebook: Any) -> list[str]:
    """The names that the parameters cell assigns, in order; empty when there is no such cell."""
    return [
        target.id
        for cell in notebook.cells
        if PARAMETERS_TAG in cell.metadata.get("tags", [])
        for statement in ast.parse(cell.source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def refuse_mismatch(path: Path, notebook: Any, known: Iterable[str]) -> None:
    """Raise UsageError unless the notebook takes exactly the known parameters.

    papermill itself only warns about a name that a notebook does not know.
    """
    takes, gives = set(parameter_names(notebook)), set(known)
    problems = [f"{name}: the notebook does not take it" for name in sorted(gives - takes)]
    problems += [
        f"{name}: the notebook wants it, a site has none" for name in sorted(takes - gives)
    ]
    if problems:
        raise UsageError(
            "\n  ".join([f"the parameters cell of {path} does not fit a site:", *problems]),
            remedy="make its parameters cell equal to that of the other notebooks",
        )


def injected(parameters: Mapping[str, Any], notebook: Any) -> list[CodeCell]:
    """The code cells as they are once papermill has put its own cell in."""
    cells = []
    for cell, found in zip(
        (cell for cell in notebook.cells if cell.cell_type == "code"),
        code_cells(notebook),
        strict=True,
    ):
        cells.append(found)
        if parameters and PARAMETERS_TAG in cell.metadata.get("tags", []):
            cells.append(CodeCell(INJECTED_TAG, found.step))
    return cells


def displayed_result(notebook: Path) -> str:
    """What the cells tagged `result` of an executed notebook displayed, as text."""
    if not notebook.exists():
        return ""
    return "\n\n".join(
        output["data"]["text/plain"]
        for cell in read_notebook(notebook).cells
        if "result" in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "text/plain" in output.get("data", {})
    )


def displayed_data(notebook: Path) -> list[dict[str, Any]]:
    """What the cells of an executed notebook displayed for machines, in order."""
    if not notebook.exists():
        return []
    return [
        output["data"][DATA_TYPE]
        for cell in read_notebook(notebook).cells
        for output in cell.get("outputs", [])
        if DATA_TYPE in output.get("data", {})
    ]


def displayed_plans(notebook: Path) -> list[dict[str, Any]]:
    """The plans that the cells of an executed notebook displayed."""
    return [data["plan"] for data in displayed_data(notebook) if "plan" in data]
