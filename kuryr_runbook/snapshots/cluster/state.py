"""A cluster, read once for all users, with one list call for each kind.

Code that makes changes reads strictly: anything that cannot be read, or is malformed, is an error.
Checks read list by list: what cannot be read is marked as such, and the rest is available.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Address
from typing import Any, TypeVar

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.errors import ApplyError, DriftError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import Release
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.configured import Configured, read_configured
from kuryr_runbook.snapshots.cluster.deployed import (
    Program,
    lone_program,
    read_deployed,
    read_sets,
)
from kuryr_runbook.snapshots.cluster.intents import (
    NAMESPACES,
    POLICIES,
    Stated,
    namespace_of,
    policy_of,
)
from kuryr_runbook.snapshots.cluster.kuryr_objects import KuryrObject, kuryr_object_of
from kuryr_runbook.snapshots.cluster.objects import (
    DEFAULT_PODS,
    Endpoints,
    Node,
    Pod,
    Service,
    Warned,
    endpoints_of,
    node_of,
    pod_of,
    reference,
    service_of,
    warning_of,
)
from kuryr_runbook.snapshots.cluster.programs import Places, Programs, read_programs
from kuryr_runbook.snapshots.parsing import part, text
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known

T = TypeVar("T")

AT_ONCE = 4
"""Lists that are read at the same time."""
SYSTEM = "kube-system"
API = ("default", "kubernetes")
"""Namespace and name of the Service of the API, which Kuryr does not serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """The cluster, list by list; what was not read is marked as such."""

    cluster_id: str | Unreadable
    """An id that distinguishes it from all other clusters."""
    version: str | Unreadable
    kubernetes: Service | Unreadable | None
    """`default/kubernetes`, read individually: lists may omit selfLink from their items."""
    nodes: tuple[Node, ...] | Unreadable
    pods: tuple[Pod, ...] | Unreadable
    services: tuple[Service, ...] | Unreadable
    endpoints: tuple[Endpoints, ...] | Unreadable
    kuryr_objects: tuple[KuryrObject, ...] | Unreadable
    events: tuple[Warned, ...] | Unreadable
    """Only warnings."""
    policies: tuple[Stated, ...] | Unreadable
    """All network policies."""
    namespaces: tuple[Stated, ...] | Unreadable
    programs: Programs | Unreadable
    """Kuryr's own programs."""
    configured: Configured | Unreadable
    """Their kuryr.conf."""
    deployed: tuple[Program, ...] | Unreadable
    """Everything else that runs."""

    @property
    def api_servers(self) -> tuple[tuple[IPv4Address, int], ...]:
        """Addresses and port behind the API's Service. Raises AccessError or DriftError."""
        return tuple(
            (_ipv4(backend.address, "an API server"), backend.port)
            for endpoints in known(self.endpoints)
            if (endpoints.namespace, endpoints.name) == API
            for backend in endpoints.backends
        )

    @property
    def node_addresses(self) -> tuple[IPv4Address, ...]:
        """Those of all nodes. Raises AccessError or DriftError."""
        return tuple(_ipv4(node.address, f"node {node.name}") for node in known(self.nodes))

    @property
    def pods_per_node(self) -> int:
        """How many pods the largest node takes, by its own word."""
        nodes = () if isinstance(self.nodes, Unreadable) else self.nodes
        return max((node.pods for node in nodes), default=0) or DEFAULT_PODS

    @property
    def dockershim(self) -> bool:
        """Whether kubelets use Docker directly, as they could up to Kubernetes 1.23."""
        return any(node.runtime.startswith("docker:") for node in known(self.nodes))


NOT_ASKED = Unreadable("it was not read from the cluster")


def nothing_read(why: Unreadable) -> ClusterState:
    """A state in which nothing could be read."""
    return ClusterState(**dict.fromkeys((field.name for field in fields(ClusterState)), why))


