"""Notebooks that no phase can be: each is refused before anything runs, with what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from worlds.broken_files import CONTENTS, IRREGULAR, damaged

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.options import PARAMETERS
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.running.notebooks import injected, read_notebook, refuse_mismatch

ORIGINAL = packaged("notebooks") / "00_preflight.ipynb"
WHOLE = ORIGINAL.read_bytes()


def prepared(path: Path) -> Any:
    """As a run reads it, before its first cell."""
    notebook = read_notebook(path)
    refuse_mismatch(path, notebook, PARAMETERS)
    return injected({"name": "lab"}, notebook)


def without_kernelspec(document: dict[str, Any]) -> None:
    del document["metadata"]["kernelspec"]


def without_metadata(document: dict[str, Any]) -> None:
    document["metadata"] = {}


def of_another_python(document: dict[str, Any]) -> None:
    document["metadata"]["kernelspec"] = {
        "name": "conda-x",
        "display_name": "",
        "language": "python",
    }


def with_doubled_ids(document: dict[str, Any]) -> None:
    document["cells"][1]["id"] = document["cells"][0]["id"]


def without_ids(document: dict[str, Any]) -> None:
    for cell in document["cells"]:
        del cell["id"]


def of_version_3(document: dict[str, Any]) -> None:
    document["nbformat"] = 3


def of_version_4_4(document: dict[str, Any]) -> None:
    document["nbformat_minor"] = 4


def of_r(document: dict[str, Any]) -> None:
    document["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}


def of_an_unknown_kernel(document: dict[str, Any]) -> None:
    document["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R"}}


def with_a_broken_parameters_cell(document: dict[str, Any]) -> None:
    for cell in document["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            cell["source"] = ["name = (\n"]


def with_cells_of_no_kind(document: dict[str, Any]) -> None:
    document["cells"][0]["cell_type"] = "video"


def with_cells_of_text(document: dict[str, Any]) -> None:
    document["cells"] = ["name = 1"]


def changed(change: Callable[[dict[str, Any]], None], path: Path) -> Path:
    document = json.loads(WHOLE)
    change(document)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("change", [without_kernelspec, without_metadata, of_another_python])
def test_whatever_python_a_notebook_names_it_can_run(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    assert prepared(changed(change, tmp_path / "x.ipynb"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (with_doubled_ids, "has several cells with the id title"),
        (without_ids, "has cells without an id"),
        (of_version_3, "has nbformat 3"),
        (of_version_4_4, "has nbformat 4.4, not 4.5 or a later 4.x"),
        (of_r, "is for a kernel of r: the phases are in Python"),
        (of_an_unknown_kernel, "is for a kernel of an unknown language"),
        (with_a_broken_parameters_cell, "is not Python: '(' was never closed"),
        (with_cells_of_no_kind, "is not valid: {'cell_type': 'video'"),
        (with_cells_of_text, "has no list of cells"),
    ],
)
def test_what_no_phase_can_be_is_refused(
    change: Callable[[dict[str, Any]], None], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        prepared(changed(change, tmp_path / "x.ipynb"))
    assert expected in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("kind", [*(name for name in CONTENTS if "20 MB" not in name), *IRREGULAR])
def test_what_is_no_notebook_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    if kind in IRREGULAR:
        IRREGULAR[kind](path)
    else:
        path.write_bytes(CONTENTS[kind])
    with pytest.raises(UsageError) as caught:
        prepared(path)
    assert len(str(caught.value)) < 3000


@given(damaged(WHOLE))
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_damaged_notebook_runs_or_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with suppress(UsageError):
        prepared(path)
