"""Draws what a notebook displayed once more, as wide as the terminal that shows it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.display.findings import finding_of, findings_view
from kuryr_runbook.display.plans import document_view
from kuryr_runbook.display.tables import DATA_TYPE, View

FINDINGS = ("findings", "resilience")
"""The keys of findings in a view's data."""


def redrawn(forms: Mapping[str, Any]) -> View | str:
    """The view that has these forms, by their types; its text if its data does not tell."""
    text, data = str(forms["text/plain"]), forms.get(DATA_TYPE, {})
    if "plan" in data:
        return document_view(data["plan"])
    for key in FINDINGS:
        if key in data:
            title = text.partition("\n")[0]
            return findings_view(title, map(finding_of, data[key]), key)
    return text
