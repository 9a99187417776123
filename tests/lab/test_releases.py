"""Other releases than Stein on the lab: the whole runbook, verification, and back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import yaml
from lab_world import changes, world

from kuryr_runbook.clients.kubernetes import KubernetesClient
from kuryr_runbook.clients.openstack import OpenStackClient

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.exhaustive]

REPOSITORY = Path(__file__).parents[2]
SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
RUN_SECONDS = 45 * 60
"""An image is built from the packages' sources on the way."""


def runbook(command: str, site: Path, directory: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *(command, "--site", site, "--run-dir", directory),
        ],
        check=True,
        timeout=RUN_SECONDS,
        cwd=REPOSITORY,
    )


@pytest.mark.parametrize("release", ["train", "2024.1"])
def test_a_release_is_installed_verified_and_taken_back(
    release: str,
    before_kuryr: dict[str, dict[str, str]],
    cloud: OpenStackClient,
    cluster: KubernetesClient,
    aloud: Callable[[], AbstractContextManager[None]],
    tmp_path: Path,
) -> None:
    """On a bare lab: run this file by itself, or before what wants Kuryr on it."""
    site = yaml.safe_load(SITE_FILE.read_text())
    site["kuryr"] |= {"release": release, "vif_driver": "nested-macvlan"}
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(site))
    with aloud():
        try:
            runbook("run", file, tmp_path / "run")
            account = json.loads((tmp_path / "run" / "run.json").read_text())
            assert account["status"] == "SUCCEEDED"
            runbook("run", file, tmp_path / "again")
        finally:
            runbook("teardown", file, tmp_path / "teardown")
    assert changes(before_kuryr, world(cloud, cluster)) == []
