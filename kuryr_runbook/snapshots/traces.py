"""What Kuryr made in OpenStack for the verification workload, and how much of it is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.openstack import OpenStackReader
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.verification import Workload
from kuryr_runbook.snapshots.vif import PodVif
from kuryr_runbook.specs.workload import balancer_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Ids, by kind of resource: load balancers, floating IPs, ports of VIPs and of pods."""

    ids: Mapping[str, frozenset[str]]


def read_traces(site: Site, workload: Workload, cloud: OpenStackReader) -> Traces:
    """The load balancer is found by name, the rest by what it and the pods refer to."""
    balancers = cloud.list_resources("loadbalancer", name=balancer_name(site))
    vip_ports = {str(item["vip_port_id"]) for item in balancers}
    pod_ports = {pod.vif.port_id for pod in workload.pods if isinstance(pod.vif, PodVif)}
    floating = cloud.list_resources("floatingip", fields=("id", "port_id"))
    return Traces(
        ids={
            "loadbalancer": frozenset(str(item["id"]) for item in balancers),
            "floatingip": frozenset(str(i["id"]) for i in floating if i["port_id"] in vip_ports),
            "port": frozenset(vip_ports | pod_ports),
        }
    )


def remaining(traces: Traces, cloud: OpenStackReader) -> list[str]:
    """Those of them that still exist, each as kind and id."""
    return list(_remaining(traces, cloud))


def _remaining(traces: Traces, cloud: OpenStackReader) -> Iterator[str]:
    for kind, ids in traces.ids.items():
        # Octavia shows a load balancer for a while after its deletion, and knows no `fields`.
        fields = () if kind == "loadbalancer" else ("id",)
        for item in cloud.list_resources(kind, fields=fields) if ids else ():
            if item["id"] in ids and item.get("provisioning_status") != "DELETED":
                yield f"{kind} {item['id']}"
