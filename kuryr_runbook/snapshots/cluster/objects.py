"""Objects of the cluster as diagnosis knows them, from their manifests.

No environment is kept, and of annotations nothing but Kuryr's interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kuryr_runbook.model.releases.names import VIF_ANNOTATION
from kuryr_runbook.model.services import Service
from kuryr_runbook.snapshots.cluster.finalizers import is_kuryrs
from kuryr_runbook.snapshots.cluster.permissions import service_of
from kuryr_runbook.snapshots.cluster.vif import (
    Malformed,
    PodVif,
    parse_kuryr_port,
    parse_vif,
)
from kuryr_runbook.snapshots.parsing import address, number, part, parts, text, texts, time
from kuryr_runbook.snapshots.scrubbing import scrubbed

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """From when an object is, and whether it is to go."""

    made: datetime | None
    deleted: datetime | None
    """When it was to be gone at the latest; None: nobody deleted it."""
    finalizers: tuple[str, ...]
    """Those of Kuryr's that hold it."""
    other_finalizers: tuple[str, ...]


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
    state = annotations.get(VIF_ANNOTATION)
    return Pod(
        namespace=text(part(pod, "metadata"), "namespace"),
        name=text(part(pod, "metadata"), "name"),
        uid=text(part(pod, "metadata"), "uid"),
        node=text(spec, "nodeName"),
        node_address=address(status, "hostIP"),
        address=address(status, "podIP"),
        phase=text(status, "phase"),
        ready=conditions.get("Ready") == "True",
        vif=parse_vif(state) if isinstance(state, str) else None,
        life=life_of(pod),
    )


def life_of(item: Manifest) -> Life:
    """What an object's metadata says about it."""
    metadata = part(item, "metadata")
    found = texts(metadata, "finalizers")
    return Life(
        made=time(metadata.get("creationTimestamp")),
        deleted=time(metadata.get("deletionTimestamp")),
        finalizers=tuple(name for name in found if is_kuryrs(name)),
        other_finalizers=tuple(name for name in found if not is_kuryrs(name)),
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
        ingress=address(announced[0], "ip") if announced else "",
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
        for one in parts(subset, "addresses"):
            target = part(one, "targetRef")
            for port in parts(subset, "ports"):
                if number(port.get("port")) is not None:
                    yield Backend(
                        address=address(one, "ip"),
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
