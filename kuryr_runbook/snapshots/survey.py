"""What `kuryr-runbook init` reads from a cloud and a cluster without a site file."""

from __future__ import annotations

from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.clients.openstack.probes import CloudProber
from kuryr_runbook.snapshots.cloud.state import CloudState, read_cloud
from kuryr_runbook.snapshots.cluster.objects import Node, node_of
from kuryr_runbook.snapshots.reading import Unreadable, attempted

SURVEYED = ("network", "subnet", "router", "port", "security_group")


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
        )
    return Survey(
        cloud=state,
        providers=providers,
        version=attempted(lambda: cluster.version),
        nodes=attempted(lambda: tuple(map(node_of, cluster.list_objects("v1", "Node")))),
        service_refusal=attempted(cluster.refuse_service),
    )
