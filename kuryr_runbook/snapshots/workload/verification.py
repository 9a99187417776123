"""All that the acceptance checks look at, read once: cluster, cloud, and what the pods reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from kuryr_runbook.clients.kubernetes.api import KubernetesReader, Manifest
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.releases.names import API_VERSION, VIF_ANNOTATION
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.lookup import find
from kuryr_runbook.snapshots.cloud.state import (
    CloudState,
    nothing_read,
    project_of,
    read_cloud,
    with_service_ports,
)
from kuryr_runbook.snapshots.cluster.vif import (
    Malformed,
    PodVif,
    parse_kuryr_port,
    parse_vif,
)
from kuryr_runbook.snapshots.kubernetes import ClusterSnapshot, read_cluster
from kuryr_runbook.snapshots.parsing import part
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known
from kuryr_runbook.snapshots.workload.probes import (
    Answer,
    Executor,
    PodProbe,
    read_outside,
    read_probes,
)
from kuryr_runbook.specs.wanted import pod_subnet
from kuryr_runbook.specs.workload import DEMO, SELECTOR, SERVICE, TRIES, Targets, balancer_name

DNS_NAMESPACE, DNS_LABELS = "kube-system", "k8s-app=kube-dns"
"""Where a cluster's DNS is found, whatever program it is."""


class VerificationCluster(KubernetesReader, Executor, Protocol):
    """A cluster that is read, and whose pods are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of the workload."""

    name: str
    node: str
    """Empty before it is scheduled."""
    node_address: str
    address: str
    """Empty before it is plugged."""
    running: bool
    vif: PodVif | Malformed | None
    """None: Kuryr has noted none for it."""
    trouble: str
    """The latest warning event about it; empty when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload as the cluster shows it."""

    available: int | None
    """Available replicas; None: there is no Deployment."""
    pods: tuple[Pod, ...]
    """Without those that are being deleted."""
    cluster_ip: str
    """Empty: there is no Service."""
    ingress: str
    """The address that the Service's status announces to the outside; empty: none yet."""

    @property
    def running(self) -> dict[str, str]:
        """The address of each running pod, by name."""
        return {pod.name: pod.address for pod in self.pods if pod.running}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSnapshot:
    """Everything at one time; what could not be read says so."""

    taken_at: datetime
    site: Site
    cluster: ClusterSnapshot | Unreadable
    workload: Workload | Unreadable
    cloud: CloudState
    """With Octavia's ports on the Services' network, and the members of the workload's Service."""
    packet: int | Unreadable
    """Bytes of the largest packet of the pods' network, as Neutron tells its MTU."""
    dns: str | Unreadable
    """Address of the cluster's DNS; empty: there is none."""
    probes: Mapping[str, PodProbe | Unreadable]
    """By the name of the pod that was asked."""
    outside: tuple[Answer, ...] | Unreadable
    """HTTP to the floating IP from where the notebook runs."""


