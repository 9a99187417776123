"""Phase 02's plan: what is missing in Neutron and Octavia for Kuryr.

Existing resources with the given id or name are checked and used. Those that do not fit are
refused, with the exact difference: changing a subnet or a gateway would disrupt running pods.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning import balancers, groups, networks
from kuryr_runbook.planning.gathering import Gathering
from kuryr_runbook.snapshots.cloud.resources import Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.cluster.state import ClusterState
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.openstack import OpenStackSpec, openstack_spec


def spec_of(site: Site, cluster: ClusterState) -> OpenStackSpec:
    """What the site wants for this cluster. Raises AccessError or DriftError."""
    servers = cluster.api_servers
    addresses = tuple(sorted({*cluster.node_addresses, *(address for address, _ in servers)}))
    return openstack_spec(site, addresses, servers, known(cluster.cluster_id))


def compared(spec: OpenStackSpec, cloud: CloudState) -> Gathering:
    """Wanted minus existing: the steps, and what does not fit. Raises AccessError."""
    gathering = Gathering(spec, cloud)
    external = networks.use_external_network(gathering)
    node_subnet = networks.use_node_subnet(gathering)
    if node_subnet is not None:
        _plan_on(gathering, external, node_subnet)
    return gathering


def plan_openstack(spec: OpenStackSpec, cloud: CloudState) -> Plan:
    """Wanted minus read. Raises DriftError with everything that exists and does not fit."""
    gathering = compared(spec, cloud)
    if gathering.problems:
        told = map(str, gathering.problems)
        raise DriftError(
            "\n  ".join(["existing resources do not fit the site:", *told]),
            remedy="correct the site file or the resource; nothing was changed",
        )
    return Plan(phase="openstack_prep", steps=tuple(gathering.steps))


def _plan_on(gathering: Gathering, external: str, node_subnet: Subnet) -> None:
    """Everything that depends on the nodes' subnet."""
    spec, node_cidr = gathering.spec, IPv4Network(node_subnet.cidr)
    networks.refuse_overlaps(gathering, node_cidr)
    router = networks.plan_router(gathering, external)
    networks.plan_interface(gathering, router, node_subnet.id, spec.node_subnet.name)
    pods = networks.plan_subnet(gathering, spec.pod_subnet, node_subnet.network_id)
    of_nodes = (it for it in known(gathering.cloud.networks) if it.id == node_subnet.network_id)
    service_network = networks.plan_network(gathering, next(of_nodes, None))
    services = networks.plan_subnet(gathering, spec.service_subnet, service_network)
    if spec.namespace_pool is not None:
        networks.plan_namespace_pool(gathering, spec.namespace_pool)
    networks.plan_interface(gathering, router, pods, spec.pod_subnet.wanted.name)
    networks.plan_interface(gathering, router, services, spec.service_subnet.wanted.name)
    groups.plan_group(gathering, spec.pod_group, node_cidr)
    node_group = groups.plan_group(gathering, spec.node_group, node_cidr)
    groups.plan_node_ports(gathering, node_group, node_subnet.id)
    balancers.plan_load_balancer(gathering, services, node_subnet.id)
