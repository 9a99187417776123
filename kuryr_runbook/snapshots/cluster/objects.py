"""The objects of a cluster: one type for each kind, for all users.

Environment variables are not kept, and only those annotations that contain Kuryr's interface or ask
for something that Kuryr does not do. A missing name, or a port that is not a number, is an error
and never ignored; anything else that is malformed becomes empty, since its users decide whether
they need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.intents import Intent
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.placement import CORDONED, is_of_master
from kuryr_runbook.model.releases.names import POD_FINALIZER, VIF_ANNOTATION
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.snapshots.cluster.enforced import Labels, labels_of
from kuryr_runbook.snapshots.cluster.finalizers import is_kuryrs
from kuryr_runbook.snapshots.cluster.intents import pod_intents, service_intents
from kuryr_runbook.snapshots.cluster.vif import (
    Malformed,
    PodVif,
    parse_vif,
)
from kuryr_runbook.snapshots.parsing import address, number, part, parts, text, texts, time
from kuryr_runbook.snapshots.scrubbing import scrubbed

Key = tuple[str, str]
"""Namespace and name."""

FINISHED = ("Succeeded", "Failed")
"""Phases of pods that no longer run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """When an object was created, and whether it is being deleted."""

    made: datetime | None
    deleted: datetime | None
    """When it should be gone at the latest; None: it is not being deleted."""
    finalizers: tuple[str, ...]
    """Kuryr's finalizers on it."""
    other_finalizers: tuple[str, ...]


DEFAULT_PODS = 110
"""How many pods a kubelet accepts by default (--max-pods)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node."""

    name: str
    address: str
    """InternalIP; empty if it has none."""
    ready: bool
    reason: str
    """The Ready condition's message."""
    schedulable: bool
    pods: int
    """How many pods its kubelet accepts; 0 if it does not say."""
    runtime: str
    """Container runtime and version: containerd://1.6.20."""
    labels: tuple[str, ...]
    """Each as key=value."""
    taints: tuple[str, ...]
    """Each as key=value:Effect, or key:Effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that needs, or needed, an interface from Kuryr: not one in its node's network."""

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
    """The VIF in its annotation; None: it has none, or the release stores it elsewhere."""
    intents: tuple[Intent, ...]
    """Things that it asks for and Kuryr may not do."""
    labels: Labels
    life: Life

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, and so has released its interface."""
        return self.phase in FINISHED

    @property
    def is_handled(self) -> bool:
        """Whether Kuryr has given it a port, wherever its release stores that."""
        return self.vif is not None or POD_FINALIZER in self.life.finalizers

    @property
    def is_running(self) -> bool:
        """Whether it runs and can be reached."""
        return self.phase == "Running" and bool(self.address)

    def __str__(self) -> str:
        return f"pod {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service, and what it announces to the outside."""

    namespace: str
    name: str
    type: str
    """ClusterIP, NodePort, LoadBalancer or ExternalName."""
    cluster_ip: str
    """Empty if it has none: it is headless, or of type ExternalName."""
    selects: bool
    """Whether it has a selector."""
    ports: tuple[ServicePort, ...]
    self_link: bool
    """Whether the API returned a `metadata.selfLink`; lists may omit it from their items."""
    ingress: str
    """The address that its status announces; empty: none."""
    intents: tuple[Intent, ...]
    """Things that it asks for and Kuryr may not do."""
    life: Life

    @property
    def place(self) -> str:
        """namespace/name, which is also Kuryr's name for its load balancer."""
        return f"{self.namespace}/{self.name}"

    def __str__(self) -> str:
        return f"service {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One address and port behind a Service."""

    address: str
    port: int
    port_name: str
    protocol: str
    pod: str
    """Name of its pod; empty: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The ready backends of the Service of that name."""

    namespace: str
    name: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning event."""

    kind: str
    namespace: str
    name: str
    reason: str
    message: str
    last: datetime | None


def name_of(item: Manifest) -> str:
    """An object's name. Raises AccessError if it has none."""
    found = text(part(item, "metadata"), "name")
    if not found:
        raise AccessError(f"the cluster's answer is malformed: a {item.get('kind')} has no name")
    return found


def namespace_of(item: Manifest) -> str:
    """An object's namespace; empty if it has none."""
    return text(part(item, "metadata"), "namespace")


