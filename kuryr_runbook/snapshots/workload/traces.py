"""What Kuryr made in OpenStack for the verification workload, and how much of it is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.workload import Workload, read_workload
from kuryr_runbook.specs.workload import balancer_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What to look for afterwards."""

    ids: Mapping[str, frozenset[str]]
    """By kind of resource: load balancers, floating IPs, ports of VIPs and of pods."""
    pairs: frozenset[tuple[str, str]]
    """Address and MAC of each pod, as the ports of the workers allow them."""


def read_traces(site: Site, workload: Workload, cloud: OpenStackReader) -> Traces:
    """The load balancer is found by name, the rest by what it and the pods refer to."""
    balancers = cloud.list_resources("loadbalancer", name=balancer_name(site))
    vip_ports = {str(item["vip_port_id"]) for item in balancers}
    vifs = [pod.vif for pod in workload.pods if isinstance(pod.vif, PodVif)]
    floating = cloud.list_resources("floatingip", fields=("id", "port_id"))
    return Traces(
        ids={
            "loadbalancer": frozenset(str(item["id"]) for item in balancers),
            "floatingip": frozenset(str(i["id"]) for i in floating if i["port_id"] in vip_ports),
            "port": frozenset(vip_ports | {vif.port_id for vif in vifs}),
        },
        pairs=frozenset((address, vif.mac) for vif in vifs for address in vif.addresses),
    )


def remaining(traces: Traces, cloud: OpenStackReader) -> list[str]:
    """Those of them that still exist, in words."""
    return list(_remaining(traces, cloud))


def _remaining(traces: Traces, cloud: OpenStackReader) -> Iterator[str]:
    for balancer in cloud.list_resources("loadbalancer"):
        # Octavia may show a load balancer for a while after its deletion.
        if balancer["provisioning_status"] != "DELETED":
            yield from _if_known(traces, "loadbalancer", str(balancer["id"]))
    for floating in cloud.list_resources("floatingip", fields=("id",)):
        yield from _if_known(traces, "floatingip", str(floating["id"]))
    for port in cloud.list_resources("port", fields=("id", "allowed_address_pairs")):
        yield from _if_known(traces, "port", str(port["id"]))
        for pair in port["allowed_address_pairs"]:
            if (pair["ip_address"], pair["mac_address"].lower()) in traces.pairs:
                yield f"address pair {pair['ip_address']} on port {port['id']}"


def _if_known(traces: Traces, kind: str, resource_id: str) -> Iterator[str]:
    if resource_id in traces.ids[kind]:
        yield f"{kind} {resource_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """The workload's pods, and what it has in OpenStack, at one time."""

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
    """What pods had that are gone: it has to be gone too."""
    return Traces(
        ids={
            "loadbalancer": frozenset(),
            "floatingip": frozenset(),
            "port": before.traces.ids["port"] - after.traces.ids["port"],
        },
        pairs=before.traces.pairs - after.traces.pairs,
    )
