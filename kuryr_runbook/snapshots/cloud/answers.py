"""Neutron's and Octavia's resources, from the APIs' responses.

Fields may be missing because of a missing extension, an old version, or a policy: these are None,
or as described below. All others have to exist (`Answer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from kuryr_runbook.snapshots.cloud.answered import Answer
from kuryr_runbook.snapshots.cloud.resources import (
    Agent,
    Balancer,
    FixedIp,
    FloatingIp,
    Gateway,
    Group,
    Listener,
    Member,
    Network,
    Pair,
    Pool,
    Port,
    Router,
    Rule,
    Subnet,
    SubnetPool,
    Subport,
    Trunk,
)


class _Owned(TypedDict):
    """What each resource of a project has."""

    id: str
    name: str
    project_id: str
    description: str


class _Octavias(TypedDict):
    """What each part of a load balancer has."""

    id: str
    name: str
    admin_state_up: bool
    provisioning: str
    operating: str


def _owned(it: Answer) -> _Owned:
    return _Owned(
        id=it.id(),
        name=it.text("name"),
        project_id=it.text("project_id"),
        description=_description(it),
    )


def _octavias(it: Answer) -> _Octavias:
    return _Octavias(
        id=it.id(),
        name=it.text("name"),
        admin_state_up=it.flag("admin_state_up"),
        provisioning=it.text("provisioning_status"),
        operating=it.text("operating_status"),
    )


def network_of(it: Answer) -> Network:
    """A network, from Neutron's answer."""
    return Network(
        **_owned(it),
        status=it.text("status"),
        admin_state_up=it.flag("admin_state_up"),
        mtu=it.shown("mtu", it.number),
        external=bool(it.shown("router:external", it.flag)),
        port_security=it.shown("port_security_enabled", it.flag),
    )


def subnet_of(it: Answer) -> Subnet:
    """A subnet, from Neutron's answer."""
    pools = it.parts("allocation_pools")
    return Subnet(
        **_owned(it),
        network_id=it.id("network_id"),
        cidr=it.cidr("cidr"),
        gateway_ip=it.address("gateway_ip"),
        enable_dhcp=it.flag("enable_dhcp"),
        pools=tuple((pool.address("start"), pool.address("end")) for pool in pools),
        pool_id=it.text("subnetpool_id"),
    )


def subnet_pool_of(it: Answer) -> SubnetPool:
    """A subnet pool, from Neutron's answer."""
    return SubnetPool(
        **_owned(it),
        prefixes=it.texts("prefixes"),
        prefix_length=it.written_number("default_prefixlen"),
    )


def router_of(it: Answer) -> Router:
    """A router, from Neutron's answer."""
    gateway = it.nullable("external_gateway_info", it.part)
    return Router(
        **_owned(it),
        status=it.text("status"),
        admin_state_up=it.flag("admin_state_up"),
        gateway=_gateway_of(gateway) if gateway is not None and gateway.fields else None,
    )


def _gateway_of(it: Answer) -> Gateway:
    return Gateway(network_id=it.id("network_id"), snat=it.shown("enable_snat", it.flag))


def port_of(it: Answer) -> Port:
    """A port, from Neutron's answer."""
    pairs = it.shown("allowed_address_pairs", it.parts) or []
    trunk = it.shown("trunk_details", it.part)
    return Port(
        **_owned(it),
        network_id=it.id("network_id"),
        status=it.text("status"),
        admin_state_up=it.flag("admin_state_up"),
        fixed_ips=tuple(
            FixedIp(fixed.id("subnet_id"), fixed.address("ip_address"))
            for fixed in it.parts("fixed_ips")
        ),
        mac=it.text("mac_address").lower(),
        device_owner=it.text("device_owner"),
        device_id=it.text("device_id"),
        groups=it.shown("security_groups", it.texts) or (),
        pairs=tuple(
            Pair(pair.cidr("ip_address"), pair.text("mac_address").lower()) for pair in pairs
        ),
        port_security=it.shown("port_security_enabled", it.flag),
        host=it.shown("binding:host_id", it.text),
        vif_type=it.shown("binding:vif_type", it.text),
        bound_by=_bound_by(it),
        hybrid_plug=_hybrid_plug(it),
        trunk_id=None if trunk is None else trunk.id("trunk_id"),
        tags=it.shown("tags", it.texts) or (),
        created=it.shown("created_at", it.time),
    )


def _bound_by(it: Answer) -> tuple[str, ...] | None:
    """Shown by Neutron from 2023.1 on: a driver for each segment's level."""
    details = it.shown("binding:vif_details", it.part)
    drivers = None if details is None else details.shown("bound_drivers", details.part)
    return None if drivers is None else tuple(map(str, drivers.fields.values()))


def _hybrid_plug(it: Answer) -> bool | None:
    """False if the details of the binding are shown, and do not say it."""
    details = it.shown("binding:vif_details", it.part)
    if details is None or not details.fields:
        return None
    return bool(details.shown("ovs_hybrid_plug", details.flag))


