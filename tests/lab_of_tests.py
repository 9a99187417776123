"""The lab that the tests use, and whether it is theirs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from host_world import World

from kuryr_runbook.lab.settings import LabSettings

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
