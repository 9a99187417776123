"""The switch itself: which one runs, and where it may lie."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kuryr_runbook.lab.ovn import switch
from kuryr_runbook.lab.ovn.places import places
from kuryr_runbook.lab.settings import LabSettings

pytestmark = pytest.mark.lab

HOLDS = (3, 2)
"""The first Open vSwitch whose connection tracking has one entry for both directions."""


def test_the_running_switch_is_one_that_does_not_abort(settings: LabSettings) -> None:
    target = places(settings).run / "ovs-vswitchd.ctl"
    command = ("ovs-appctl", f"--target={target}", "version")
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    version = said.splitlines()[0].split()[-1]
    assert tuple(int(part) for part in version.split(".")[:2]) >= HOLDS


def test_the_switch_runs_from_a_cache_whose_name_a_shell_would_split(tmp_path: Path) -> None:
    cache = LabSettings(state=tmp_path / "state", cache=tmp_path / "it's a cache")
    said: list[str] = []
    switch.fetch(cache, said.append)
    command = (str(switch.command(cache)), "--version")
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    assert answer.stdout.startswith("ovs-vswitchd (Open vSwitch) 3.")
