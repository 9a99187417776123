"""Phase 02's plan: what Neutron and Octavia lack for Kuryr.

What exists under the given id or name is checked and used. What is there and does not fit is
refused, with the exact difference: changing a subnet or a gateway under running pods is worse.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.planning import balancers, groups, networks
from kuryr_runbook.planning.gathering import Gathering, Resource
from kuryr_runbook.snapshots.openstack import OpenStackSnapshot
from kuryr_runbook.specs.openstack import OpenStackSpec


def plan_openstack(spec: OpenStackSpec, snapshot: OpenStackSnapshot) -> Plan:
    """Wanted minus read. Raises DriftError with everything that exists and does not fit."""
    gathering = Gathering(spec, snapshot)
    external = networks.use_external_network(
        gathering, spec.external_network, spec.external_network_id
    )
    node_subnet = networks.use_node_subnet(gathering, spec.node_subnet, spec.node_subnet_id)
    if node_subnet is not None:
        _plan_on(gathering, external, node_subnet)
    if gathering.problems:
        raise DriftError(
            "\n  ".join(["what exists does not fit the site:", *gathering.problems]),
            remedy="mend the site file or the resource; nothing was changed",
        )
    return Plan(phase="openstack_prep", steps=tuple(gathering.steps))


def _plan_on(gathering: Gathering, external: str, node_subnet: Resource) -> None:
    """Everything else stands on the nodes' subnet."""
    spec, node_subnet_id = gathering.spec, str(node_subnet["id"])
    node_cidr = IPv4Network(node_subnet["cidr"])
    networks.refuse_overlaps(gathering, node_cidr)
    router = networks.plan_router(gathering, external)
    networks.plan_interface(gathering, router, node_subnet_id, spec.node_subnet)
    pods = networks.plan_subnet(gathering, spec.pod_subnet, str(node_subnet["network_id"]))
    node_network = gathering.snapshot.by_id("network", node_subnet["network_id"])
    service_network = networks.plan_network(gathering, spec.service_network, node_network)
    services = networks.plan_subnet(gathering, spec.service_subnet, service_network)
    networks.plan_interface(gathering, router, pods, spec.pod_subnet.name)
    networks.plan_interface(gathering, router, services, spec.service_subnet.name)
    groups.plan_group(gathering, spec.pod_group, node_cidr)
    node_group = groups.plan_group(gathering, spec.node_group, node_cidr)
    groups.plan_node_ports(gathering, node_group, node_subnet_id)
    balancers.plan_load_balancer(gathering, services, node_subnet_id)
