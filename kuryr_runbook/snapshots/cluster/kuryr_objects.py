"""Kuryr's custom resources, and the interfaces that it assigned to pods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import Release
from kuryr_runbook.snapshots.cluster.enforced import Enforced, enforced_of
from kuryr_runbook.snapshots.cluster.objects import Key, Life, Pod, life_of, name_of, namespace_of
from kuryr_runbook.snapshots.cluster.vif import Malformed, PodVif, parse_kuryr_port
from kuryr_runbook.snapshots.parsing import part, text


@dataclass(frozen=True, slots=True, kw_only=True)
class KuryrObject:
    """One of Kuryr's custom resources, or an object of Kubernetes with Kuryr's finalizer."""

    kind: str
    namespace: str
    name: str
    vif: PodVif | Malformed | None
    """Of a KuryrPort."""
    made: str
    """Id of what Kuryr made for it in Neutron: for a KuryrNetwork the subnet, for a
    KuryrNetworkPolicy the security group; empty: nothing yet, or it is of another kind."""
    policy: Enforced | None
    """Of a KuryrNetworkPolicy."""
    life: Life

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


MADE = {"KuryrNetwork": "subnetId", "KuryrNetworkPolicy": "securityGroupId"}
"""The field of the status with the id of what Kuryr made, by kind."""


def kuryr_object_of(item: Manifest) -> KuryrObject:
    """One of Kuryr's objects, from its manifest."""
    return KuryrObject(
        kind=text(item, "kind"),
        namespace=namespace_of(item),
        name=name_of(item),
        vif=parse_kuryr_port(item.get("status")),
        policy=enforced_of(item) if item.get("kind") == "KuryrNetworkPolicy" else None,
        made=text(part(item, "status"), MADE.get(text(item, "kind"), "")),
        life=life_of(item),
    )


def vifs_of(
    release: Release, pods: Iterable[Pod], kuryr_objects: Iterable[KuryrObject]
) -> dict[Key, PodVif | Malformed]:
    """The interface that Kuryr assigned to each pod, from where the release stores it."""
    notes: Iterable[Pod | KuryrObject] = pods if release.vif_state.kind == "Pod" else kuryr_objects
    return {(it.namespace, it.name): it.vif for it in notes if it.vif is not None}
