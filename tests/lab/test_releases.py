"""Other releases than Stein on the lab: the whole runbook, verification, and back.

On a bare lab: run this file by itself, or before what wants Kuryr on it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml
from openstack.connection import Connection
from support.lab_of_tests import BareLab

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.model.marks import SUBPORT_OWNER
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.snapshots.cluster.vif import PodVif, parse_kuryr_port

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.exhaustive]

SECONDS = 120.0


@pytest.mark.parametrize("release", ["train", "2024.1"])
def test_a_release_is_installed_and_verified(release: str, lab: BareLab) -> None:
    site = lab.site(release=release, vif_driver="nested-macvlan")
    assert lab.run(site, "run")["status"] == "SUCCEEDED"
    assert lab.run(site, "again")["status"] == "SUCCEEDED"


def test_steins_own_plugin_in_python_plugs_pods_too(lab: BareLab) -> None:
    site = lab.site(release="stein")
    sections = yaml.safe_load(site.read_text())
    sections["image"]["cni_plugin_language"] = "python"
    site.write_text(yaml.safe_dump(sections))
    assert lab.run(site, "run")["status"] == "SUCCEEDED"


# Ussuri deletes load balancers that are not its own.


@pytest.fixture
def foreign_balancer(k8s: Connection) -> Iterator[Callable[[], str]]:
    """Somebody's load balancer in the cluster's project; gives what Octavia says of it."""
    octavia: Any = k8s.load_balancer
    subnet: Any = k8s.network.find_subnet("k8s-node-subnet", ignore_missing=False)
    made = octavia.create_load_balancer(name="default/theirs", vip_subnet_id=subnet.id)

    def status() -> str:
        found = octavia.find_load_balancer(made.id)
        return found.provisioning_status if found else "gone"

    awaited(lambda: status() == "ACTIVE")
    yield status
    octavia.delete_load_balancer(made.id, cascade=True)
    awaited(lambda: status() in ("gone", "DELETED"))


def awaited(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_ussuri_is_refused_where_it_could_delete_load_balancers_of_others(bare: BareLab) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        bare.call("run", bare.site(release="ussuri"), "run")
    assert caught.value.returncode == 2
    assert bare.changed() == []


def test_ussuri_with_tags_leaves_load_balancers_of_others(
    lab: BareLab, foreign_balancer: Callable[[], str]
) -> None:
    site = lab.site(release="ussuri", resource_tags=["kuryr-lab"])
    assert lab.run(site, "run")["status"] == "SUCCEEDED"
    # It cleans up when the controller starts: once more, with all load balancers there.
    [pod] = lab.cluster.list_objects("v1", "Pod", labels="name=kuryr-controller")
    lab.cluster.delete(pod)
    assert lab.run(site, "again")["status"] == "SUCCEEDED"
    assert foreign_balancer() == "ACTIVE"


# nested-vlan, to the level of the APIs: `test_nested_vlan.py` takes it to the end.


@pytest.fixture
def trunks(lab: BareLab, k8s: Connection) -> Iterator[dict[str, str]]:
    """The workers' ports are parents of trunks; gives their ids by the workers' names.

    After teardown they carry nothing.
    """
    network: Any = k8s.network
    ports = [port for port in network.ports() if port.name.startswith("worker")]
    made = {port.name: network.create_trunk(name=port.name, port_id=port.id).id for port in ports}
    yield made
    lab.call("teardown", lab.folder / "site.yaml", "teardown before trunks")
    left = [network.get_trunk(trunk).sub_ports for trunk in made.values()]
    for trunk in made.values():
        network.delete_trunk(trunk)
    assert left == [[] for _ in made]


def test_nested_vlan_makes_pods_ports_subports_of_their_workers_trunk(
    lab: BareLab, trunks: dict[str, str], k8s: Connection
) -> None:
    site = lab.site(release="2024.1", vif_driver="nested-vlan")
    assert lab.run(site, "run", "--until", "daemon")["status"] == "SUCCEEDED"
    network: Any = k8s.network
    with closing(Pods(lab.cluster, sorted(trunks))) as pods:
        awaited(lambda: len(pods.vifs()) == len(trunks))
        for worker, vif in pods.vifs().items():
            [subport] = network.get_trunk(trunks[worker]).sub_ports
            assert (subport["port_id"], subport["segmentation_type"]) == (vif.port_id, "vlan")
            port = network.get_port(vif.port_id)
            assert (port.device_owner, port.status) == (SUBPORT_OWNER, "ACTIVE")
            assert port.mac_address == vif.mac
            assert [it["ip_address"] for it in port.fixed_ips] == list(vif.addresses)
    awaited(lambda: not any(network.get_trunk(trunk).sub_ports for trunk in trunks.values()))


def test_subports_that_kuryr_left_go_with_teardown(
    lab: BareLab, trunks: dict[str, str], k8s: Connection
) -> None:
    site = lab.site(release="2024.1", vif_driver="nested-vlan")
    assert lab.run(site, "run", "--until", "daemon")["status"] == "SUCCEEDED"
    subnet: Any = k8s.network.find_subnet("kuryr-pod-subnet", ignore_missing=False)
    left: Any = k8s.network.create_port(
        network_id=subnet.network_id,
        fixed_ips=[{"subnet_id": subnet.id}],
        device_owner="compute:kuryr",
    )
    subport = {"port_id": left.id, "segmentation_type": "vlan", "segmentation_id": 7}
    network: Any = k8s.network
    network.add_trunk_subports(trunks["worker1"], [subport])
    # What is left when teardown has run, the fixtures look at.


class Pods:
    """One pod on each worker, of an image that is nowhere: its network comes before its image."""

    def __init__(self, cluster: KubernetesClient, workers: list[str]) -> None:
        self.cluster = cluster
        self.manifests = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"vlan-{worker}", "namespace": "default"},
                "spec": {
                    "nodeName": worker,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "c", "image": "localhost/none"}],
                },
            }
            for worker in workers
        ]
        for manifest in self.manifests:
            cluster.apply(manifest)

    def vifs(self) -> dict[str, PodVif]:
        """The active interfaces that Kuryr's controller gave them, by worker."""
        ports = self.cluster.list_objects(API_VERSION, "KuryrPort", namespace="default")
        found = {port["metadata"]["name"]: parse_kuryr_port(port.get("status")) for port in ports}
        return {
            pod.removeprefix("vlan-"): vif
            for pod, vif in found.items()
            if isinstance(vif, PodVif) and vif.active
        }

    def close(self) -> None:
        for manifest in self.manifests:
            self.cluster.delete(manifest)
