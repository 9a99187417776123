"""Every release as published, with the modern constraints: all of it loads, our driver works.

What the smoke tests ask of an image is asked here of all releases, in an environment of this
machine. Needs the package index and a Python 3.11; minutes.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from specs.options import dump

from kuryr_runbook.model.releases import RELEASES, Release

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dump.environment(tmp_path_factory.mktemp("released") / "venv")


@pytest.mark.parametrize("release", RELEASES.values(), ids=list(RELEASES))
def test_all_of_a_release_loads_and_no_pod_loses_its_pair(
    release: Release, python: Path, tmp_path: Path
) -> None:
    wheels = f"--target={tmp_path}"
    kuryr = f"kuryr-kubernetes=={release.version}"
    dump.pip(python, "--no-deps", "--ignore-requires-python", wheels, kuryr)
    dump.pip(python, "--no-deps", wheels, str(dump.SHARE / "vif_driver"))
    assert "entry points load" in said(python, tmp_path, "entry_points.py")
    assert "20 of 20 pods keep their pair" in said(python, tmp_path, "vif_driver.py")


def said(python: Path, wheels: Path, script: str) -> str:
    return subprocess.run(
        [python, dump.SHARE / "smoke" / script],
        check=True,
        env={"PYTHONPATH": str(wheels)},
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
