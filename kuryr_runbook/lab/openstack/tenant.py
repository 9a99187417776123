"""What a cluster's installer leaves in OpenStack: networks, router, node ports, a floating IP.

Resources are found by name; missing ones are created, existing ones used as they are. Ports of
workers that the lab no longer has are removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

from kuryr_runbook.lab import settings as names
from kuryr_runbook.lab.openstack.clients import connect, explained
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

if TYPE_CHECKING:
    from openstack.connection import Connection

EXTERNAL_SUBNET = "ext-subnet"
ROUTER_INTERFACE = "network:router_interface"
SSH_PORT = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePort:
    """The Neutron port of a node."""

    name: str
    port_id: str
    address: IPv4Address
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The lab's project, for the other parts of the lab."""

    project_id: str
    external_network_id: str
    external_subnet_id: str
    node_network_id: str
    node_subnet_id: str
    router_id: str
    router_address: IPv4Address
    """On the external network: the source of traffic that leaves without a floating IP."""
    node_mtu: int
    """MTU of the nodes' network."""
    node_security_group_id: str
    nodes: Mapping[str, NodePort]
    """By node name."""
    master_floating_ip: IPv4Address


@dataclass(frozen=True, slots=True)
class _Seen:
    """What belongs to the project or is external, from one list call for each type."""

    networks: Mapping[str, Any]
    subnets: Mapping[str, Any]
    routers: Mapping[str, Any]
    security_groups: Mapping[str, Any]
    ports: tuple[Any, ...]
    floating_ips: tuple[Any, ...]


def ensure_tenant(settings: LabSettings) -> Tenant:
    """Create what is missing, and return everything."""
    cloud = connect(settings, "k8s")
    seen = _see(cloud)
    external = _ensure_external(settings, seen)
    network, subnet = _ensure_node_network(cloud, seen)
    _ensure_router(cloud, seen, external, subnet)
    group = _ensure_security_group(cloud, seen)
    ports = _ensure_node_ports(cloud, settings, seen, (network, subnet, group))
    _ensure_trunks(cloud, settings, ports)
    _remove_other_nodes(cloud, settings, seen)
    master = ports[names.MASTER]
    if not any(f.port_id == master.id for f in seen.floating_ips):
        cloud.network.create_ip(floating_network_id=external.id, port_id=master.id)
    return read_tenant(settings)


def read_tenant(settings: LabSettings) -> Tenant:
    """Read what is there; raises LabError with a list of what is missing."""
    cloud = connect(settings, "k8s")
    with explained():
        seen = _see(cloud)
    node_ports = {p.name: p for p in seen.ports if _is_node(p)}
    master = node_ports.get(names.MASTER)
    floating = next((f for f in seen.floating_ips if master and f.port_id == master.id), None)
    missing = [*_missing(settings, seen, node_ports)]
    if floating is None:
        missing.append(f"floating IP of {names.MASTER}")
    if missing or floating is None:
        raise LabError(
            f"project {names.PROJECT} of the lab's cloud lacks: {', '.join(missing)}",
            remedy="run `kuryr-runbook lab up`, which creates what is missing",
        )
    router = seen.routers[names.ROUTER]
    return Tenant(
        project_id=str(cloud.current_project_id),
        external_network_id=seen.networks[names.EXTERNAL_NETWORK].id,
        external_subnet_id=seen.subnets[EXTERNAL_SUBNET].id,
        node_network_id=seen.networks[names.NODE_NETWORK].id,
        node_subnet_id=seen.subnets[names.NODE_SUBNET].id,
        router_id=router.id,
        router_address=IPv4Address(
            router.external_gateway_info["external_fixed_ips"][0]["ip_address"]
        ),
        node_mtu=int(seen.networks[names.NODE_NETWORK].mtu),
        node_security_group_id=seen.security_groups[names.NODE_SECURITY_GROUP].id,
        nodes={name: _node_port(node_ports[name]) for name in settings.node_names},
        master_floating_ip=IPv4Address(floating.floating_ip_address),
    )


def _see(cloud: Connection) -> _Seen:
    project = cloud.current_project_id

    def ours(found: Any) -> list[Any]:
        return [r for r in found if r.project_id == project]

    # As an admin `k8s` sees all projects; only external networks may belong to others.
    networks = [
        n for n in cloud.network.networks() if n.project_id == project or n.is_router_external
    ]
    known = {n.id for n in networks}
    return _Seen(
        networks={n.name: n for n in networks},
        subnets={s.name: s for s in cloud.network.subnets() if s.network_id in known},
        routers={r.name: r for r in ours(cloud.network.routers())},
        security_groups={g.name: g for g in ours(cloud.network.security_groups())},
        ports=tuple(p for p in cloud.network.ports() if p.network_id in known),
        floating_ips=tuple(ours(cloud.network.ips())),
    )


def _missing(settings: LabSettings, seen: _Seen, ports: Mapping[str, Any]) -> Iterator[str]:
    wanted = (
        ("network", seen.networks, (names.EXTERNAL_NETWORK, names.NODE_NETWORK)),
        ("subnet", seen.subnets, (EXTERNAL_SUBNET, names.NODE_SUBNET)),
        ("security group", seen.security_groups, (names.NODE_SECURITY_GROUP,)),
        ("port", ports, settings.node_names),
    )
    for kind, found, expected in wanted:
        yield from (f"{kind} {name}" for name in expected if name not in found)
    router = seen.routers.get(names.ROUTER)
    if router is None:
        yield f"router {names.ROUTER}"
    elif not (router.external_gateway_info or {}).get("external_fixed_ips"):
        yield f"gateway of router {names.ROUTER}"


