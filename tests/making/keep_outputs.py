"""Executes the phases' notebooks on the bare lab and keeps what they show; see CONTRIBUTING.md.

python -m making.keep_outputs parameters/lab.yaml
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from kuryr_runbook.display.tables import DATA_TYPE
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.running.engine import joined_streams

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def without_traces(output: Any) -> Any:
    """The output without the data for machines, which is long and holds every id."""
    output.get("data", {}).pop(DATA_TYPE, None)
    return output


def main(site: Path) -> None:
    """Execute and rewrite each notebook; ends at the first cell that fails."""
    os.environ[SITE_VARIABLE] = str(site.absolute())
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        metadata = notebook.metadata.copy()
        NotebookClient(
            notebook, timeout=None, record_timing=False, resources={"metadata": {"path": NOTEBOOKS}}
        ).execute()
        notebook.metadata = metadata
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = joined_streams([*map(without_traces, cell.outputs)])
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
