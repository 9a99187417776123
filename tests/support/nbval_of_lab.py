"""nbval's plugin for the notebooks: which parts of their outputs two runs cannot have in common."""

from __future__ import annotations

import difflib

import pytest
from nbval.plugin import IPyNbFile

from kuryr_runbook.display.tables import DATA_TYPE

PROGRESS = "stdout"
"""How often a wait reports its state, and which of two parallel steps begins first, is chance."""
TEXT = "text/plain"
"""Where its lines end depends on how long addresses are; the HTML says the same, in whole words."""


def pytest_collectstart(collector: pytest.Collector) -> None:
    """The data for machines says what text and HTML say, but with every id and time."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += (PROGRESS, TEXT, DATA_TYPE)


def pytest_assertrepr_compare(left: object, right: object) -> list[str]:
    """What differs, tag by tag: an output's HTML is one line of many thousand letters."""
    stored, shown = (str(output).replace(">", ">\n").splitlines() for output in (left, right))
    return ["stored and shown differ:", *list(difflib.unified_diff(stored, shown, n=1))[2:]]