def read_verification(
    site: Site, cluster: VerificationCluster, cloud: OpenStackReader
) -> VerificationSnapshot:
    """Read everything, and let every pod probe what it reaches."""
    taken_at = datetime.now(UTC)
    workload = attempted(lambda: read_workload(site, cluster))
    state = _read_state(site, cloud)
    packet = _packet(site, state)
    dns = attempted(lambda: read_dns(cluster))
    return VerificationSnapshot(
        taken_at=taken_at,
        site=site,
        cluster=attempted(lambda: read_cluster(cluster)),
        workload=workload,
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
    """The address of the Service of the cluster's DNS; empty when there is none."""
    found = cluster.list_objects("v1", "Service", namespace=DNS_NAMESPACE, labels=DNS_LABELS)
    addresses = (str(item["spec"].get("clusterIP") or "None") for item in found)
    return next((address for address in addresses if address != "None"), "")


def read_workload(site: Site, cluster: KubernetesReader) -> Workload:
    """Deployment, pods, their events and the Service, in one list call per kind."""
    namespace = site.verification.namespace
    deployments = cluster.list_objects("apps/v1", "Deployment", namespace=namespace)
    services = cluster.list_objects("v1", "Service", namespace=namespace)
    pods = cluster.list_objects("v1", "Pod", namespace=namespace, labels=SELECTOR)
    vifs = _vifs(site, cluster, pods)
    troubles = _troubles(cluster.list_objects("v1", "Event", namespace=namespace))
    deployment = _named(deployments, DEMO)
    service = _named(services, SERVICE)
    return Workload(
        available=deployment["status"].get("availableReplicas", 0) if deployment else None,
        pods=tuple(
            pod_of(
                pod, vifs.get(pod["metadata"]["name"]), troubles.get(pod["metadata"]["name"], "")
            )
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
        ),
        cluster_ip=service["spec"].get("clusterIP", "") if service else "",
        ingress=ingress_of(service) if service else "",
    )


def _vifs(
    site: Site, cluster: KubernetesReader, pods: Iterable[Manifest]
) -> dict[str, PodVif | Malformed | None]:
    """The interface of each pod, by name, from where the site's release notes it."""
    if site.release.crds:
        namespace = site.verification.namespace
        ports = cluster.list_objects(API_VERSION, "KuryrPort", namespace=namespace)
        return {it["metadata"]["name"]: parse_kuryr_port(it.get("status")) for it in ports}
    noted = {pod["metadata"]["name"]: part(pod, "metadata", "annotations") for pod in pods}
    return {
        name: parse_vif(annotations[VIF_ANNOTATION])
        for name, annotations in noted.items()
        if VIF_ANNOTATION in annotations
    }


def pod_of(pod: Manifest, vif: PodVif | Malformed | None, trouble: str = "") -> Pod:
    """A pod of the workload, from its manifest."""
    status = pod.get("status", {})
    address = status.get("podIP", "")
    return Pod(
        name=pod["metadata"]["name"],
        node=pod["spec"].get("nodeName", ""),
        node_address=status.get("hostIP", ""),
        address=address,
        running=status.get("phase") == "Running" and bool(address),
        vif=vif,
        trouble=trouble,
    )


def ingress_of(service: Manifest) -> str:
    """The first address that a Service's status announces; empty when there is none."""
    points = service.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    return str(points[0].get("ip", ""))


def _read_state(site: Site, reader: OpenStackReader) -> CloudState:
    project = attempted(lambda: project_of(site, reader.project_id))
    if isinstance(project, Unreadable):
        return nothing_read(project)
    state = read_cloud(reader, project, pools_of=[balancer_name(site)], attempt=attempted)
    return with_service_ports(site, reader, state)


def _packet(site: Site, cloud: CloudState) -> int | Unreadable:
    def read() -> int | None:
        subnet = find(known(cloud.subnets), pod_subnet(site), known(cloud.project_id))
        wanted = None if subnet is None else subnet.network_id
        return next((it.mtu for it in known(cloud.networks) if it.id == wanted), None)

    # Neutron without the extension net-mtu shows none.
    return attempted(read) or Unreadable("Neutron shows no MTU of the pods' network")


def _outside(workload: Workload | Unreadable) -> tuple[Answer, ...] | Unreadable:
    if isinstance(workload, Unreadable):
        return workload
    if not workload.ingress:
        return Unreadable("the Service announces no address to ask")
    return read_outside(workload.ingress, TRIES)


def _named(objects: Iterable[Manifest], name: str) -> Manifest | None:
    return next((item for item in objects if item["metadata"]["name"] == name), None)


def _troubles(events: Iterable[Manifest]) -> dict[str, str]:
    """The latest warning about each pod."""
    warnings = [
        event
        for event in events
        if event.get("type") == "Warning" and event["involvedObject"].get("kind") == "Pod"
    ]
    warnings.sort(key=lambda event: event.get("lastTimestamp") or "")
    return {
        event["involvedObject"]["name"]: f"{event.get('reason')}: {event.get('message', '')[:300]}"
        for event in warnings
    }
