"""The lab that the tests use, and whether it is theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from worlds.host import World

from kuryr_runbook.lab.settings import LabSettings

REPOSITORY = Path(__file__).parents[2]
SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
KEEP = "KURYR_RUNBOOK_KEEP_LAB"
"""Environment variable: leave the lab up that the tests brought up."""


@dataclass(frozen=True, slots=True)
class LabOfTests:
    """A running lab."""

    settings: LabSettings
    before: World | None
    """The machine before the tests brought the lab up; None when it was up."""

    @property
    def may_go(self) -> bool:
        """Whether it is the tests' own, and not to be kept."""
        return self.before is not None and not os.environ.get(KEEP)


def runbook(command: str, directory: Path) -> None:
    """`kuryr-runbook run` or `teardown` on the lab, as a person calls it."""
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *(command, "--site", SITE_FILE, "--run-dir", directory),
        ],
        check=False,
        timeout=900,
        cwd=REPOSITORY,
    )
    if ended.returncode:
        account = directory / "run.json"
        phases = json.loads(account.read_text())["phases"] if account.exists() else []
        errors = [phase["error"] for phase in phases if phase["error"]]
        pytest.fail(f"{command} ended with {ended.returncode}: {errors}", pytrace=False)
