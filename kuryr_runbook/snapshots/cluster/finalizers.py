"""Objects whose deletion waits for Kuryr.

From Victoria on Kuryr sets finalizers on pods, services, network policies and its own resources
(kuryr-kubernetes, constants.py). When its controller is gone, nothing removes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.releases.names import API_GROUP, OWN_DOMAIN

MARKED_KINDS = (("v1", "Pod"), ("v1", "Service"), ("networking.k8s.io/v1", "NetworkPolicy"))


def read_finalized(cluster: KubernetesReader) -> tuple[Mapping[str, Any], ...]:
    """Objects with one of Kuryr's finalizers, and all objects of Kuryr's own kinds."""
    return tuple(_read(cluster))


def is_kuryrs(finalizer: str) -> bool:
    """Whether Kuryr sets that finalizer."""
    return OWN_DOMAIN in finalizer


def _read(cluster: KubernetesReader) -> Iterator[Mapping[str, Any]]:
    for version, kind in MARKED_KINDS:
        for item in cluster.list_objects(version, kind):
            if any(map(is_kuryrs, item["metadata"].get("finalizers", ()))):
                yield item
    crds = cluster.list_objects("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    for crd in crds:
        spec = crd["spec"]
        if spec["group"] == API_GROUP:
            version = next(item["name"] for item in spec["versions"] if item["served"])
            yield from cluster.list_objects(f"{API_GROUP}/{version}", spec["names"]["kind"])