def read_cluster_id(reader: KubernetesReader) -> str:
    """The uid of its namespace kube-system, which distinguishes this cluster from all others.

    Kubernetes has no cluster id; OpenTelemetry's conventions use this one as `k8s.cluster.uid`.
    """
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    uid = text(part(reader.get(space), "metadata"), "uid")
    if not uid:
        raise DriftError(
            f"the cluster has no namespace {SYSTEM}, whose uid distinguishes it from others",
            remedy="check that the kubeconfig's context names a Kubernetes cluster",
        )
    return uid


def read_nodes(reader: KubernetesReader) -> tuple[Node, ...]:
    """All nodes, strictly."""
    return tuple(map(node_of, reader.list_objects("v1", "Node")))


def read_cluster(reader: KubernetesReader) -> ClusterState:
    """The cluster's id, its nodes, and the addresses of the API servers; strictly."""
    return replace(
        nothing_read(NOT_ASKED),
        endpoints=_api_endpoints(reader),
        cluster_id=read_cluster_id(reader),
        version=reader.version,
        nodes=read_nodes(reader),
    )


def read_before_kuryr(cluster: KubernetesReader | Unreadable) -> ClusterState:
    """What preflight reads: including other programs, and none of Kuryr's objects."""
    version = cluster if isinstance(cluster, Unreadable) else attempted(lambda: cluster.version)
    if isinstance(cluster, Unreadable) or isinstance(version, Unreadable):
        nobody = Unreadable("Kubernetes does not answer", "see the check of the Kubernetes API")
        return replace(nothing_read(nobody), version=version)
    pods = attempted(lambda: cluster.list_objects("v1", "Pod"))
    return replace(
        nothing_read(NOT_ASKED),
        version=version,
        nodes=attempted(lambda: read_nodes(cluster)),
        endpoints=attempted(lambda: _api_endpoints(cluster)),
        deployed=pods
        if isinstance(pods, Unreadable)
        else attempted(lambda: tuple(read_deployed(cluster, pods))),
        pods=pods
        if isinstance(pods, Unreadable)
        else attempted(lambda: tuple(it for it in map(pod_of, pods) if it is not None)),
        services=attempted(lambda: tuple(map(service_of, cluster.list_objects("v1", "Service")))),
        kubernetes=attempted(lambda: _kubernetes(cluster)),
        policies=attempted(lambda: tuple(map(policy_of, cluster.list_objects(*POLICIES)))),
        namespaces=attempted(lambda: tuple(map(namespace_of, cluster.list_objects(*NAMESPACES)))),
    )


def read_cluster_state(
    site: Site, cluster: KubernetesReader | Unreadable, places: Places | None = None
) -> ClusterState:
    """Everything that diagnosis reads, several lists at a time.

    `places`: where somebody else put Kuryr's programs; their kuryr.conf is then not read.
    """
    if isinstance(cluster, Unreadable):
        return nothing_read(cluster)
    version = attempted(lambda: cluster.version)
    if isinstance(version, Unreadable):
        return nothing_read(version)

    def listed(kind: str, of: Callable[[Manifest], T], field_selector: str = "") -> list[T]:
        return [of(item) for item in cluster.each_object("v1", kind, fields=field_selector)]

    with ThreadPoolExecutor(AT_ONCE) as pool:

        def begin(read: Callable[[], list[T]]) -> Callable[[], tuple[T, ...] | Unreadable]:
            return pool.submit(attempted, lambda: tuple(read())).result

        # Each as a pod and, if it has no other owner, as a program: manifests are not kept.
        both = begin(lambda: listed("Pod", lambda item: (pod_of(item), lone_program(item))))
        sets = begin(lambda: list(read_sets(cluster)))
        events = begin(lambda: listed("Event", warning_of, "type=Warning"))
        endpoints = begin(lambda: listed("Endpoints", endpoints_of))
        services = begin(lambda: listed("Service", service_of))
        nodes = begin(lambda: listed("Node", node_of))
        namespaces = begin(lambda: listed("Namespace", namespace_of))
        policies = begin(lambda: list(cluster.each_object(*POLICIES)))
        kuryr = begin(lambda: list(_own_objects(site.release, cluster)))
        kubernetes = attempted(lambda: _kubernetes(cluster))
        warnings, found = events(), both()
        pods: tuple[Pod, ...] | Unreadable = _kept(found, 0)
        return replace(
            nothing_read(NOT_ASKED),
            version=version,
            cluster_id=attempted(lambda: read_cluster_id(cluster)),
            kubernetes=kubernetes,
            nodes=nodes(),
            pods=pods,
            deployed=_joined(sets(), _kept(found, 1)),
            services=services(),
            endpoints=endpoints(),
            kuryr_objects=_with_held(site.release, kuryr(), policies()),
            events=warnings,
            policies=_each(policy_of, policies()),
            namespaces=namespaces(),
            configured=NOT_ASKED if places else attempted(lambda: read_configured(site, cluster)),
            programs=attempted(
                lambda: read_programs(site, cluster, _troubled(pods, warnings), places)
            ),
        )


