"""What diagnosis reads of a cluster: nodes, pods, Services, and what Kuryr wrote about them.

No Secret and no environment is read, and of annotations nothing is kept but the interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from kuryr_runbook.clients.kubernetes import KubernetesReader
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.releases import Release
from kuryr_runbook.model.services import Service
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.diagnosis_programs import Programs, read_programs
from kuryr_runbook.snapshots.finalizers import is_kuryrs
from kuryr_runbook.snapshots.parsing import number, part, parts, text, texts, time
from kuryr_runbook.snapshots.preflight_cluster import Node, node_of, service_of
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.snapshots.scrubbing import scrubbed
from kuryr_runbook.snapshots.vif import (
    ANNOTATION,
    Malformed,
    PodVif,
    parse_kuryr_port,
    parse_vif,
)
from kuryr_runbook.specs.custom_resources import GROUP, VERSION

Manifest = Mapping[str, Any]
T = TypeVar("T")

AT_ONCE = 4
"""Lists that are read at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """From when an object is, and whether it is to go."""

    made: datetime | None
    deleted: datetime | None
    """When it was to be gone at the latest; None: nobody deleted it."""
    finalizers: tuple[str, ...]
    """Those of Kuryr's that hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that wants, or wanted, an interface of Kuryr's."""

    namespace: str
    name: str
    uid: str
    node: str
    """Empty before it is scheduled."""
    node_address: str
    address: str
    """Empty before it is plugged."""
    phase: str
    ready: bool
    vif: PodVif | Malformed | None
    """What its annotation says; None: it has none, or the release keeps it elsewhere."""
    life: Life

    def __str__(self) -> str:
        return f"pod {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """A port of a Service."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterService:
    """A Service and what is told to the outside of it."""

    service: Service
    ports: tuple[ServicePort, ...]
    ingress: str
    """The address that its status announces; empty: none."""
    life: Life

    def __str__(self) -> str:
        return f"service {self.service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One address and port behind a Service."""

    address: str
    port: int
    port_name: str
    protocol: str
    pod: str
    """Name of the pod that it is of; empty: of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The backends of the Service of that name that are ready."""

    namespace: str
    name: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KuryrObject:
    """An object of one of Kuryr's own kinds, or a Kubernetes one that Kuryr only marks."""

    kind: str
    namespace: str
    name: str
    vif: PodVif | Malformed | None
    """Of a KuryrPort."""
    life: Life

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning event."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The cluster, list by list; what could not be read says so."""

    version: str | Unreadable
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


def pod_of(pod: Manifest) -> Pod | None:
    """A pod, from its manifest; None for one in its node's network, which is not Kuryr's."""
    spec, status, annotations = (
        part(pod, "spec"),
        part(pod, "status"),
        part(pod, "metadata", "annotations"),
    )
    if spec.get("hostNetwork"):
        return None
    conditions = {text(it, "type"): it.get("status") for it in parts(status, "conditions")}
    state = annotations.get(ANNOTATION)
    return Pod(
        namespace=text(part(pod, "metadata"), "namespace"),
        name=text(part(pod, "metadata"), "name"),
        uid=text(part(pod, "metadata"), "uid"),
        node=text(spec, "nodeName"),
        node_address=text(status, "hostIP"),
        address=text(status, "podIP"),
        phase=text(status, "phase"),
        ready=conditions.get("Ready") == "True",
        vif=parse_vif(state) if isinstance(state, str) else None,
        life=life_of(pod),
    )


def life_of(item: Manifest) -> Life:
    """What an object's metadata says about it."""
    metadata = part(item, "metadata")
    return Life(
        made=time(metadata.get("creationTimestamp")),
        deleted=time(metadata.get("deletionTimestamp")),
        finalizers=tuple(name for name in texts(metadata, "finalizers") if is_kuryrs(name)),
    )


def cluster_service_of(item: Manifest) -> ClusterService:
    """A Service, from its manifest."""
    ports = parts(part(item, "spec"), "ports")
    announced = parts(part(item, "status", "loadBalancer"), "ingress")
    return ClusterService(
        service=service_of(item),
        ports=tuple(
            ServicePort(
                name=text(it, "name"), protocol=text(it, "protocol") or "TCP", port=it["port"]
            )
            for it in ports
            if number(it.get("port")) is not None
        ),
        ingress=text(announced[0], "ip") if announced else "",
        life=life_of(item),
    )


def endpoints_of(item: Manifest) -> Endpoints:
    """Endpoints, from their manifest."""
    return Endpoints(
        namespace=text(part(item, "metadata"), "namespace"),
        name=text(part(item, "metadata"), "name"),
        backends=tuple(_backends(item)),
    )


def _backends(item: Manifest) -> Iterator[Backend]:
    for subset in parts(item, "subsets"):
        for address in parts(subset, "addresses"):
            target = part(address, "targetRef")
            for port in parts(subset, "ports"):
                if number(port.get("port")) is not None:
                    yield Backend(
                        address=text(address, "ip"),
                        port=port["port"],
                        port_name=text(port, "name"),
                        protocol=text(port, "protocol") or "TCP",
                        pod=text(target, "name") if target.get("kind") == "Pod" else "",
                    )


def warning_of(event: Manifest) -> Warned:
    """A warning, from its event."""
    about = part(event, "involvedObject")
    return Warned(
        kind=text(about, "kind"),
        namespace=text(about, "namespace"),
        name=text(about, "name"),
        reason=text(event, "reason"),
        message=scrubbed(text(event, "message")),
        last=time(event.get("lastTimestamp")) or time(event.get("eventTime")),
    )


def kuryr_object_of(item: Manifest) -> KuryrObject:
    """An object of Kuryr's, from its manifest."""
    return KuryrObject(
        kind=text(item, "kind"),
        namespace=text(part(item, "metadata"), "namespace"),
        name=text(part(item, "metadata"), "name"),
        vif=parse_kuryr_port(item.get("status")),
        life=life_of(item),
    )


def _kuryr_objects(release: Release, cluster: KubernetesReader) -> Iterator[KuryrObject]:
    """All of Kuryr's own kinds; of the network policies those that it holds."""
    for crd in release.crds:
        try:
            for item in cluster.each_object(f"{GROUP}/{VERSION}", crd.kind):
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
