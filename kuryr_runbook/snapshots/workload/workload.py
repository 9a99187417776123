"""The verification's workload in the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.deployed import program_of
from kuryr_runbook.snapshots.cluster.kuryr_objects import kuryr_object_of, vifs_of
from kuryr_runbook.snapshots.cluster.objects import (
    Endpoints,
    Pod,
    Service,
    endpoints_of,
    pod_of,
    reference,
    service_of,
    warning_of,
)
from kuryr_runbook.snapshots.cluster.state import (
    NOT_ASKED,
    ClusterState,
    nothing_read,
    read_nodes,
)
from kuryr_runbook.snapshots.reading import Attempt, Unreadable, attempted, demanded, known
from kuryr_runbook.specs.workload import DEMO, SELECTOR, SERVICE

DEPLOYMENT = ("Deployment", DEMO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload: its Deployment, its pods and its Service."""

    available: int | None
    """Available replicas; None: there is no Deployment."""
    pods: tuple[Pod, ...]
    """Without those that are being deleted, with the interfaces that Kuryr assigned to them."""
    service: Service | None

    @property
    def cluster_ip(self) -> str:
        """Of the Service; empty: there is none."""
        return self.service.cluster_ip if self.service else ""

    @property
    def ingress(self) -> str:
        """The address that the Service announces to the outside; empty: none yet."""
        return self.service.ingress if self.service else ""

    @property
    def running(self) -> Mapping[str, str]:
        """The address of each running pod, by name."""
        return {pod.name: pod.address for pod in self.pods if pod.is_running}


def read_workload_cluster(site: Site, cluster: KubernetesReader) -> ClusterState:
    """The cluster's nodes, and the workload's namespace in one list call for each kind."""
    space = site.verification.namespace
    events = attempted(lambda: cluster.list_objects("v1", "Event", namespace=space))
    return replace(
        _read(site, cluster, attempted),
        nodes=attempted(lambda: read_nodes(cluster)),
        endpoints=attempted(lambda: _endpoints(space, cluster)),
        events=events
        if isinstance(events, Unreadable)
        else tuple(warning_of(it) for it in events if it.get("type") == "Warning"),
    )


def _endpoints(namespace: str, cluster: KubernetesReader) -> tuple[Endpoints, ...]:
    found = cluster.get(reference("Endpoints", SERVICE, namespace))
    return () if found is None else (endpoints_of(found),)


def read_workload(site: Site, cluster: KubernetesReader) -> Workload:
    """Only Deployment, pods and Service, strictly."""
    return workload_of(site, _read(site, cluster, demanded))


def _read(site: Site, cluster: KubernetesReader, attempt: Attempt) -> ClusterState:
    """Read the parts of a workload."""

    def listed(version: str, kind: str, labels: str = "") -> Sequence[Manifest]:
        space = site.verification.namespace
        return cluster.list_objects(version, kind, namespace=space, labels=labels)

    return replace(
        nothing_read(NOT_ASKED),
        deployed=attempt(lambda: tuple(map(program_of, listed("apps/v1", "Deployment")))),
        services=attempt(lambda: tuple(map(service_of, listed("v1", "Service")))),
        pods=attempt(
            lambda: tuple(it for it in map(pod_of, listed("v1", "Pod", SELECTOR)) if it is not None)
        ),
        kuryr_objects=attempt(lambda: tuple(map(kuryr_object_of, listed(API_VERSION, "KuryrPort"))))
        if site.release.crds
        else (),
    )


def workload_of(site: Site, cluster: ClusterState) -> Workload:
    """The workload in what was read. Raises AccessError if a part was not read."""
    pods, services = known(cluster.pods), known(cluster.services)
    vifs = vifs_of(site.release, pods, known(cluster.kuryr_objects))
    deployments = [it for it in known(cluster.deployed) if (it.kind, it.name) == DEPLOYMENT]
    return Workload(
        available=deployments[0].available if deployments else None,
        pods=tuple(
            replace(pod, vif=vifs.get((pod.namespace, pod.name)))
            for pod in pods
            if pod.life.deleted is None
        ),
        service=next((it for it in services if it.name == SERVICE), None),
    )
