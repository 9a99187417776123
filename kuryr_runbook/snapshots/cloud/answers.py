"""Neutron's and Octavia's resources, from what the APIs answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kuryr_runbook.snapshots.cloud.resources import (
    Balancer,
    FixedIp,
    FloatingIp,
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
    Trunk,
)
from kuryr_runbook.snapshots.parsing import number, parts, text, texts, time

Resource = Mapping[str, Any]


def network_of(item: Resource) -> Network:
    """A network, from Neutron's answer."""
    return Network(id=text(item, "id"), mtu=number(item.get("mtu")))


def subnet_of(item: Resource) -> Subnet:
    """A subnet, from Neutron's answer."""
    return Subnet(
        id=text(item, "id"),
        name=text(item, "name"),
        network_id=text(item, "network_id"),
        project_id=text(item, "project_id"),
        cidr=text(item, "cidr"),
        pools=tuple(
            (text(pool, "start"), text(pool, "end")) for pool in parts(item, "allocation_pools")
        ),
    )


def router_of(item: Resource) -> Router:
    """A router, from Neutron's answer."""
    gateway = bool(item.get("external_gateway_info"))
    return Router(id=text(item, "id"), name=text(item, "name"), gateway=gateway)


def port_of(item: Resource) -> Port:
    """A port, from Neutron's answer."""
    security = item.get("port_security_enabled")
    return Port(
        id=text(item, "id"),
        name=text(item, "name"),
        fixed_ips=tuple(
            FixedIp(text(fixed, "subnet_id"), text(fixed, "ip_address"))
            for fixed in parts(item, "fixed_ips")
        ),
        mac=text(item, "mac_address").lower(),
        device_owner=text(item, "device_owner"),
        device_id=text(item, "device_id"),
        groups=texts(item, "security_groups"),
        pairs=tuple(
            Pair(text(pair, "ip_address"), text(pair, "mac_address").lower())
            for pair in parts(item, "allowed_address_pairs")
        ),
        port_security=security if isinstance(security, bool) else None,
        status=text(item, "status"),
        tags=texts(item, "tags"),
        created=time(item.get("created_at")),
    )


def group_of(item: Resource) -> Group:
    """A security group, from Neutron's answer."""
    return Group(id=text(item, "id"), name=text(item, "name"))


def rule_of(item: Resource) -> Rule:
    """A security group's rule, from Neutron's answer."""
    protocol = item.get("protocol")
    return Rule(
        id=text(item, "id"),
        security_group_id=text(item, "security_group_id"),
        direction=text(item, "direction"),
        ethertype=text(item, "ethertype"),
        protocol=None if protocol is None else str(protocol),
        port_range_min=number(item.get("port_range_min")),
        port_range_max=number(item.get("port_range_max")),
        remote_ip_prefix=text(item, "remote_ip_prefix") or None,
        remote_group_id=text(item, "remote_group_id") or None,
    )


def trunk_of(item: Resource) -> Trunk:
    """A trunk, from Neutron's answer."""
    return Trunk(
        id=text(item, "id"),
        port_id=text(item, "port_id"),
        status=text(item, "status"),
        sub_ports=frozenset(text(sub, "port_id") for sub in parts(item, "sub_ports")),
    )


def floating_ip_of(item: Resource) -> FloatingIp:
    """A floating IP, from Neutron's answer."""
    return FloatingIp(
        id=text(item, "id"),
        description=text(item, "description"),
        address=text(item, "floating_ip_address"),
        port_id=text(item, "port_id"),
        created=time(item.get("created_at")),
    )


def balancer_of(item: Resource) -> Balancer:
    """A load balancer, from Octavia's answer."""
    return Balancer(
        id=text(item, "id"),
        name=text(item, "name"),
        provisioning=text(item, "provisioning_status"),
        vip=text(item, "vip_address"),
        vip_port_id=text(item, "vip_port_id"),
        vip_subnet_id=text(item, "vip_subnet_id"),
        changed=time(item.get("updated_at")) or time(item.get("created_at")),
        description=text(item, "description"),
    )


def listener_of(item: Resource) -> Listener:
    """A listener, from Octavia's answer."""
    return Listener(
        id=text(item, "id"),
        protocol=text(item, "protocol"),
        port=number(item.get("protocol_port")),
        balancers=_ids(item, "loadbalancers"),
        pool_id=text(item, "default_pool_id"),
        provisioning=text(item, "provisioning_status"),
    )


def pool_of(item: Resource) -> Pool:
    """A pool, from Octavia's answer."""
    return Pool(
        id=text(item, "id"),
        listeners=_ids(item, "listeners"),
    )


def member_of(item: Resource) -> Member:
    """A member of a pool, from Octavia's answer."""
    return Member(
        name=text(item, "name"),
        address=text(item, "address"),
        port=number(item.get("protocol_port")),
        operating=text(item, "operating_status"),
        provisioning=text(item, "provisioning_status"),
    )


PARSERS: Mapping[str, Callable[[Resource], object]] = {
    "network": network_of,
    "subnet": subnet_of,
    "router": router_of,
    "port": port_of,
    "security_group": group_of,
    "security_group_rule": rule_of,
    "trunk": trunk_of,
    "floatingip": floating_ip_of,
    "loadbalancer": balancer_of,
    "listener": listener_of,
    "pool": pool_of,
}


def _ids(item: Resource, key: str) -> tuple[str, ...]:
    return tuple(text(one, "id") for one in parts(item, key))
