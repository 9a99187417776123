"""What preflight looks at in a cluster: nodes, programs, services, and what we may do there."""

from __future__ import annotations

import base64
import binascii
import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from typing import Any

from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.model.releases.names import POD_FINALIZER, VIF_ANNOTATION
from kuryr_runbook.model.services import Service
from kuryr_runbook.snapshots.parsing import address, part, parts, texts
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.requirements import EVERYTHING, Right

Manifest = Mapping[str, Any]

CLOUD_CONTROLLER = "openstack-cloud-controller-manager"
RANGE = re.compile(r"\b\d+\.\d+\.\d+\.\d+/\d+\b")
MASTER_TAINTS = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
MADE_BY_OTHERS = {"DaemonSet", "ReplicaSet", "StatefulSet", "Job"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, as far as preflight asks for it."""

    name: str
    address: str
    """InternalIP; empty when it has none."""
    ready: bool
    reason: str
    """What the Ready condition says."""
    schedulable: bool
    pods: int
    """How many pods its kubelet takes; 0 when it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something that runs in the cluster: a DaemonSet, a Deployment, or a pod of neither."""

    kind: str
    namespace: str
    name: str
    words: tuple[str, ...]
    """Images, commands and arguments of its containers."""
    load_balancing: bool | None
    """What the cloud configuration that it mounts says of load balancers; None: nothing."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod, as far as preflight asks for it."""

    namespace: str
    name: str
    wants_port: bool
    """Whether Kuryr gives it a port: it runs or will, and not in its node's network."""
    plugged: bool
    """Whether Kuryr has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLook:
    """A cluster whose API answers, before anything is made in it."""

    version: str
    nodes: tuple[Node, ...] | Unreadable
    api_servers: tuple[str, ...] | Unreadable
    """Addresses behind the `kubernetes` service."""
    programs: tuple[Program, ...] | Unreadable
    pods: tuple[Pod, ...] | Unreadable
    services: tuple[Service, ...] | Unreadable
    kubernetes_service: Service | Unreadable | None
    """`default/kubernetes`, got by itself: a list may leave selfLink out of its items."""
    service_refusal: str | Unreadable
    """How the API server refuses a Service outside of its ranges; its words name them."""
    missing_rights: tuple[Right, ...] | Unreadable


def read_cluster_look(
    rights: Iterable[Right], cluster: ClusterProber | Unreadable
) -> ClusterLook | Unreadable:
    """Look at the cluster; if its API does not answer, that is all that there is to say."""
    if isinstance(cluster, Unreadable):
        return cluster
    version = attempted(lambda: cluster.version)
    if isinstance(version, Unreadable):
        return version
    pods = attempted(lambda: cluster.list_objects("v1", "Pod"))
    return ClusterLook(
        version=version,
        nodes=attempted(lambda: tuple(map(node_of, cluster.list_objects("v1", "Node")))),
        api_servers=attempted(lambda: api_servers_of(_get(cluster, "Endpoints", "kubernetes"))),
        programs=pods
        if isinstance(pods, Unreadable)
        else attempted(lambda: tuple(_programs(cluster, pods))),
        pods=pods if isinstance(pods, Unreadable) else tuple(map(pod_of, pods)),
        services=attempted(lambda: tuple(map(service_of, cluster.list_objects("v1", "Service")))),
        kubernetes_service=attempted(lambda: _kubernetes_service(cluster)),
        service_refusal=attempted(cluster.refuse_service),
        missing_rights=attempted(lambda: tuple(_missing_rights(rights, cluster))),
    )


def node_of(node: Manifest) -> Node:
    """A node, from its manifest."""
    status = part(node, "status")
    internal = (it for it in parts(status, "addresses") if it.get("type") == "InternalIP")
    ready = next((it for it in parts(status, "conditions") if it.get("type") == "Ready"), {})
    pods = str(part(status, "allocatable").get("pods", ""))
    return Node(
        name=_name(node),
        address=address(next(internal, {}), "address"),
        ready=ready.get("status") == "True",
        reason=str(ready.get("message") or "no Ready condition yet"),
        schedulable=not part(node, "spec").get("unschedulable", False) and not _is_master(node),
        pods=int(pods) if pods.isdecimal() else 0,
    )


def _is_master(node: Manifest) -> bool:
    """Whether it takes only what tolerates masters."""
    return any(
        taint.get("key") in MASTER_TAINTS and taint.get("effect") != "PreferNoSchedule"
        for taint in parts(part(node, "spec"), "taints")
    )


def api_servers_of(endpoints: Manifest | None) -> tuple[str, ...]:
    """The addresses of Endpoints."""
    return tuple(
        address(one, "ip")
        for subset in parts(endpoints, "subsets")
        for one in parts(subset, "addresses")
    )


def pod_of(pod: Manifest) -> Pod:
    """A pod, from its manifest."""
    finished = part(pod, "status").get("phase") in ("Succeeded", "Failed")
    return Pod(
        namespace=_namespace(pod),
        name=_name(pod),
        wants_port=not finished and not part(pod, "spec").get("hostNetwork"),
        plugged=VIF_ANNOTATION in part(pod, "metadata", "annotations")
        or POD_FINALIZER in texts(part(pod, "metadata"), "finalizers"),
    )


def service_of(service: Manifest) -> Service:
    """A Service, from its manifest."""
    spec = part(service, "spec")
    cluster_ip = address(spec, "clusterIP")
    return Service(
        namespace=_namespace(service),
        name=_name(service),
        type=str(spec.get("type", "ClusterIP")),
        cluster_ip="" if cluster_ip == "None" else cluster_ip,
        selects=bool(part(spec, "selector")),
        ports=tuple(
            (str(item.get("protocol", "TCP")), item["port"])
            for item in parts(spec, "ports")
            if isinstance(item.get("port"), int)
        ),
        self_link=bool(part(service, "metadata").get("selfLink")),
    )


def program_of(item: Manifest, load_balancing: bool | None = None) -> Program:  # noqa: FBT001
    """A program, from the manifest of its DaemonSet, Deployment or pod."""
    return Program(
        kind=str(item.get("kind", "")),
        namespace=_namespace(item),
        name=_name(item),
        words=tuple(_words(item)),
        load_balancing=load_balancing,
    )


def service_range_of(refusal: str | Unreadable) -> IPv4Network | None:
    """The range of IPv4 in the API server's words; None when they name none, or several."""
    if isinstance(refusal, Unreadable):
        return None
    found = set()
    for text in RANGE.findall(refusal):
        try:
            found.add(IPv4Network(text))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None


def load_balancing_of(texts: Iterable[str]) -> bool | None:
    """What the first cloud.conf among the texts says of load balancers; None: nothing.

    `[LoadBalancer] enabled` (cloud-provider-openstack); the default is true.
    """
    for text in texts:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(text)
            return parser.getboolean("LoadBalancer", "enabled")
        except (configparser.Error, ValueError):
            continue
    return None


def _programs(cluster: ClusterProber, pods: Iterable[Manifest]) -> Iterator[Program]:
    alone = [pod for pod in pods if not _owners(pod) & MADE_BY_OTHERS]
    sets = [
        item
        for kind in ("DaemonSet", "Deployment")
        for item in cluster.list_objects("apps/v1", kind)
    ]
    for item in (*sets, *alone):
        if any(CLOUD_CONTROLLER in word for word in _words(item)):
            yield program_of(item, load_balancing_of(_mounted_texts(cluster, item)))
        else:
            yield program_of(item)


def _owners(item: Manifest) -> set[str]:
    return {str(owner.get("kind")) for owner in parts(part(item, "metadata"), "ownerReferences")}


def _mounted_texts(cluster: ClusterProber, item: Manifest) -> Iterator[str]:
    """The files of the Secrets and ConfigMaps that a program mounts. They may hold passwords."""
    for volume in parts(_pod_spec(item), "volumes"):
        secret, config = part(volume, "secret"), part(volume, "configMap")
        if secret.get("secretName"):
            yield from map(_decoded, _values(cluster, item, "Secret", secret["secretName"]))
        if config.get("name"):
            yield from _values(cluster, item, "ConfigMap", config["name"])


def _values(cluster: ClusterProber, item: Manifest, kind: str, name: object) -> list[str]:
    found = attempted(lambda: _get(cluster, kind, str(name), _namespace(item)))
    return [str(value) for value in part(found, "data").values()]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _missing_rights(rights: Iterable[Right], cluster: ClusterProber) -> Iterator[Right]:
    """What the user may not do of what the runbook does: one question for cluster-admin."""
    if _may(cluster, EVERYTHING):
        return
    for right in rights:
        if not _may(cluster, right):
            yield right


def _may(cluster: ClusterProber, right: Right) -> bool:
    attributes = {key: value for key, value in asdict(right).items() if value}
    resource, _, subresource = right.resource.partition("/")
    attributes["resource"] = resource
    return cluster.may(attributes | ({"subresource": subresource} if subresource else {}))


def _kubernetes_service(cluster: ClusterProber) -> Service | None:
    found = _get(cluster, "Service", "kubernetes")
    return None if found is None else service_of(found)


def _get(
    cluster: ClusterProber, kind: str, name: str, namespace: str = "default"
) -> Manifest | None:
    metadata = {"name": name, "namespace": namespace}
    return cluster.get({"apiVersion": "v1", "kind": kind, "metadata": metadata})


def _words(item: Manifest) -> Iterator[str]:
    for container in parts(_pod_spec(item), "containers"):
        yield str(container.get("image", ""))
        for key in ("command", "args"):
            found = container.get(key)
            yield from map(str, found if isinstance(found, list) else ())


def _pod_spec(item: Manifest) -> Mapping[str, Any]:
    return part(item, "spec", "template", "spec") or part(item, "spec")


def _name(item: Manifest) -> str:
    return str(part(item, "metadata").get("name", ""))


def _namespace(item: Manifest) -> str:
    return str(part(item, "metadata").get("namespace", ""))
