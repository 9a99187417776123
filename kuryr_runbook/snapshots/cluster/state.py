"""What diagnosis reads of a cluster: nodes, pods, Services, and what Kuryr wrote about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.releases import Release
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.objects import (
    ClusterService,
    Endpoints,
    KuryrObject,
    Pod,
    Warned,
    cluster_service_of,
    endpoints_of,
    kuryr_object_of,
    pod_of,
    warning_of,
)
from kuryr_runbook.snapshots.cluster.permissions import Node, node_of
from kuryr_runbook.snapshots.cluster.programs import Programs, read_programs
from kuryr_runbook.snapshots.kubernetes import read_cluster_id
from kuryr_runbook.snapshots.parsing import part, text
from kuryr_runbook.snapshots.reading import Unreadable, attempted

Manifest = Mapping[str, Any]
T = TypeVar("T")

AT_ONCE = 4
"""Lists that are read at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The cluster, list by list; what could not be read says so."""

    version: str | Unreadable
    cluster_id: str | Unreadable
    """What tells it from all others."""
    self_link: bool | Unreadable
    """Whether the API gives objects a `metadata.selfLink`."""
    nodes: tuple[Node, ...] | Unreadable
    pods: tuple[Pod, ...] | Unreadable
    services: tuple[ClusterService, ...] | Unreadable
    endpoints: tuple[Endpoints, ...] | Unreadable
    kuryr_objects: tuple[KuryrObject, ...] | Unreadable
    events: tuple[Warned, ...] | Unreadable
    programs: Programs | Unreadable


def read_cluster_state(site: Site, cluster: KubernetesReader | Unreadable) -> ClusterState:
    """Read all of it, several lists at a time."""
    if isinstance(cluster, Unreadable):
        return unreadable_cluster(cluster)
    version = attempted(lambda: cluster.version)
    if isinstance(version, Unreadable):
        return unreadable_cluster(version)

    def listed(kind: str, of: Callable[[Manifest], T], fields: str = "") -> list[T]:
        return [of(item) for item in cluster.each_object("v1", kind, fields=fields)]

    with ThreadPoolExecutor(AT_ONCE) as pool:

        def begin(read: Callable[[], list[T]]) -> Callable[[], tuple[T, ...] | Unreadable]:
            return pool.submit(attempted, lambda: tuple(read())).result

        pods = begin(lambda: [it for it in listed("Pod", pod_of) if it is not None])
        events = begin(lambda: listed("Event", warning_of, "type=Warning"))
        endpoints = begin(lambda: listed("Endpoints", endpoints_of))
        services = begin(lambda: listed("Service", cluster_service_of))
        nodes = begin(lambda: listed("Node", node_of))
        kuryr = begin(lambda: list(_kuryr_objects(site.release, cluster)))
        self_link = attempted(lambda: _has_self_link(cluster))
        told = events()
        return ClusterState(
            version=version,
            cluster_id=attempted(lambda: read_cluster_id(cluster)),
            self_link=self_link,
            nodes=nodes(),
            pods=pods(),
            services=services(),
            endpoints=endpoints(),
            kuryr_objects=kuryr(),
            events=told,
            programs=attempted(lambda: read_programs(site, cluster, _troubled(pods(), told))),
        )


def unreadable_cluster(why: Unreadable) -> ClusterState:
    """Nothing of it could be read."""
    return ClusterState(**dict.fromkeys(ClusterState.__slots__, why))


def _kuryr_objects(release: Release, cluster: KubernetesReader) -> Iterator[KuryrObject]:
    """All of Kuryr's own kinds; of the network policies those that it holds."""
    for crd in release.crds:
        try:
            for item in cluster.each_object(API_VERSION, crd.kind):
                yield kuryr_object_of(item)
        except ApplyError as error:
            remedy = f"if Kuryr's kinds are missing: run phase controller, which brings {crd.name}"
            raise ApplyError(error.message, remedy=remedy) from error
    if any(finalizer.kind == "NetworkPolicy" for finalizer in release.finalizers):
        for item in cluster.each_object("networking.k8s.io/v1", "NetworkPolicy"):
            yield kuryr_object_of(item)


def _has_self_link(cluster: KubernetesReader) -> bool:
    # Got by itself: a list may leave selfLink out of its items.
    metadata = {"name": "kubernetes", "namespace": "default"}
    found = cluster.get({"apiVersion": "v1", "kind": "Service", "metadata": metadata})
    return bool(text(part(found, "metadata"), "selfLink"))


def _troubled(
    pods: tuple[Pod, ...] | Unreadable, events: tuple[Warned, ...] | Unreadable
) -> frozenset[str]:
    """Nodes with pods that the kubelet could not plug, by its own word."""
    if isinstance(pods, Unreadable) or isinstance(events, Unreadable):
        return frozenset()
    waiting = {(it.namespace, it.name): it.node for it in pods if not it.address}
    return frozenset(
        waiting[event.namespace, event.name]
        for event in events
        if event.kind == "Pod" and (event.namespace, event.name) in waiting
    )
