"""What is imported of the SDKs: no more than is used, since commands wait for it."""

from __future__ import annotations

import ast
from pathlib import Path

import kuryr_runbook

CLIENTS = Path(kuryr_runbook.__file__).parent / "clients"
CHEAP = {"ApiClient", "Configuration"}


def test_the_classes_of_kubernetes_kinds_are_never_imported() -> None:
    """`kubernetes.client` imports them all, 250 modules, with the first typed API that is used."""
    used = {
        alias.name
        for module in CLIENTS.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "kubernetes.client"
        for alias in node.names
    }
    assert used == CHEAP
