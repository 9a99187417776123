"""What `kuryr-runbook init` reads from a cloud and a cluster without a site file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.clients.openstack.probes import CloudProber
from kuryr_runbook.snapshots.cloud.state import CloudState, read_cloud
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, read_found_kuryr
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces, read_interfaces
from kuryr_runbook.snapshots.cluster.node_probes import Probed, own_interfaces
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.cluster.state import read_cluster_id, read_nodes
from kuryr_runbook.snapshots.reading import Unreadable, attempted

SURVEYED = ("network", "subnet", "subnet_pool", "router", "port", "security_group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What they answered; what did not answer is marked as such."""

    cloud: CloudState | Unreadable
    providers: tuple[str, ...] | Unreadable
    """Octavia's."""
    version: str | Unreadable
    """Of the API server."""
    nodes: tuple[Node, ...] | Unreadable
    service_refusal: str | Unreadable
    """How the API server refuses a Service outside of its ranges; the message names them."""
    cluster_id: str
    """As in the marks on what the runbook creates; empty: it could not be read."""
    kuryr: FoundKuryr | Unreadable | None
    """The Kuryr that is installed already; None: there is none."""
    interfaces: tuple[NodeInterfaces, ...] | Unreadable
    """Those of all nodes."""


def with_own(survey: Survey, probes: Iterable[Probed]) -> Survey:
    """The survey with the interface that each node has in its network, as its probe has seen it."""
    own = own_interfaces(probes)
    seen = () if isinstance(survey.interfaces, Unreadable) else survey.interfaces
    return replace(survey, interfaces=tuple(replace(it, own=own.get(it.node, "")) for it in seen))


def read_survey(cloud: CloudProber | Unreadable, cluster: ClusterProber | Unreadable) -> Survey:
    """Read both, with separate requests, so that one without an answer does not affect the rest."""
    if isinstance(cloud, Unreadable):
        state: CloudState | Unreadable = cloud
        providers: tuple[str, ...] | Unreadable = cloud
    else:
        state = attempted(lambda: read_cloud(cloud, cloud.login().project_id, kinds=SURVEYED))
        providers = attempted(lambda: tuple(sorted(cloud.providers())))
    if isinstance(cluster, Unreadable):
        return Survey(
            cloud=state,
            providers=providers,
            version=cluster,
            nodes=cluster,
            service_refusal=cluster,
            cluster_id="",
            kuryr=cluster,
            interfaces=cluster,
        )
    nodes = attempted(lambda: read_nodes(cluster))
    cluster_id = attempted(lambda: read_cluster_id(cluster))
    return Survey(
        cloud=state,
        providers=providers,
        version=attempted(lambda: cluster.version),
        nodes=nodes,
        service_refusal=attempted(cluster.refuse_service),
        cluster_id="" if isinstance(cluster_id, Unreadable) else cluster_id,
        kuryr=attempted(lambda: read_found_kuryr(cluster)),
        interfaces=nodes if isinstance(nodes, Unreadable) else read_interfaces(cluster, nodes),
    )
