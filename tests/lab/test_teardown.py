"""Teardown on the lab: what the runbook made is gone, all else is as before."""

from dataclasses import replace
from typing import Any

import pytest
from worlds.lab import changes, world

from kuryr_runbook.applying.by_kind import ManifestExecutor
from kuryr_runbook.applying.steps import apply_plan
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.plan import Plan, staged
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.teardown import Teardown

pytestmark = pytest.mark.lab


def test_teardown_leaves_cloud_and_cluster_as_they_were(
    kuryr: Site,
    before_kuryr: dict[str, dict[str, str]],
    cloud: OpenStackClient,
    cluster: KubernetesClient,
) -> None:
    site = kuryr.model_dump(mode="json", exclude_none=True)
    site["kuryr"] |= {"credentials": "application_credential"}
    controller, teardown = (
        Controller(Site.model_validate(site)),
        Teardown(Site.model_validate(site)),
    )
    controller.carry_out(controller.make_plan())
    assert "application_credential" in {step.target.kind for step in teardown.make_plan().steps}
    teardown.carry_out(teardown.make_plan())
    assert changes(before_kuryr, world(cloud, cluster)) == []
    assert teardown.make_plan().steps == ()
    nodes = cluster.watch("v1", "Node", seconds=60, until=none_ready)
    assert nodes
    assert none_ready(nodes)


CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kuryrports.openstack.org"},
    "spec": {
        "group": "openstack.org",
        "scope": "Namespaced",
        "names": {"kind": "KuryrPort", "plural": "kuryrports", "singular": "kuryrport"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
PORT: dict[str, Any] = {
    "apiVersion": "openstack.org/v1",
    "kind": "KuryrPort",
    "metadata": {
        "name": "pod-that-is-gone",
        "namespace": "default",
        "finalizers": ["kuryr.openstack.org/kuryrport-finalizer"],
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "held",
        "namespace": "default",
        "finalizers": ["kuryr.openstack.org/service-finalizer", "example.org/somebody-elses"],
    },
    "spec": {"ports": [{"port": 80}]},
}


@pytest.mark.exhaustive
def test_what_a_newer_kuryr_left_finalized_can_go(kuryr: Site, cluster: KubernetesClient) -> None:
    """Victoria and later; here by hand, as its controller leaves it when it goes first."""
    cluster.apply(CRD)
    cluster.watch(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", seconds=30, until=established
    )
    cluster.apply(PORT)
    cluster.apply(SERVICE)
    try:
        phase = Teardown(kuryr)
        steps = [
            replace(step, after=frozenset())
            for step in phase.make_plan().steps
            if step.target.kind in ("finalizers", "KuryrPort")
        ]
        assert [str(step.target) for step in steps] == [
            "finalizers Service default/held",
            "finalizers KuryrPort default/pod-that-is-gone",
            "KuryrPort default/pod-that-is-gone",
        ]
        plan = Plan(phase="teardown", steps=tuple(staged(steps[:2], steps[2:])))
        apply_plan(plan, ManifestExecutor(cluster), lambda line: None)
        assert cluster.list_objects("openstack.org/v1", "KuryrPort") == []
        held = cluster.get(SERVICE)
        assert held is not None
        assert held["metadata"]["finalizers"] == ["example.org/somebody-elses"]
    finally:
        cluster.change_finalizers(SERVICE, removed=SERVICE["metadata"]["finalizers"])
        cluster.delete(SERVICE)
        cluster.delete(CRD)


def established(crds: dict[str, Any]) -> bool:
    conditions = crds[CRD["metadata"]["name"]].get("status", {}).get("conditions", ())
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def none_ready(nodes: dict[str, Any]) -> bool:
    """Without Kuryr there is no pod network, and the kubelets say so."""
    return not any(
        condition["status"] == "True"
        for node in nodes.values()
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    )
