"""The journeys that docs/architecture.md describes lead through modules that know each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "kuryr_runbook"
SECTION = re.search(
    r"^## Five journeys\n(.*?)^## ", (ROOT / "docs" / "architecture.md").read_text(), re.M | re.S
)
JOURNEYS = [
    (name, int(count), re.findall(r"`([^`]+)`", way))
    for name, count, way in re.findall(
        r"^- \*\*(.+?)\*\* \((\d+)\s+modules\):(.*?)(?=^- |\Z)",
        SECTION[1] if SECTION else "",
        re.M | re.S,
    )
]


def path_of(module: str) -> Path:
    path = PACKAGE / module
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(module: str) -> set[str]:
    """The modules of the package that a module imports, also within its functions."""
    found = set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kuryr_runbook."):
            source = str(node.module).removeprefix("kuryr_runbook.").replace(".", "/")
            found |= {source, *(f"{source}/{name.name}" for name in node.names)}
    return found


def test_there_are_five() -> None:
    assert len(JOURNEYS) == 5


@pytest.mark.parametrize(("name", "count", "modules"), JOURNEYS, ids=[it[0] for it in JOURNEYS])
def test_a_journey_leads_from_module_to_module(name: str, count: int, modules: list[str]) -> None:
    assert count == len(modules) == len(set(modules))
    assert all(path_of(module).is_file() for module in modules)
    for position, module in enumerate(modules[1:], 1):
        before = modules[:position]
        assert imported(module) & {*before} or any(module in imported(it) for it in before), module