def reference(kind: str, name: str, namespace: str = "default") -> Manifest:
    """A reference to an object of the core API, for a reader."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def node_of(item: Manifest) -> Node:
    """A node, from its manifest."""
    spec, status = part(item, "spec"), part(item, "status")
    internal = (it for it in parts(status, "addresses") if it.get("type") == "InternalIP")
    ready = next((it for it in parts(status, "conditions") if it.get("type") == "Ready"), {})
    pods = str(part(status, "allocatable").get("pods", ""))
    cordoned = bool(spec.get("unschedulable", False))
    taints = list(map(_taint, parts(spec, "taints")))
    if cordoned and CORDONED not in taints:
        taints.append(CORDONED)
    labels = part(item, "metadata", "labels")
    return Node(
        name=name_of(item),
        address=address(next(internal, {}), "address"),
        ready=ready.get("status") == "True",
        reason=text(ready, "message") or "no Ready condition yet",
        schedulable=not cordoned and not any(map(is_of_master, taints)),
        pods=int(pods) if pods.isascii() and pods.isdecimal() else 0,
        runtime=text(part(status, "nodeInfo"), "containerRuntimeVersion"),
        labels=tuple(f"{key}={value}" for key, value in sorted(labels.items())),
        taints=tuple(taints),
    )


def _taint(item: Manifest) -> str:
    value = f"={item['value']}" if item.get("value") else ""
    return f"{text(item, 'key')}{value}:{text(item, 'effect')}"


def is_ready(item: Manifest) -> bool:
    """Whether the condition Ready of a node or pod is true."""
    conditions = parts(part(item, "status"), "conditions")
    return any(it.get("type") == "Ready" and it.get("status") == "True" for it in conditions)


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
        namespace=namespace_of(pod),
        name=name_of(pod),
        uid=text(part(pod, "metadata"), "uid"),
        node=text(spec, "nodeName"),
        node_address=address(status, "hostIP"),
        address=address(status, "podIP"),
        phase=text(status, "phase"),
        ready=conditions.get("Ready") == "True",
        vif=parse_vif(state) if isinstance(state, str) else None,
        intents=pod_intents(pod),
        labels=labels_of(pod, "metadata", "labels"),
        life=life_of(pod),
    )


def life_of(item: Manifest) -> Life:
    """The life of an object, from its metadata."""
    metadata = part(item, "metadata")
    found = texts(metadata, "finalizers")
    return Life(
        made=time(metadata.get("creationTimestamp")),
        deleted=time(metadata.get("deletionTimestamp")),
        finalizers=tuple(name for name in found if is_kuryrs(name)),
        other_finalizers=tuple(name for name in found if not is_kuryrs(name)),
    )


def service_of(item: Manifest) -> Service:
    """A Service, from its manifest."""
    spec, announced = part(item, "spec"), parts(part(item, "status", "loadBalancer"), "ingress")
    cluster_ip = address(spec, "clusterIP")
    return Service(
        namespace=namespace_of(item),
        name=name_of(item),
        type=text(spec, "type") or "ClusterIP",
        cluster_ip="" if cluster_ip == "None" else cluster_ip,
        selects=bool(part(spec, "selector")),
        ports=tuple(
            ServicePort(
                name=text(it, "name"), protocol=text(it, "protocol") or "TCP", port=_port(item, it)
            )
            for it in parts(spec, "ports")
        ),
        self_link=bool(part(item, "metadata").get("selfLink")),
        ingress=address(announced[0], "ip") if announced else "",
        intents=service_intents(item),
        life=life_of(item),
    )


def endpoints_of(item: Manifest) -> Endpoints:
    """Endpoints, from their manifest."""
    return Endpoints(
        namespace=namespace_of(item),
        name=name_of(item),
        backends=tuple(_backends(item)),
    )


def _backends(item: Manifest) -> Iterator[Backend]:
    for subset in parts(item, "subsets"):
        for one in parts(subset, "addresses"):
            target = part(one, "targetRef")
            for port in parts(subset, "ports"):
                yield Backend(
                    address=address(one, "ip"),
                    port=_port(item, port),
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


def _port(item: Manifest, port: Manifest) -> int:
    found = number(port.get("port"))
    if found is None:
        raise AccessError(
            f"the cluster's answer is malformed: a port of {item.get('kind')} {name_of(item)} "
            f"should be a whole number and is {port.get('port')!r:.80}"
        )
    return found
