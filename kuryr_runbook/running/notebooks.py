"""Reads notebooks: parameters and steps before they run, and what cells displayed afterwards."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from kuryr_runbook.clients.files import MOST_OF_RUN, read_text
from kuryr_runbook.display.tables import DATA_TYPE
from kuryr_runbook.model.documents import mapping, parse_json
from kuryr_runbook.model.errors import UsageError

LANGUAGE = "python"
FIRST_WITH_IDS = 5
"""The first minor version of nbformat 4 in which cells have ids."""
RESTORE = "reinstall kuryr-runbook, or restore the file"
PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
"""papermill's tag for the cell that it adds after the parameters cell."""
GRAMMARS = ("rfc3986_validator", "rfc3987_syntax")
"""The packages with grammars for URLs, and for internationalised ones."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell: its id, and the heading above it."""

    id: str
    step: str


def read_notebook(path: Path) -> Any:
    """The notebook as nbformat reads it. Raises UsageError when it cannot be read."""
    with _no_grammars():
        import nbformat

    text = read_text(path, "notebook", remedy=RESTORE, most=MOST_OF_RUN)
    source = f"notebook {path}"
    document = mapping(parse_json(text, source, remedy=RESTORE), source, remedy=RESTORE)
    if problem := _problem(document):
        raise UsageError(f"{source} {problem}", remedy=RESTORE)
    try:
        nbformat.validate(document)
    except nbformat.ValidationError as error:
        raise UsageError(f"{source} is not valid: {error.message}", remedy=RESTORE) from error
    return nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]


def _problem(document: Mapping[str, Any]) -> str:
    """What nbformat would correct with a warning, differently each time it reads the file."""
    version = (document.get("nbformat"), document.get("nbformat_minor"))
    cells = document.get("cells")
    if version[0] != 4 or not isinstance(version[1], int) or version[1] < FIRST_WITH_IDS:
        shown = ".".join(map(str, version))
        return f"has nbformat {shown}, not 4.{FIRST_WITH_IDS} or a later 4.x"
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "has no list of cells"
    ids = Counter(str(cell.get("id", "")) for cell in cells)
    if "" in ids:
        return "has cells without an id"
    twice = [name for name, count in ids.items() if count > 1]
    return f"has several cells with the id {twice[0]}" if twice else ""


@contextmanager
def _no_grammars() -> Iterator[None]:
    """Hide grammars for URLs from nbformat's jsonschema: notebooks do not need them.

    If JupyterLab has installed them, jsonschema compiles them on import, which takes longer than
    everything else that a run adds to its phases. Without them, it does not check these formats.
    """
    absent = [name for name in GRAMMARS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent, cast("ModuleType", None)))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def code_cells(notebook: Any) -> Iterator[CodeCell]:
    """The code cells in order, each with the last Markdown heading before it."""
    step = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = [line for line in cell.source.splitlines() if line.startswith("#")]
            step = headings[-1].lstrip("# ") if headings else step
        elif cell.cell_type == "code":
            yield CodeCell(cell_key(cell), step)


def cell_key(cell: Any) -> str:
    """The cell's id; a fixed one for papermill's own cell, whose id differs in each run."""
    return INJECTED_TAG if INJECTED_TAG in cell.metadata.get("tags", []) else str(cell.id)


def parameter_names(notebook: Any) -> list[str]:
    """The names that the parameters cell assigns, in order; empty if there is no such cell.

    Raises SyntaxError when it is not Python, or ValueError when it cannot even be parsed.
    """
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
    """Raise UsageError unless the notebook is in Python and takes exactly the known parameters.

    papermill itself only warns about a name that a notebook does not know.
    """
    if (language := _language(notebook)) != LANGUAGE:
        raise UsageError(
            f"notebook {path} is for a kernel of {language or 'an unknown language'}: the phases "
            "are in Python",
            remedy="choose a Python kernel in JupyterLab and save the notebook, or restore the "
            "file",
        )
    try:
        takes, gives = set(parameter_names(notebook)), set(known)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"the parameters cell of {path} is not Python: {error}",
            remedy="make its parameters cell the same as in the other notebooks",
        ) from error
    problems = [f"{name}: the notebook does not take it" for name in sorted(gives - takes)]
    problems += [
        f"{name}: the notebook takes it, but a site has none" for name in sorted(takes - gives)
    ]
    if problems:
        raise UsageError(
            "\n  ".join([f"the parameters cell of {path} does not fit a site:", *problems]),
            remedy="make its parameters cell the same as in the other notebooks",
        )


def _language(notebook: Any) -> str:
    """The language of the kernel that the notebook names; ours if it names none."""
    metadata = notebook.metadata
    spec = metadata.get("kernelspec", {})
    named = spec.get("language") or metadata.get("language_info", {}).get("name")
    if named is None and spec.get("name", LANGUAGE).startswith(LANGUAGE):
        return LANGUAGE
    return str(named or "").lower()


def injected(parameters: Mapping[str, Any], notebook: Any) -> list[CodeCell]:
    """The code cells, including the one that papermill will add."""
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


def displayed_results(notebook: Path) -> list[Mapping[str, Any]]:
    """What the cells with the tag `result` displayed in an executed notebook: forms by type."""
    if not notebook.exists():
        return []
    return [
        output["data"]
        for cell in read_notebook(notebook).cells
        if "result" in cell.metadata.get("tags", [])
        for output in cell.get("outputs", [])
        if "text/plain" in output.get("data", {})
    ]


def displayed_data(notebook: Path) -> list[dict[str, Any]]:
    """The data for machines that the cells of an executed notebook displayed, in order."""
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
