"""Writes the table of faults in docs/troubleshooting.md anew, from the checks.

PYTHONPATH=tests python -m making.faults
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.diagnosis import CHECKS
from kuryr_runbook.checking.subjects import SUBJECTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
BEGIN, END = "<!-- faults, by tests/making/faults.py -->\n", "<!-- /faults -->\n"
HEAD = "| fault | what users see | what diagnose says |\n|---|---|---|"


def table() -> str:
    """All sections with a row for each fault."""
    return "\n".join(
        f"### {title}\n\n{HEAD}\n" + "".join(f"{row}\n" for row in rows)
        for title, modules in SUBJECTS.items()
        if (rows := [*_rows(modules)])
    )


def _rows(modules: tuple[ModuleType, ...]) -> Iterator[str]:
    for check in (it for module in modules for it in vars(module).values()):
        if isinstance(check, Check) and Occasion.DIAGNOSIS in check.on:
            for fault in check.faults:
                yield f"| {fault.what} | {fault.seen} | {fault.reported or f'`{check.name}`'} |"


def written(text: str) -> str:
    """The document with the table as it is now."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    return re.sub(pattern, lambda _: f"{BEGIN}\n{table()}\n{END}", text, flags=re.DOTALL)


def undocumented() -> list[str]:
    """The checks of diagnosis that no row tells of."""
    return [check.name for check in CHECKS if f"`{check.name}`" not in table()]


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
