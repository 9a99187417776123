"""What teardown takes of the cluster beside controller and daemon."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import MemoryCluster
from worlds.memory_keystone import MemoryKeystone
from worlds.sites import lab_site

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Action
from kuryr_runbook.phases import teardown
from kuryr_runbook.phases.teardown import Teardown
from kuryr_runbook.specs.controller import custom_resource_definitions
from kuryr_runbook.specs.node_probe import NodeProbe, ProbedNode
from kuryr_runbook.specs.upgrade_check import upgrade_check


@pytest.fixture
def phase(monkeypatch: pytest.MonkeyPatch) -> Teardown:
    """Of a cluster that runs Victoria."""
    made = Teardown(lab_site())
    kuryr = made.site.kuryr.model_copy(update={"release": "victoria"})
    made.site = made.site.model_copy(update={"kuryr": kuryr})
    monkeypatch.setattr(MemoryCloud, "session", None, raising=False)
    monkeypatch.setattr(teardown, "IdentityClient", lambda session: MemoryKeystone())
    made.cloud = cluster_cloud({})  # type: ignore[assignment]
    return made


def planned(phase: Teardown, *objects: Mapping[str, Any]) -> list[str]:
    phase.cluster = MemoryCluster(*objects)  # type: ignore[assignment]
    steps = phase.make_plan().changes
    assert all(step.action is Action.DELETE for step in steps)
    return [str(step.target) for step in steps]


def test_the_definitions_that_the_runbook_made_go_after_what_they_define(phase: Teardown) -> None:
    definitions = custom_resource_definitions(phase.site)
    foreign = {
        **definitions[0],
        "metadata": {"name": "networks.example.org"},
        "spec": {**definitions[0]["spec"], "group": "example.org"},
    }
    metadata = {"name": "web-1", "namespace": "shop"}
    port = {"apiVersion": "openstack.org/v1", "kind": "KuryrPort", "metadata": metadata}
    found = planned(phase, *definitions, foreign, port)
    assert found[0] == "KuryrPort shop/web-1"
    assert found[1:] == [f"CustomResourceDefinition {crd.name}" for crd in phase.site.release.crds]


def test_a_check_that_a_killed_upgrade_left_goes_too(phase: Teardown) -> None:
    pod = upgrade_check(phase.site, "registry.example.org/kuryr/kuryr@sha256:a")
    assert planned(phase, {**pod, "status": {}}) == ["Pod kube-system/kuryr-upgrade-check"]


def test_pods_and_login_of_a_killed_node_probe_go_too(phase: Teardown) -> None:
    nodes = [ProbedNode(name="worker1", pull="r/k:1", look="")]
    probe = NodeProbe(
        namespace="kube-system", site=phase.site.name, run="abc", nodes=nodes, login="{}"
    )
    left = [{**pod, "status": {}} for pod in probe.pods.values()]
    assert probe.secret is not None
    assert planned(phase, *left, probe.secret) == [
        "Secret kube-system/kuryr-node-probe-abc",
        "Pod kube-system/kuryr-node-probe-abc-0",
    ]


def test_pairs_of_pods_are_taken_off_the_nodes_ports_and_others_stay(phase: Teardown) -> None:
    cloud = cluster_cloud({"worker1": "172.18.0.11"})
    pods = phase.site.network.pod_subnet
    [nodes] = [item for item in cloud.resources["subnet"] if item["name"] == "k8s-node-subnet"]
    cloud.add(
        "subnet",
        name=pods.name,
        network_id=nodes["network_id"],
        cidr=str(pods.cidr),
        description="made by hand",
    )
    [node] = [item for item in cloud.resources["port"] if item["name"] == "worker1"]
    pairs = [
        {"ip_address": address, "mac_address": "fa:16:3e:0:0:9"}
        for address in ("10.1.0.9", "192.0.2.1")
    ]
    node["allowed_address_pairs"] = pairs
    phase.cloud = cloud  # type: ignore[assignment]
    phase.cluster = MemoryCluster()  # type: ignore[assignment]
    plan = phase.make_plan()
    assert [str(step.target) for step in plan.changes] == ["address_pairs port worker1"]
    phase.carry_out(plan)
    assert node["allowed_address_pairs"] == pairs[1:]


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ({"phase": "Running", "podIP": "10.1.0.9"}, True),
        ({"phase": "Succeeded", "podIP": "10.1.0.9"}, False),
        ({"phase": "Failed", "podIP": "10.1.0.9"}, False),
        ({"phase": "Pending"}, False),
    ],
)
def test_only_pods_that_use_their_address_hold_teardown_up(
    phase: Teardown, status: dict[str, str], *, refused: bool
) -> None:
    metadata = {"name": "job-1", "namespace": "shop"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": status}
    expected = pytest.raises(DriftError, match="shop/job-1") if refused else nullcontext()
    with expected:
        assert planned(phase, pod) == []
