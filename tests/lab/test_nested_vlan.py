"""nested-vlan with real packets, on workers that have a kernel of their own.

It comes after all other tests, since a machine has one lab at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.lab_of_tests import BareLab
from worlds import host as host_world
from worlds.lab import world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab import lifecycle
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import LabSettings, WorkerKind
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.verification import Verification

# A worker of this kind takes minutes to pull and unpack the image.
pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.exhaustive]

FOLLOWS_SECONDS = 60.0
VIP_CHECKS = {
    "service-subnet-rule", "vip-from-pods", "vip-backends", "vip-source-address",
    "floating-ip-from-outside",
}  # fmt: skip
"""What fails when no group admits the service subnet."""


@pytest.fixture(scope="module")
def own_settings(
    aloud: Callable[[], AbstractContextManager[None]],
) -> Iterator[LabSettings]:
    """A lab of such workers; gone at the end without a trace."""
    if remembered(LabSettings()):
        pytest.skip("this machine's lab is up: it has one at a time")
    settings = LabSettings(worker_kinds=(WorkerKind.UML,))
    before = host_world.read(settings)
    try:
        with aloud():
            lifecycle.up(settings, print)
        yield settings
    finally:
        lifecycle.destroy(settings, print)
    assert host_world.changes(before, host_world.read(settings)) == []


@pytest.fixture
def own_lab(
    own_settings: LabSettings,
    aloud: Callable[[], AbstractContextManager[None]],
    tmp_path: Path,
) -> Iterator[BareLab]:
    """The bare lab; after the test it is bare again."""
    cloud = OpenStackClient("k8s", own_settings.clouds_yaml)
    cluster = KubernetesClient(own_settings.kubeconfig)
    lab = BareLab(cloud, cluster, world(cloud, cluster), aloud, tmp_path)
    yield lab
    lab.call("teardown", lab.folder / "site.yaml", "teardown")
    assert lab.changed() == []


@pytest.mark.parametrize("release", ["stein", "train", "2024.1"])
def test_nested_vlan_is_installed_and_verified(release: str, own_lab: BareLab) -> None:
    site = own_lab.site(release=release, vif_driver="nested-vlan")
    assert own_lab.run(site, "run")["status"] == "SUCCEEDED"
    own_lab.diagnose(site)
    check_pods_group_decides(own_lab, read_site(site))


def check_pods_group_decides(lab: BareLab, site: Site) -> None:
    """Without the service subnet's rule in the pods' group, VIPs fail; the nodes' has none."""
    phase = Verification(site)
    phase.carry_out(phase.make_plan())
    try:
        assert bad(phase) == set()
        assert service_rules(lab, site, site.network.node_security_group) == []
        [rule] = service_rules(lab, site, site.network.pod_security_group)
        lab.cloud.delete("security_group_rule", rule["id"])
        end = time.monotonic() + FOLLOWS_SECONDS
        while not (found := bad(phase)) and time.monotonic() < end:
            continue
        assert found == VIP_CHECKS
    finally:
        phase.remove()


def service_rules(lab: BareLab, site: Site, group: str) -> list[Resource]:
    """The rules of the group that admit the service subnet."""
    [found] = lab.cloud.list_resources("security_group", name=group)
    cidr = str(site.network.service_subnet.cidr)
    return lab.cloud.list_resources(
        "security_group_rule", security_group_id=found["id"], remote_ip_prefix=cidr
    )


def bad(phase: Verification) -> set[str]:
    """The checks that did not pass."""
    well = (Status.PASS, Status.SKIP)
    return {finding.check for finding in phase.findings() if finding.status not in well}