def _ensure_external(settings: LabSettings, seen: _Seen) -> Any:
    """Make the external network, which belongs to the cloud's admin, not to the project."""
    network = seen.networks.get(names.EXTERNAL_NETWORK)
    if network is not None and EXTERNAL_SUBNET in seen.subnets:
        return network
    admin = connect(settings, "admin")
    network = network or admin.network.create_network(
        name=names.EXTERNAL_NETWORK,
        is_router_external=True,
        provider_network_type="flat",
        provider_physical_network=names.PHYSICAL_NETWORK,
    )
    admin.network.create_subnet(
        network_id=network.id,
        name=EXTERNAL_SUBNET,
        ip_version=4,
        cidr=str(names.EXTERNAL_CIDR),
        gateway_ip=str(names.EXTERNAL_GATEWAY),
        is_dhcp_enabled=False,
        allocation_pools=[_pool(names.EXTERNAL_CIDR, 20, 200)],
    )
    return network


def _ensure_node_network(cloud: Connection, seen: _Seen) -> tuple[Any, Any]:
    network = seen.networks.get(names.NODE_NETWORK) or cloud.network.create_network(
        name=names.NODE_NETWORK
    )
    subnet = seen.subnets.get(names.NODE_SUBNET) or cloud.network.create_subnet(
        network_id=network.id,
        name=names.NODE_SUBNET,
        ip_version=4,
        cidr=str(names.NODE_CIDR),
        gateway_ip=str(names.NODE_GATEWAY),
        allocation_pools=[_pool(names.NODE_CIDR, 2, 100)],
    )
    return network, subnet


def _ensure_router(cloud: Connection, seen: _Seen, external: Any, subnet: Any) -> None:
    gateway = {"network_id": external.id}
    router = seen.routers.get(names.ROUTER) or cloud.network.create_router(
        name=names.ROUTER, external_gateway_info=gateway
    )
    if not router.external_gateway_info:
        cloud.network.update_router(router.id, external_gateway_info=gateway)
    joined = any(
        p.device_owner == ROUTER_INTERFACE
        and p.device_id == router.id
        and any(ip["subnet_id"] == subnet.id for ip in p.fixed_ips)
        for p in seen.ports
    )
    if not joined:
        cloud.network.add_interface_to_router(router.id, subnet.id)


def _ensure_security_group(cloud: Connection, seen: _Seen) -> Any:
    group = seen.security_groups.get(names.NODE_SECURITY_GROUP) or (
        cloud.network.create_security_group(
            name=names.NODE_SECURITY_GROUP, description="Nodes of the Kubernetes cluster"
        )
    )
    # The first rule covers all traffic between the nodes, including the kubelets' ports.
    wanted: tuple[tuple[str | None, int | None, str | None], ...] = (
        (None, None, group.id),
        ("icmp", None, None),
        ("tcp", SSH_PORT, None),
        ("tcp", names.API_PORT, None),
    )
    present = {
        (r["protocol"], r["port_range_min"], r["remote_group_id"])
        for r in group.security_group_rules
        if r["direction"] == "ingress" and r["ethertype"] == "IPv4" and not r["remote_ip_prefix"]
    }
    for protocol, port, remote_group in wanted:
        if (protocol, port, remote_group) not in present:
            cloud.network.create_security_group_rule(
                security_group_id=group.id,
                direction="ingress",
                ethertype="IPv4",
                protocol=protocol,
                port_range_min=port,
                port_range_max=port,
                remote_group_id=remote_group,
            )
    return group


def _ensure_node_ports(
    cloud: Connection, settings: LabSettings, seen: _Seen, where: tuple[Any, Any, Any]
) -> dict[str, Any]:
    network, subnet, group = where
    ports = {p.name: p for p in seen.ports if _is_node(p)}
    for name in settings.node_names:
        if name not in ports:
            ports[name] = cloud.network.create_port(
                network_id=network.id,
                name=name,
                fixed_ips=[{"subnet_id": subnet.id}],
                security_groups=[group.id],
                device_id=name,
                device_owner=names.NODE_OWNER,
                binding_host_id=names.CHASSIS,
            )
    return ports


def _ensure_trunks(cloud: Connection, settings: LabSettings, ports: Mapping[str, Any]) -> None:
    """Make the ports of virtual machines parents of trunks, which nested-vlan needs."""
    parents = {trunk.port_id for trunk in cloud.network.trunks()} if settings.machine_names else ()
    for name in settings.machine_names:
        if ports[name].id not in parents:
            cloud.network.create_trunk(name=name, port_id=ports[name].id)


def _remove_other_nodes(cloud: Connection, settings: LabSettings, seen: _Seen) -> None:
    gone = [p for p in seen.ports if _is_node(p) and p.name not in settings.node_names]
    trunks = {trunk.port_id: trunk.id for trunk in cloud.network.trunks()} if gone else {}
    for port in gone:
        if port.id in trunks:
            cloud.network.delete_trunk(trunks[port.id])
        cloud.network.delete_port(port.id)


def _is_node(port: Any) -> bool:
    """Whether it is a node's port: other ports with that owner are not named like their device."""
    seen = (port.device_owner, port.binding_host_id, port.device_id)
    return seen == (names.NODE_OWNER, names.CHASSIS, port.name)


def _node_port(port: Any) -> NodePort:
    return NodePort(
        name=port.name,
        port_id=port.id,
        address=IPv4Address(port.fixed_ips[0]["ip_address"]),
        mac=port.mac_address,
    )


def _pool(cidr: IPv4Network, first: int, last: int) -> dict[str, str]:
    return {"start": str(cidr[first]), "end": str(cidr[last])}
