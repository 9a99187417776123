"""The notebooks' shape: one parameters cell, prose before code, no logic, the phase they name."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from worlds.sites import lab_site

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.model.options import PARAMETERS
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.catalogue import AUDIT, PHASES, TEARDOWN, TROUBLESHOOTING, PhaseEntry
from kuryr_runbook.phases.parameters import OURS
from kuryr_runbook.running.jupyterlab import START
from kuryr_runbook.running.notebooks import parameter_names
from kuryr_runbook.snapshots.preflight import read_preflight
from kuryr_runbook.snapshots.reading import Unreadable

ENTRIES = (*PHASES, AUDIT, TROUBLESHOOTING, TEARDOWN)
ONLY_LOOKS = {
    "preflight": ["check"],
    "audit": ["recognized", "take_over", "preflight", "check", "picture", "trace", "write"],
    "troubleshooting": ["check", "picture", "trace", "plan"],
}
DIRECTORY = packaged("notebooks")
PREFLIGHT_CHECKS = [
    finding.check
    for finding in check_preflight(
        read_preflight(lab_site(), *(Unreadable("not asked") for _ in range(3)))
    )
]
each_notebook = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.stem)


def read(entry: PhaseEntry) -> Any:
    return nbformat.read(DIRECTORY / entry.notebook, as_version=4)  # type: ignore[no-untyped-call]


def code(entry: PhaseEntry) -> list[Any]:
    return [cell for cell in read(entry).cells if cell.cell_type == "code"]


def tagged(entry: PhaseEntry, tag: str) -> list[Any]:
    return [cell for cell in read(entry).cells if tag in cell.metadata.get("tags", [])]


def test_every_notebook_is_in_the_catalogue_and_the_other_way_round() -> None:
    phases = [entry.notebook for entry in ENTRIES]
    assert sorted(path.name for path in DIRECTORY.glob("*.ipynb")) == [*phases, START]


@each_notebook
def test_names_match(entry: PhaseEntry) -> None:
    kind = entry.load()
    assert issubclass(kind, Phase)
    assert kind.name == entry.name
    assert (kind.lasting, kind.needs_cluster) == (entry.lasting, entry.needs_cluster)
    assert kind.__module__ == f"kuryr_runbook.phases.{entry.name}"
    begin = code(entry)[1].source
    assert begin.startswith(f"from kuryr_runbook.phases.{entry.name} import {entry.class_name}\n")
    assert begin.endswith(f"\n\nphase = {entry.class_name}.begin(globals())")


@each_notebook
def test_no_cell_takes_a_parameter_over_under_its_name(entry: PhaseEntry) -> None:
    bound = {
        alias.asname or alias.name
        for cell in code(entry)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not bound & {*PARAMETERS}


@each_notebook
def test_one_parameters_cell_equal_in_all_and_equal_to_the_model(entry: PhaseEntry) -> None:
    (cell,) = tagged(entry, "parameters")
    (first,) = tagged(ENTRIES[0], "parameters")
    assert cell.source == first.source
    assert parameter_names(read(entry)) == list(PARAMETERS)
    lines = cell.source.splitlines()
    assert lines[2] == OURS
    for line in lines[3:]:
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.Assign)
        value = ast.literal_eval(statement.value)
        assert value in ("", {}, False)
        assert "|" not in line


@each_notebook
def test_papermill_warns_of_nothing_in_a_site_file(entry: PhaseEntry) -> None:
    """What papermill finds in the cell is all that it does not warn of."""
    found = papermill.inspect_notebook(DIRECTORY / entry.notebook)
    assert list(found) == list(PARAMETERS)
    assert set(Site.model_fields) <= set(found)


@each_notebook
def test_the_words_before_the_parameters_are_few(entry: PhaseEntry) -> None:
    cells = read(entry).cells
    [position] = [
        i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])
    ]
    assert len(cells[position - 1].source.splitlines()) <= 10


@each_notebook
def test_prose_stands_before_every_code_cell(entry: PhaseEntry) -> None:
    cells = read(entry).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {entry.number} ")
    for before, cell in pairwise(cells):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown"
            assert before.source.startswith("## ")
            assert len(before.source.split("\n\n", 1)[1]) > 60


@each_notebook
def test_cells_hold_calls_and_no_logic(entry: PhaseEntry) -> None:
    for cell in code(entry):
        tree = ast.parse(cell.source)
        if "parameters" in cell.metadata.get("tags", []):
            continue
        for statement in tree.body:
            assert isinstance(statement, ast.ImportFrom | ast.Assign | ast.Expr), cell.source
            if not isinstance(statement, ast.ImportFrom):
                assert isinstance(statement.value, ast.Call), cell.source
        for node in ast.walk(tree):
            assert not isinstance(
                node, ast.IfExp | ast.comprehension | ast.Lambda | ast.BoolOp | ast.BinOp
            ), cell.source


@each_notebook
def test_every_call_on_the_phase_exists(entry: PhaseEntry) -> None:
    kind = entry.load()
    calls = [match for cell in code(entry) for match in re.findall(r"^phase\.(\w+)\(", cell.source)]
    expected = ONLY_LOOKS.get(entry.name, ["plan", "apply", "check"])
    assert calls[: len(expected)] == expected
    assert all(callable(getattr(kind, name, None)) for name in calls)


@each_notebook
def test_outputs_come_from_an_execution_in_order(entry: PhaseEntry) -> None:
    counts = [cell.execution_count for cell in code(entry)]
    if any(counts):
        assert counts == list(range(1, len(counts) + 1))
    else:
        assert not any(cell.outputs for cell in code(entry))


@each_notebook
def test_cells_have_stable_ids_and_no_traces_of_an_execution(entry: PhaseEntry) -> None:
    notebook = read(entry)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z-]*", name) for name in ids), ids
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert "papermill" not in notebook.metadata


def test_only_verification_and_teardown_end_with_a_result() -> None:
    with_result = [entry.name for entry in ENTRIES if tagged(entry, "result")]
    assert with_result == ["verification", "teardown"]


@pytest.mark.parametrize("check", PREFLIGHT_CHECKS)
def test_the_preflight_notebook_explains_every_check(check: str) -> None:
    prose = "\n".join(
        cell.source for cell in read(ENTRIES[0]).cells if cell.cell_type == "markdown"
    )
    assert ("## Quotas" if check.startswith("quota-") else f"`{check}`") in prose


PROSE = "\n".join(
    cell.source for entry in ENTRIES for cell in read(entry).cells if cell.cell_type == "markdown"
).replace("\n", " ")

SUBJECTS = [
    "one image for both", "300 MB", "compiler", "issue 526", "Python 3.6", "GOPATH", "Google Cloud",
    "from Train", "5036", "logs in to the registry", "--config-file", "is a Secret",
    "service account", "DevStack", "host's network", "Tolerations", "/proc", "10-kuryr.conf",
    "init container", "ConfigMap", "/etc/kuryr/", "/opt/cni/bin", "preinstalled", "member mode",
    "from the service subnet", "neutron-vif", "nested-macvlan", "node group", "pod group",
    "selector", "`admin`", "load-balancer_member", "os-client-ca", "create_kuryr_networks",
    "pod_security_group_id", "external_network_id", "k8s_project_id", "kuryr_service_subnet_id",
    "kuryr_pod_subnet_id", "node_subnet_id", "state_dir", "os.auth", "os.access_node",
    "kuryr_image", "annotation", "allowed_address_pairs", "NodePort", "ExternalName", "UDP",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_prose_speaks_of(subject: str) -> None:
    assert subject.lower() in PROSE.lower()


def test_the_first_notebook_leads_to_all_others_and_holds_two_calls() -> None:
    notebook = nbformat.read(DIRECTORY / START, as_version=4)  # type: ignore[no-untyped-call]
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.findall(r"\((\w+\.ipynb)\)", prose) == [entry.notebook for entry in ENTRIES]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    calls = [cell.source.rpartition("\n\n")[2] for cell in cells]
    assert calls == ["choose_site()", "where_it_stands()"]
    assert not any(cell.outputs for cell in cells)


def test_no_notebook_names_a_path_of_a_machine() -> None:
    text = "".join(path.read_text() for path in DIRECTORY.glob("*.ipynb"))
    assert not re.search(rf"/(home|root|Users)/|{re.escape(str(Path.home()))}/", text)
