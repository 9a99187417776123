"""What Kuryr created in OpenStack for the verification workload, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.lookup import of_name
from kuryr_runbook.snapshots.cloud.state import read_cloud
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.snapshots.workload.workload import Workload, read_workload
from kuryr_runbook.specs.workload import balancer_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What to look for afterwards."""

    ids: Mapping[str, frozenset[str]]
    """By kind of resource: load balancers, floating IPs, ports of VIPs and of pods."""
    pairs: frozenset[tuple[str, str]]
    """Address and MAC of each pod, in the workers' allowed address pairs."""


def read_traces(site: Site, workload: Workload, cloud: OpenStackReader) -> Traces:
    """Find the load balancer by name, and the rest by references from it and from the pods."""
    project = cloud.project_id
    state = read_cloud(cloud, project, kinds=("loadbalancer", "floatingip"))
    balancers = of_name(known(state.balancers), balancer_name(site), project)
    vip_ports = {balancer.vip_port_id for balancer in balancers}
    vifs = [pod.vif for pod in workload.pods if isinstance(pod.vif, PodVif)]
    floating = known(state.floating_ips)
    return Traces(
        ids={
            "loadbalancer": frozenset(balancer.id for balancer in balancers),
            "floatingip": frozenset(it.id for it in floating if it.port_id in vip_ports),
            "port": frozenset(vip_ports | {vif.port_id for vif in vifs}),
        },
        pairs=frozenset((address, vif.mac) for vif in vifs for address in vif.addresses),
    )


def remaining(traces: Traces, cloud: OpenStackReader) -> list[str]:
    """Those of them that still exist, in words."""
    return list(_remaining(traces, cloud))


def _remaining(traces: Traces, cloud: OpenStackReader) -> Iterator[str]:
    state = read_cloud(cloud, cloud.project_id, kinds=("loadbalancer", "floatingip", "port"))
    for balancer in known(state.balancers):
        # Octavia may list a load balancer for a while after its deletion.
        if balancer.provisioning != "DELETED":
            yield from _if_known(traces, "loadbalancer", balancer.id)
    for floating in known(state.floating_ips):
        yield from _if_known(traces, "floatingip", floating.id)
    for port in known(state.ports):
        yield from _if_known(traces, "port", port.id)
        for pair in port.pairs:
            if (pair.address, pair.mac) in traces.pairs:
                yield f"address pair {pair.address} on port {port.id}"


def _if_known(traces: Traces, kind: str, resource_id: str) -> Iterator[str]:
    if resource_id in traces.ids[kind]:
        yield f"{kind} {resource_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The workload's pods, and its resources in OpenStack, at one time."""

    ports: Mapping[str, str]
    """The Neutron port that each pod's annotation names, by name of the pod."""
    traces: Traces


def read_footprint(site: Site, cluster: KubernetesReader, cloud: OpenStackReader) -> Footprint:
    """Read the workload and its traces."""
    workload = read_workload(site, cluster)
    vifs = {pod.name: pod.vif for pod in workload.pods}
    ports = {name: vif.port_id for name, vif in vifs.items() if isinstance(vif, PodVif)}
    return Footprint(ports=ports, traces=read_traces(site, workload, cloud))


def left_behind(before: Footprint, after: Footprint) -> Traces:
    """The resources of pods that are gone, which have to be gone, too."""
    return Traces(
        ids={
            "loadbalancer": frozenset(),
            "floatingip": frozenset(),
            "port": before.traces.ids["port"] - after.traces.ids["port"],
        },
        pairs=before.traces.pairs - after.traces.pairs,
    )