def group_of(it: Answer) -> Group:
    """A security group, from Neutron's answer."""
    return Group(
        **_owned(it),
        stateful=it.shown("stateful", it.flag),
    )


def rule_of(it: Answer) -> Rule:
    """A security group's rule, from Neutron's answer."""
    return Rule(
        id=it.id(),
        description=_description(it),
        security_group_id=it.id("security_group_id"),
        direction=it.id("direction"),
        ethertype=it.text("ethertype"),
        # Neutron accepts numbers in place of names, and shows what it got.
        protocol=it.nullable("protocol", lambda key: str(it.fields[key])),
        port_range_min=it.nullable("port_range_min", it.number),
        port_range_max=it.nullable("port_range_max", it.number),
        remote_ip_prefix=it.nullable("remote_ip_prefix", it.cidr),
        remote_group_id=it.nullable("remote_group_id", it.id),
        remote_address_group_id=it.shown("remote_address_group_id", it.id),
    )


def trunk_of(it: Answer) -> Trunk:
    """A trunk, from Neutron's answer."""
    return Trunk(
        id=it.id(),
        name=it.text("name"),
        project_id=it.text("project_id"),
        port_id=it.id("port_id"),
        status=it.text("status"),
        admin_state_up=it.flag("admin_state_up"),
        sub_ports=tuple(
            Subport(
                port_id=subport.id("port_id"),
                segmentation_type=subport.text("segmentation_type"),
                segmentation_id=subport.shown("segmentation_id", subport.number),
            )
            for subport in it.parts("sub_ports")
        ),
    )


def agent_of(it: Answer) -> Agent:
    """An agent, from Neutron's answer."""
    return Agent(
        id=it.id(),
        host=it.text("host"),
        kind=it.text("agent_type"),
        is_alive=it.flag("alive"),
        admin_state_up=it.flag("admin_state_up"),
    )


def floating_ip_of(it: Answer) -> FloatingIp:
    """A floating IP, from Neutron's answer."""
    return FloatingIp(
        id=it.id(),
        project_id=it.text("project_id"),
        description=_description(it),
        status=it.text("status"),
        address=it.address("floating_ip_address"),
        fixed_address=it.address("fixed_ip_address"),
        port_id=it.text("port_id"),
        network_id=it.text("floating_network_id"),
        router_id=it.text("router_id"),
        created=it.shown("created_at", it.time),
    )


def balancer_of(it: Answer) -> Balancer:
    """A load balancer, from Octavia's answer."""
    return Balancer(
        **_owned(it),
        admin_state_up=it.flag("admin_state_up"),
        provisioning=it.id("provisioning_status"),
        operating=it.text("operating_status"),
        # Octavia shows it from Rocky on.
        provider=it.shown("provider", it.text) or "",
        vip=it.address("vip_address"),
        vip_port_id=it.text("vip_port_id"),
        vip_subnet_id=it.text("vip_subnet_id"),
        changed=it.shown("updated_at", it.time) or it.shown("created_at", it.time),
    )


def listener_of(it: Answer) -> Listener:
    """A listener, from Octavia's answer."""
    return Listener(
        **_octavias(it),
        protocol=it.text("protocol"),
        port=it.number("protocol_port"),
        balancers=it.ids("loadbalancers"),
        pool_id=it.text("default_pool_id"),
        allowed_cidrs=it.shown("allowed_cidrs", it.texts) or (),
        connection_limit=it.shown("connection_limit", it.number),
        client_timeout=it.shown("timeout_client_data", it.number),
        member_timeout=it.shown("timeout_member_data", it.number),
    )


def pool_of(it: Answer) -> Pool:
    """A pool, from Octavia's answer."""
    return Pool(
        **_octavias(it),
        protocol=it.text("protocol"),
        algorithm=it.text("lb_algorithm"),
        balancers=it.ids("loadbalancers"),
        listeners=it.ids("listeners"),
        # Octavia leaves it out if there is none.
        monitor_id=it.shown("healthmonitor_id", it.text) or "",
        persistence=it.shown("session_persistence", lambda key: it.part(key).text("type")) or "",
    )


def member_of(it: Answer) -> Member:
    """A member of a pool, from Octavia's answer."""
    return Member(
        **_octavias(it),
        address=it.address("address"),
        port=it.number("protocol_port"),
        subnet_id=it.text("subnet_id"),
        weight=it.shown("weight", it.number),
        backup=it.shown("backup", it.flag),
    )


PARSERS: Mapping[str, Callable[[Answer], object]] = {
    "network": network_of,
    "subnet": subnet_of,
    "subnet_pool": subnet_pool_of,
    "router": router_of,
    "port": port_of,
    "security_group": group_of,
    "security_group_rule": rule_of,
    "trunk": trunk_of,
    "agent": agent_of,
    "floatingip": floating_ip_of,
    "loadbalancer": balancer_of,
    "listener": listener_of,
    "pool": pool_of,
}


def _description(it: Answer) -> str:
    """Empty if Neutron has none: then nothing has our mark."""
    return it.shown("description", it.text) or ""
