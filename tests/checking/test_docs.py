"""The table of faults speaks of every question of diagnosis, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from kuryr_runbook.checking.diagnosis import CHECKS

DOCS = Path(__file__).parents[2] / "docs" / "troubleshooting.md"


def test_every_check_stands_in_the_table_of_faults() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    told = {
        name
        for row in rows
        for name in re.findall(r"`([a-z]+(?:-[a-z]+)*)`", row.rsplit("|", 2)[1])
    }
    assert told == {check.name for check in CHECKS}
