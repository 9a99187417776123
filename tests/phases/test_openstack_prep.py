"""What phase 02 asks the servers when there is nothing to do: each thing once, and all together."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import CLUSTER_ID
from worlds.served_apis import ServedApis, served
from worlds.sites import lab_sections, lab_site

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.clients.openstack.api import COLLECTIONS
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.openstack_prep import OpenStackPrep
from kuryr_runbook.planning.openstack import plan_openstack
from kuryr_runbook.snapshots.cloud.state import KINDS, read_cloud
from kuryr_runbook.specs.openstack import openstack_spec

NODES = {"master": "172.18.0.10", "worker1": "172.18.0.11", "worker2": "172.18.0.12"}
TOGETHER_SECONDS = 60
"""How long a request waits for those that should be under way with it."""
ENDPOINTS = "/cluster/api/v1/namespaces/default/endpoints/kubernetes"
SYSTEM = "/cluster/api/v1/namespaces/kube-system"


def prepared_cloud() -> MemoryCloud:
    """A cloud on which phase 02 has been run."""
    cloud = cluster_cloud(NODES)
    site = lab_site()
    nodes = tuple(IPv4Address(address) for address in NODES.values())
    spec = openstack_spec(site, nodes, ((nodes[0], 6443),), CLUSTER_ID)
    state = read_cloud(cloud, cloud.project_id, pools_of=(site.network.api_load_balancer,))
    apply_openstack(plan_openstack(spec, state), cloud, lambda line: None)
    return cloud


@contextmanager
def phase_at(apis: ServedApis, folder: Path) -> Iterator[OpenStackPrep]:
    sections = lab_sections()
    sections["openstack"] |= {"cloud": "k8s", "clouds_yaml": str(folder / "clouds.yaml")}
    sections["kubernetes"] |= {"kubeconfig": str(folder / "kubeconfig")}
    sections["kubernetes"].pop("context", None)
    with served(apis, folder):
        phase = OpenStackPrep(Site.model_validate(sections))
        try:
            yield phase
        finally:
            phase.cloud.session.connection.session.session.close()
            phase.cluster.session.api.rest_client.pool_manager.clear()


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServedApis:
    # The dynamic client keeps what kinds there are in a file there.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return ServedApis(prepared_cloud(), NODES)


def paths_of_lists() -> set[str]:
    prefix = {"network": "/network/v2.0", "load_balancer": "/octavia/v2.0"}
    collections = (COLLECTIONS[kind] for kind in KINDS)
    return {f"{prefix[each.service]}{each.path}" for each in collections}


def test_each_thing_is_asked_once(apis: ServedApis, tmp_path: Path) -> None:
    with phase_at(apis, tmp_path) as phase:
        assert phase.make_plan().changes == ()
    asked = Counter(path for _, path in apis.requests)
    [pool] = apis.cloud.resources["pool"]
    once = {
        "/identity/v3/auth/tokens",
        *paths_of_lists(),
        f"/octavia/v2.0/lbaas/pools/{pool['id']}/members",
        ENDPOINTS,
        SYSTEM,
        "/cluster/api/v1/nodes",
        "/cluster/version",
    }
    assert {path: asked[path] for path in once} == dict.fromkeys(once, 1)
    # keystoneauth asks Keystone for its versions, and the dynamic client what kinds there are:
    # those of v1, and not those of any other group that has a v1, too.
    asked_first = {"/identity/v3", "/cluster/api/v1"}
    assert set(asked) - once == asked_first


def test_all_lists_and_the_cluster_are_asked_at_the_same_time(
    apis: ServedApis, tmp_path: Path
) -> None:
    lists = paths_of_lists()
    together = threading.Barrier(len(lists) + 1)

    def meet(method: str, path: str) -> None:
        if path in lists or path == ENDPOINTS:
            together.wait(TOGETHER_SECONDS)

    apis.on_request = meet
    with phase_at(apis, tmp_path) as phase:
        assert phase.make_plan().changes == ()


def test_members_are_asked_while_lists_of_neutron_are_under_way(
    apis: ServedApis, tmp_path: Path
) -> None:
    asked = threading.Event()

    def hold(method: str, path: str) -> None:
        if path.endswith("/members"):
            asked.set()
        if path == "/network/v2.0/ports":
            assert asked.wait(TOGETHER_SECONDS)

    apis.on_request = hold
    with phase_at(apis, tmp_path) as phase:
        assert phase.make_plan().changes == ()
    assert asked.is_set()
