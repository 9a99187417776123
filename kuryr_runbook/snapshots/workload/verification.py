"""Everything that the acceptance checks read, once: cluster, cloud, and the pods' requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.lookup import find
from kuryr_runbook.snapshots.cloud.ownership import is_of_some_pod
from kuryr_runbook.snapshots.cloud.state import (
    CloudState,
    kinds_of,
    nothing_read,
    project_of,
    read_cloud,
    with_service_ports,
)
from kuryr_runbook.snapshots.cluster.objects import service_of
from kuryr_runbook.snapshots.cluster.state import ClusterState
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known
from kuryr_runbook.snapshots.workload.probes import (
    Answer,
    Executor,
    PodProbe,
    read_outside,
    read_probes,
)
from kuryr_runbook.snapshots.workload.workload import (
    Workload,
    read_workload_cluster,
    workload_of,
)
from kuryr_runbook.specs.wanted import pod_subnet
from kuryr_runbook.specs.workload import TRIES, Targets, balancer_name

DNS_NAMESPACE, DNS_LABELS = "kube-system", "k8s-app=kube-dns"
"""The Service of a cluster's DNS, whichever program it is."""


class VerificationCluster(KubernetesReader, Executor, Protocol):
    """A cluster that can be read, and in whose pods commands can be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSnapshot:
    """Everything at one time; what could not be read is marked as such."""

    taken_at: datetime
    site: Site
    cluster: ClusterState
    """The cluster's nodes, and the contents of the workload's namespace."""
    cloud: CloudState
    """With Octavia's ports on the Services' network, and the members of the workload's Service."""
    packet: int | Unreadable
    """Bytes of the pods' network's largest packet, from the MTU that Neutron shows."""
    dns: str | Unreadable
    """Address of the cluster's DNS; empty: there is none."""
    probes: Mapping[str, PodProbe | Unreadable]
    """By the name of the pod that sent the requests."""
    outside: tuple[Answer, ...] | Unreadable
    """HTTP to the floating IP from the machine that runs the notebook."""

    @property
    def workload(self) -> Workload | Unreadable:
        """The workload's part of the cluster."""
        return attempted(lambda: workload_of(self.site, self.cluster))


def read_verification(
    site: Site, cluster: VerificationCluster, cloud: OpenStackReader
) -> VerificationSnapshot:
    """Read everything, and let every pod probe what it can reach."""
    taken_at = datetime.now(UTC)
    objects = read_workload_cluster(site, cluster)
    workload = attempted(lambda: workload_of(site, objects))
    state = _read_state(site, cloud)
    packet = _packet(site, state, workload)
    dns = attempted(lambda: read_dns(cluster))
    return VerificationSnapshot(
        taken_at=taken_at,
        site=site,
        cluster=objects,
        cloud=state,
        packet=packet,
        dns=dns,
        probes=_probes(site, cluster, workload, packet, dns),
        outside=_outside(workload),
    )


def _probes(
    site: Site,
    executor: Executor,
    workload: Workload | Unreadable,
    packet: int | Unreadable,
    dns: str | Unreadable,
) -> Mapping[str, PodProbe | Unreadable]:
    if isinstance(workload, Unreadable):
        return {}
    targets = Targets(
        pods=workload.running,
        cluster_ip=workload.cluster_ip,
        packet=0 if isinstance(packet, Unreadable) else packet,
        dns="" if isinstance(dns, Unreadable) else dns,
    )
    return read_probes(site, executor, targets)


def read_dns(cluster: KubernetesReader) -> str:
    """The address of the Service of the cluster's DNS; empty if there is none."""
    found = cluster.list_objects("v1", "Service", namespace=DNS_NAMESPACE, labels=DNS_LABELS)
    return next((it.cluster_ip for it in map(service_of, found) if it.cluster_ip), "")


def _read_state(site: Site, reader: OpenStackReader) -> CloudState:
    project = attempted(lambda: project_of(site, reader.project_id))
    if isinstance(project, Unreadable):
        return nothing_read(project)
    state = read_cloud(
        reader, project, kinds=kinds_of(site), pools_of=[balancer_name(site)], attempt=attempted
    )
    return with_service_ports(site, reader, state)


def _packet(site: Site, cloud: CloudState, workload: Workload | Unreadable) -> int | Unreadable:
    def read() -> int | None:
        subnet = find(known(cloud.subnets), pod_subnet(site), known(cloud.project_id))
        wanted = None if subnet is None else subnet.network_id
        if site.network.namespace_subnets.enabled:
            wanted = _network_of(known(workload), cloud)
        return next((it.mtu for it in known(cloud.networks) if it.id == wanted), None)

    # Neutron without the extension net-mtu shows none.
    return attempted(read) or Unreadable("Neutron shows no MTU of the pods' network")


def _network_of(workload: Workload, cloud: CloudState) -> str | None:
    """The id of the network of the workload's namespace, by the ports of its pods."""
    addresses = {*workload.running.values()}
    of_pods = filter(is_of_some_pod, known(cloud.ports))
    return next((it.network_id for it in of_pods if addresses.intersection(it.addresses)), None)


def _outside(workload: Workload | Unreadable) -> tuple[Answer, ...] | Unreadable:
    if isinstance(workload, Unreadable):
        return workload
    if not workload.ingress:
        return Unreadable("the Service announces no address to send requests to")
    return read_outside(workload.ingress, TRIES)
