"""The other ways of plugging pods, with real packets, each on a lab of its own kind.

They come after all other tests, since a machine has one lab at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from worlds import host as host_world
from worlds.lab import changes, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab import lifecycle
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import LabSettings, WorkerKind
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import read_site
from kuryr_runbook.phases.verification import Verification

pytestmark = [pytest.mark.lab, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
RUN_SECONDS = 45 * 60
FOLLOWS_SECONDS = 60.0
Aloud = Callable[[], AbstractContextManager[None]]


class OwnLab:
    """A bare lab, and the runbook on it."""

    def __init__(self, settings: LabSettings, folder: Path, aloud: Aloud) -> None:
        self.cloud = OpenStackClient("k8s", settings.clouds_yaml)
        self.cluster = KubernetesClient(settings.kubeconfig)
        self._folder = folder
        self._aloud = aloud
        self._runs = 0

    def site(self, **kuryr: Any) -> Path:
        """The lab's site file with some of Kuryr's keys changed."""
        site = yaml.safe_load(SITE_FILE.read_text())
        site["kuryr"] |= kuryr
        path = self._folder / "site.yaml"
        path.write_text(yaml.safe_dump(site))
        return path

    def call(self, command: str, site: Path) -> None:
        """`kuryr-runbook run` or `teardown`, which has to succeed."""
        self._runs += 1
        directory = self._folder / f"{self._runs}-{command}"
        arguments = (command, "--site", str(site), "--run-dir", str(directory))
        program = (sys.executable, "-c", "from kuryr_runbook.cli import main; main()")
        with self._aloud():
            done = subprocess.run(
                (*program, *arguments), check=False, timeout=RUN_SECONDS, cwd=REPOSITORY
            )
        account = json.loads((directory / "run.json").read_text())
        assert done.returncode == 0, [phase["error"] for phase in account["phases"]]


@pytest.fixture
def own_lab(request: pytest.FixtureRequest, tmp_path: Path, aloud: Aloud) -> Iterator[OwnLab]:
    """A lab with the settings of the test's parameter; gone at the end without a trace."""
    if remembered(LabSettings()):
        pytest.skip("this machine's lab is up: it has one at a time")
    settings = LabSettings(**request.param)
    before = host_world.read(settings)
    try:
        with aloud():
            lifecycle.up(settings, print)
        yield OwnLab(settings, tmp_path, aloud)
    finally:
        lifecycle.destroy(settings, print)
    assert host_world.changes(before, host_world.read(settings)) == []


VIP_CHECKS = {
    "service-subnet-rule", "vip-from-pods", "vip-backends", "vip-source-address",
    "floating-ip-from-outside",
}  # fmt: skip
"""What fails when no group admits the service subnet."""
MACHINES = {"worker_kinds": (WorkerKind.UML,)}


@pytest.mark.parametrize("own_lab", [MACHINES], indirect=True, ids=["uml"])
@pytest.mark.parametrize(
    "release",
    [
        "stein",
        pytest.param("train", marks=pytest.mark.exhaustive),
        pytest.param("2024.1", marks=pytest.mark.exhaustive),
    ],
)
def test_nested_vlan_carries_packets(release: str, own_lab: OwnLab) -> None:
    before = world(own_lab.cloud, own_lab.cluster)
    site = own_lab.site(release=release, vif_driver="nested-vlan")
    own_lab.call("run", site)
    check_pods_groups_decide(own_lab, site)
    own_lab.call("teardown", site)
    assert changes(before, world(own_lab.cloud, own_lab.cluster)) == []


def check_pods_groups_decide(own_lab: OwnLab, site_file: Path) -> None:
    """Without the service subnet's rule in the pods' group, VIPs fail; the nodes' needs none."""
    site = read_site(site_file)
    phase = Verification(site)
    phase.carry_out(phase.make_plan())
    try:
        assert bad(phase) == set()
        assert service_rules(own_lab, site, "k8s-node-sg") == []
        [rule] = service_rules(own_lab, site, "kuryr-pod-sg")
        own_lab.cloud.delete("security_group_rule", rule["id"])
        awaited(lambda: bad(phase) != set())
        assert bad(phase) == VIP_CHECKS
    finally:
        phase.remove()


def service_rules(own_lab: OwnLab, site: Site, group: str) -> list[Resource]:
    """The rules of the group that admit the service subnet."""
    [found] = own_lab.cloud.list_resources("security_group", name=group)
    cidr = str(site.network.service_subnet.cidr)
    return own_lab.cloud.list_resources(
        "security_group_rule", security_group_id=found["id"], remote_ip_prefix=cidr
    )


def bad(phase: Verification) -> set[str]:
    """The checks that did not pass."""
    well = (Status.PASS, Status.SKIP)
    return {finding.check for finding in phase.findings() if finding.status not in well}


def awaited(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + FOLLOWS_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)