def _holds_policies(release: Release) -> bool:
    """Whether it may set finalizers on network policies."""
    return any(finalizer.kind == "NetworkPolicy" for finalizer in release.finalizers)


def _own_objects(release: Release, cluster: KubernetesReader) -> Iterator[KuryrObject]:
    for crd in release.crds:
        try:
            for item in cluster.each_object(API_VERSION, crd.kind):
                yield kuryr_object_of(item)
        except ApplyError as error:
            remedy = f"if Kuryr's kinds are missing: run phase controller; it installs {crd.name}"
            raise ApplyError(error.message, remedy=remedy) from error


def _with_held(
    release: Release,
    kuryr: tuple[KuryrObject, ...] | Unreadable,
    policies: tuple[Manifest, ...] | Unreadable,
) -> tuple[KuryrObject, ...] | Unreadable:
    if isinstance(kuryr, Unreadable) or not _holds_policies(release):
        return kuryr
    return _joined(kuryr, _each(kuryr_object_of, policies))


def _kept(found: tuple[tuple[Any, ...], ...] | Unreadable, index: int) -> Any:
    """The element at that index of each, except None."""
    if isinstance(found, Unreadable):
        return found
    return tuple(it[index] for it in found if it[index] is not None)


def _joined(
    first: tuple[T, ...] | Unreadable, second: tuple[T, ...] | Unreadable
) -> tuple[T, ...] | Unreadable:
    if isinstance(first, Unreadable) or isinstance(second, Unreadable):
        return first if isinstance(first, Unreadable) else second
    return (*first, *second)


def _each(
    of: Callable[[Manifest], T], items: tuple[Manifest, ...] | Unreadable
) -> tuple[T, ...] | Unreadable:
    return items if isinstance(items, Unreadable) else attempted(lambda: tuple(map(of, items)))


def _kubernetes(cluster: KubernetesReader) -> Service | None:
    found = cluster.get(reference("Service", "kubernetes"))
    return None if found is None else service_of(found)


def _api_endpoints(cluster: KubernetesReader) -> tuple[Endpoints, ...]:
    found = cluster.get(reference("Endpoints", "kubernetes"))
    return () if found is None else (endpoints_of(found),)


def _ipv4(address: str, whose: str) -> IPv4Address:
    try:
        return IPv4Address(address)
    except ValueError as error:
        raise DriftError(
            f"the address of {whose} should be an IPv4 address and is {address or 'missing'}",
            remedy="make the kubelets register their address in the nodes' subnet (--node-ip)",
        ) from error


def _troubled(
    pods: tuple[Pod, ...] | Unreadable, events: tuple[Warned, ...] | Unreadable
) -> frozenset[str]:
    """Nodes with pods that the kubelet could not plug, according to its events."""
    if isinstance(pods, Unreadable) or isinstance(events, Unreadable):
        return frozenset()
    waiting = {(it.namespace, it.name): it.node for it in pods if not it.address}
    return frozenset(
        waiting[event.namespace, event.name]
        for event in events
        if event.kind == "Pod" and (event.namespace, event.name) in waiting
    )
