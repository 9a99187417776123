"""What Kuryr's finalizers hold up is let go; nobody else's are touched."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worlds.memory_cluster import MemoryCluster

from kuryr_runbook.model.bodies import FinalizerRemoval, plain
from kuryr_runbook.model.plan import Action
from kuryr_runbook.planning.finalizers import FINALIZERS, finalizer_removal
from kuryr_runbook.snapshots.cluster.finalizers import read_finalized

KURYRS = (
    "kuryr.openstack.org/pod-finalizer",
    "kuryr.openstack.org/service-finalizer",
    "kuryrnetwork.finalizers.kuryr.openstack.org",
)
OTHERS = ("foregroundDeletion", "service.kubernetes.io/load-balancer-cleanup")


def item(kind: str, name: str, *finalizers: str, version: str = "v1") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "ns"}
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "status": {}}


CRD = item("CustomResourceDefinition", "kuryrports.openstack.org") | {
    "spec": {
        "group": "openstack.org",
        "names": {"kind": "KuryrPort"},
        "versions": [{"name": "v1", "served": True}],
    }
}
FOREIGN = item("CustomResourceDefinition", "things.example.org") | {
    "spec": {"group": "example.org", "names": {"kind": "Thing"}, "versions": []}
}


def test_only_what_bears_kuryrs_finalizers_is_read_and_all_of_its_own_kinds() -> None:
    port = item("KuryrPort", "p", version="openstack.org/v1")
    cluster = MemoryCluster(
        CRD,
        FOREIGN,
        port,
        item("Service", "plain"),
        item("Service", "held", KURYRS[1], OTHERS[1]),
        item("Thing", "t", KURYRS[0]),
        item("Pod", "other", OTHERS[0]),
    )
    names = [found["metadata"]["name"] for found in read_finalized(cluster)]
    assert names == ["held", "p"]


@given(st.lists(st.sampled_from((*KURYRS, *OTHERS)), unique=True, min_size=1))
def test_others_finalizers_stay(finalizers: list[str]) -> None:
    [[step], gone] = finalizer_removal([item("Service", "s", *finalizers)])
    assert isinstance(step.body, FinalizerRemoval)
    gone_too = step.body.removed
    assert gone_too == tuple(name for name in finalizers if name in KURYRS)
    assert (step.action, step.target.kind) == (Action.UPDATE, FINALIZERS)
    assert gone == []


def test_kuryrs_own_objects_are_released_and_then_deleted() -> None:
    port = item(
        "KuryrPort", "p", "kuryr.openstack.org/kuryrport-finalizer", version="openstack.org/v1"
    )
    [[released], [gone]] = finalizer_removal([port])
    assert isinstance(released.body, FinalizerRemoval)
    assert released.body.removed == ("kuryr.openstack.org/kuryrport-finalizer",)
    assert (gone.action, str(gone.target)) == (Action.DELETE, "KuryrPort ns/p")
    assert "status" not in plain(gone.body)
