"""What the cells of an executed notebook displayed, read back from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kuryr_runbook.display.tables import DATA_TYPE
from kuryr_runbook.running import notebooks


def displayed_result(notebook: Path) -> str:
    """What the cells tagged `result` of an executed notebook displayed, as text."""
    if not notebook.exists():
        return ""
    return "\n\n".join(
        output["data"]["text/plain"]
        for cell in notebooks.read_notebook(notebook).cells
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
        for cell in notebooks.read_notebook(notebook).cells
        for output in cell.get("outputs", [])
        if DATA_TYPE in output.get("data", {})
    ]


def displayed_plans(notebook: Path) -> list[dict[str, Any]]:
    """The plans that the cells of an executed notebook displayed."""
    return [data["plan"] for data in displayed_data(notebook) if "plan" in data]
