"""A site file written by asking the lab is the one that the lab comes with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.repository import REPOSITORY

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.specs.node_probe import NODE_PROBE

pytestmark = pytest.mark.lab

PROBES = f"app.kubernetes.io/name={NODE_PROBE}"


def init(path: Path, settings: LabSettings, *options: str) -> str:
    """Call `init` for the lab; gives what it says."""
    command: list[str | Path] = [
        *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()", "init"),
        path,
        *("--cloud", "k8s", "--clouds-yaml", str(settings.clouds_yaml)),
        *("--kubeconfig", str(settings.kubeconfig), *options),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("before_kuryr")
def test_init_finds_what_the_lab_is(tmp_path: Path, settings: LabSettings) -> None:
    path = tmp_path / "lab.yaml"
    lab = read_site(REPOSITORY / "parameters" / "lab.yaml")
    said = init(path, settings, "--image", lab.image.repository)
    found = read_site(path)
    assert (found.name, found.openstack, found.kubernetes) == (
        lab.name,
        lab.openstack,
        lab.kubernetes,
    )
    assert found.kuryr.release == "2024.1", "the latest that runs on the lab's Kubernetes"
    assert found.kuryr.link_iface == lab.kuryr.link_iface
    for key in ("external_network", "router", "node_subnet", "node_security_group"):
        assert getattr(found.network, key) == getattr(lab.network, key)
    assert found.network.service_subnet == lab.network.service_subnet
    assert "NOT FOUND" not in said


def test_pods_on_the_nodes_find_the_interface_and_are_gone(
    tmp_path: Path, settings: LabSettings, cluster: KubernetesClient
) -> None:
    lab = read_site(REPOSITORY / "parameters" / "lab.yaml")
    said = init(tmp_path / "lab.yaml", settings, "--probe-nodes", "--probe-image", lab.base_image)
    # Without a login the registry refuses the image; what the kubelets say is left.
    assert "the only one that all 2 nodes have" in " ".join(said.split())
    assert cluster.list_objects("v1", "Pod", labels=PROBES) == []


def test_init_proposes_what_is_installed_so_that_there_is_nothing_to_change(
    tmp_path: Path, settings: LabSettings, kuryr: Site, cluster: KubernetesClient
) -> None:
    path = tmp_path / "any-name.yaml"
    said = init(path, settings, "--probe-nodes")
    # Kuryr's image is on the nodes, and has a shell.
    assert "in the network of the address of each of 2 nodes" in " ".join(said.split())
    assert cluster.list_objects("v1", "Pod", labels=PROBES) == []
    with pytest.raises(SiteError, match=r"1 problem\n.*image.registry_auth .*: is blank"):
        read_site(path)
    own = [
        f"  registry_auth: {kuryr.image.registry_auth}",
        f"  registry_ca: {kuryr.image.registry_ca}",
        f"  base_image: {kuryr.image.base_image}",
    ]
    path.write_text(re.sub("(?m)^  registry_auth: .*$", "\n".join(own), path.read_text()))
    found = read_site(path)
    assert (found.name, found.kuryr, found.network) == (kuryr.name, kuryr.kuryr, kuryr.network)
    command = (sys.executable, "-c", "from kuryr_runbook.cli import main; main()")
    planned = subprocess.run(
        [*command, "plan", "--site", path], capture_output=True, text=True, timeout=120,
        cwd=REPOSITORY,
    )  # fmt: skip
    assert planned.returncode == 0, planned.stdout + planned.stderr
