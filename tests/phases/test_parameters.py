"""What is no parameter ends a notebook before it does anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import papermill
import pytest
from papermill.exceptions import PapermillExecutionError
from papermill.translators import PythonTranslator

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.options import PARAMETERS
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.phases.parameters import ADDED, OURS, read_parameters, unknown_parameters

GIVEN: dict[str, Any] = {
    **{name: {} for name in PARAMETERS},
    "name": "lab",
    "kuryr": {"release": "stein"},
    "record": {"archive": None},
    "dry_run": True,
    "options": {"resilience": True},
}
SITE = packaged("parameters") / "lab.yaml"


def test_all_that_was_given_is_read_and_a_whole_site_file_may_be() -> None:
    found = read_parameters(GIVEN)
    assert (found.dry_run, found.options.resilience) == (True, True)
    assert found.site["kuryr"] == {"release": "stein"}
    assert found.site["record"] == {"archive": None}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"dry_run": "no"}, "dry_run: has to be True or False, not 'no'"),
        ({"dry_run": 1}, "dry_run: has to be True or False, not 1"),
        ({"kuryr": "stein"}, "kuryr: has to be a mapping, not 'stein'"),
        ({"name": 1.2}, "name: has to be text, not 1.2"),
        ({"options": {"force": True}}, r"options\.force"),
        ({"options": {"resilience": "perhaps"}}, r"options\.resilience"),
        ({"In": ["", f"{OURS}\ndry_rum = True\n"]}, r"dry_rum: did you mean dry_run\?"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read_parameters(GIVEN | changed)


def test_a_parameters_cell_that_was_put_right_and_run_again_counts() -> None:
    read_parameters(GIVEN | {"In": [f"{OURS}\ndry_rum = True", f"{OURS}\ndry_run = True"]})


def test_one_that_was_taken_out_of_the_cell_is_missing() -> None:
    with pytest.raises(UsageError, match="dry_run: not set"):
        read_parameters({name: value for name, value in GIVEN.items() if name != "dry_run"})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("dry_rum", "dry_rum: did you mean dry_run?"),
        ("Network", "Network: did you mean network?"),
        ("dryrun", "dryrun: did you mean dry_run?"),
        ("kuryr.release", "kuryr.release: give kuryr as a whole, including release"),
        ("foo-bar", "foo-bar: unknown"),
        ("option", "option: did you mean options?"),
    ],
)
def test_what_papermill_adds_is_found_whatever_its_value(name: str, problem: str) -> None:
    values = {"kuryr": {"a": "dry_rum = 1\nnetwrok = 2"}, name: {"x": ["y = z"]}, "dry_run": True}
    cell = PythonTranslator.codify(values)
    assert cell.startswith(ADDED)
    [found] = unknown_parameters(cell)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("dry_rum", True, "did you mean dry_run?"),
        ("kuryr.release", 2024.1, "give kuryr as a whole"),
    ],
)
def test_papermill_stops_in_the_first_cell_after_the_parameters(
    name: str, value: object, problem: str, tmp_path: Path
) -> None:
    notebook, out = packaged("notebooks") / "01_image_build.ipynb", tmp_path / "out.ipynb"
    with pytest.raises(PapermillExecutionError, match="not parameters") as caught:
        papermill.execute_notebook(
            notebook, out, {"kuryr": {"release": "stein"}, name: value}, progress_bar=False
        )
    assert (caught.value.ename, problem in caught.value.evalue) == ("UsageError", True)
    cells = papermill.iorw.load_notebook_node(str(out)).cells
    ran = [cell for cell in cells if cell.get("execution_count") and cell.source.strip()]
    assert "injected-parameters" in ran[-1].metadata.tags
