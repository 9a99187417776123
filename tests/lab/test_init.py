"""A site file written by asking the lab is the one that the lab comes with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.phases.base import read_site

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parents[2]


def test_init_finds_what_the_lab_is(tmp_path: Path, settings: LabSettings) -> None:
    path = tmp_path / "lab.yaml"
    lab = read_site(REPOSITORY / "parameters" / "lab.yaml")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()", "init", path),
            *("--cloud", "k8s", "--clouds-yaml", settings.clouds_yaml),
            *("--kubeconfig", settings.kubeconfig, "--image", lab.image.repository),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    found = read_site(path)
    assert (found.name, found.openstack, found.kubernetes) == (
        lab.name,
        lab.openstack,
        lab.kubernetes,
    )
    # That of an installed Kuryr, or else the latest that runs on the lab's Kubernetes.
    assert found.kuryr.release in (lab.kuryr.release, "2024.1")
    assert found.kuryr.link_iface == lab.kuryr.link_iface
    # Where pods or services are there already, other ranges are free.
    for key in ("external_network", "router", "node_subnet", "node_security_group"):
        assert getattr(found.network, key) == getattr(lab.network, key)
    assert found.network.service_subnet == lab.network.service_subnet
    assert "NOT FOUND" not in done.stdout
