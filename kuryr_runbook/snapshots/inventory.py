"""What a cloud and a cluster have that a site file may name: for a form, before there is a site."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.clients.openstack.probes import CloudProber, Login
from kuryr_runbook.snapshots.cloud.resources import Balancer
from kuryr_runbook.snapshots.cloud.state import CloudState, read_cloud
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces, read_interfaces
from kuryr_runbook.snapshots.cluster.objects import (
    Node,
    endpoints_of,
    name_of,
    reference,
)
from kuryr_runbook.snapshots.cluster.state import read_nodes
from kuryr_runbook.snapshots.reading import Attempt, Unreadable, attempted

FEW = 3
"""Nodes whose interfaces are looked at: they have to have the same name everywhere."""
NETWORKING = ("network", "subnet", "subnet_pool", "router", "security_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What they answered; what did not answer is marked as such."""

    login: Login | Unreadable
    cloud: CloudState | Unreadable
    """Networks, subnets, routers and security groups."""
    balancers: tuple[Balancer, ...] | Unreadable
    providers: tuple[str, ...] | Unreadable
    """Octavia's."""
    version: str | Unreadable
    """Of the API server."""
    nodes: tuple[Node, ...] | Unreadable
    namespaces: tuple[str, ...] | Unreadable
    api_servers: tuple[str, ...] | Unreadable
    """Address and port of each."""
    interfaces: tuple[NodeInterfaces, ...] | Unreadable
    """Those of a few nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cluster:
    version: str | Unreadable
    nodes: tuple[Node, ...] | Unreadable
    namespaces: tuple[str, ...] | Unreadable
    api_servers: tuple[str, ...] | Unreadable


def read_inventory(
    cloud: Callable[[], CloudProber], cluster: Callable[[], ClusterProber], attempt: Attempt
) -> Inventory:
    """Ask all services at the same time; `attempt` says how long each may take."""
    with ThreadPoolExecutor(4) as threads:
        networking = threads.submit(attempt, lambda: _networking(cloud()))
        balancing = threads.submit(attempt, lambda: _balancing(cloud()))
        kubernetes = threads.submit(attempt, lambda: _kubernetes(cluster()))
        # By itself: the API server waits long for a kubelet that does not answer.
        kubelets = threads.submit(attempt, lambda: _interfaces(cluster()))
        found, octavia, there = networking.result(), balancing.result(), kubernetes.result()
    login, state = (found, found) if isinstance(found, Unreadable) else found
    balancers, providers = (octavia, octavia) if isinstance(octavia, Unreadable) else octavia
    if isinstance(there, Unreadable):
        there = _Cluster(version=there, nodes=there, namespaces=there, api_servers=there)
    return Inventory(
        login=login,
        cloud=state,
        balancers=balancers,
        providers=providers,
        version=there.version,
        nodes=there.nodes,
        namespaces=there.namespaces,
        api_servers=there.api_servers,
        interfaces=kubelets.result(),
    )


def _networking(cloud: CloudProber) -> tuple[Login, CloudState]:
    login = cloud.login()
    return login, read_cloud(cloud, login.project_id, kinds=NETWORKING, attempt=attempted)


Balancing = tuple[tuple[Balancer, ...] | Unreadable, tuple[str, ...] | Unreadable]


def _balancing(cloud: CloudProber) -> Balancing:
    project = cloud.login().project_id
    state = read_cloud(cloud, project, kinds=("loadbalancer",), attempt=attempted)
    return state.balancers, attempted(lambda: tuple(sorted(cloud.providers())))


def _kubernetes(cluster: ClusterProber) -> _Cluster:
    return _Cluster(
        version=cluster.version,
        nodes=attempted(lambda: read_nodes(cluster)),
        namespaces=attempted(
            lambda: tuple(sorted(map(name_of, cluster.list_objects("v1", "Namespace"))))
        ),
        api_servers=attempted(lambda: _api_servers(cluster)),
    )


def _interfaces(cluster: ClusterProber) -> tuple[NodeInterfaces, ...]:
    return read_interfaces(cluster, read_nodes(cluster)[:FEW])


def _api_servers(cluster: ClusterProber) -> tuple[str, ...]:
    found = cluster.get(reference("Endpoints", "kubernetes"))
    backends = () if found is None else endpoints_of(found).backends
    return tuple(f"{it.address}:{it.port}" for it in backends)
