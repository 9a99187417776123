"""Teardown on the lab: what the runbook made is gone, all else is as before."""

from typing import Any

import pytest
from lab_world import changes, world

from kuryr_runbook.clients.kubernetes import KubernetesClient
from kuryr_runbook.clients.openstack import OpenStackClient
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.teardown import Teardown

pytestmark = pytest.mark.lab


def test_teardown_leaves_cloud_and_cluster_as_they_were(
    kuryr: Site,
    before_kuryr: dict[str, dict[str, str]],
    cloud: OpenStackClient,
    cluster: KubernetesClient,
) -> None:
    teardown = Teardown(**kuryr.model_dump(mode="json", exclude_none=True))
    teardown.carry_out(teardown.make_plan())
    assert changes(before_kuryr, world(cloud, cluster)) == []
    assert teardown.make_plan().steps == ()
    nodes = cluster.watch("v1", "Node", seconds=60, until=none_ready)
    assert nodes
    assert none_ready(nodes)


def none_ready(nodes: dict[str, Any]) -> bool:
    """Without Kuryr there is no pod network, and the kubelets say so."""
    return not any(
        condition["status"] == "True"
        for node in nodes.values()
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    )
