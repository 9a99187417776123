"""What Neutron and Octavia say, as frozen data: only the fields that a data plane needs.

The lab carries IPv4. What is of IPv6 is left out when the answers are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

Resource = Mapping[str, Any]
"""One resource as the API's JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Neutron network."""

    id: str
    mtu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """An IPv4 subnet."""

    id: str
    network_id: str
    cidr: IPv4Network
    gateway: IPv4Address | None


@dataclass(frozen=True, slots=True)
class FixedIp:
    """An address of a port, in a subnet."""

    subnet_id: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class AddressPair:
    """A MAC address and what it may send from."""

    mac: str
    network: IPv4Network
    """A single address is a /32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A Neutron port; one that is being deleted may have no fixed IPs."""

    id: str
    name: str
    network_id: str
    mac: str
    device_id: str
    device_owner: str
    host: str
    fixed_ips: tuple[FixedIp, ...]
    pairs: tuple[AddressPair, ...]
    groups: tuple[str, ...]
    filtered: bool
    """Whether port security holds: anti-spoofing and security groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A security group rule for IPv4; None is any."""

    id: str
    group_id: str
    direction: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_prefix: IPv4Network | None
    remote_group: str | None
    remote_address_group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A Neutron router; its legs are ports."""

    id: str
    snat: bool
    routes: tuple[tuple[IPv4Network, IPv4Address], ...]
    """Destination and next hop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """A floating IP that is associated with a port."""

    address: IPv4Address
    fixed_address: IPv4Address
    router_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """Neutron's part."""

    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    ports: tuple[Port, ...] = ()
    rules: tuple[Rule, ...] = ()
    routers: tuple[Router, ...] = ()
    floating_ips: tuple[FloatingIp, ...] = ()


def network_state(answers: Mapping[str, Sequence[Resource]]) -> NetworkState:
    """Neutron's lists, by the plural names that its answers give them."""
    groups = answers["security_groups"]
    return NetworkState(
        networks=tuple(Network(id=n["id"], mtu=n["mtu"]) for n in answers["networks"]),
        subnets=tuple(_subnet(s) for s in answers["subnets"] if s["ip_version"] == 4),
        ports=tuple(_port(p) for p in answers["ports"]),
        rules=tuple(
            _rule(r) for g in groups for r in g["security_group_rules"] if r["ethertype"] == "IPv4"
        ),
        routers=tuple(_router(r) for r in answers["routers"]),
        floating_ips=tuple(_floating_ip(f) for f in answers["floatingips"] if _is_associated(f)),
    )


def _subnet(answer: Resource) -> Subnet:
    gateway = answer["gateway_ip"]
    return Subnet(
        id=answer["id"],
        network_id=answer["network_id"],
        cidr=IPv4Network(answer["cidr"]),
        gateway=IPv4Address(gateway) if gateway else None,
    )


def _port(answer: Resource) -> Port:
    fixed = (ip for ip in answer["fixed_ips"] if ":" not in ip["ip_address"])
    pairs = (p for p in answer.get("allowed_address_pairs", ()) if ":" not in p["ip_address"])
    return Port(
        id=answer["id"],
        name=answer["name"],
        network_id=answer["network_id"],
        mac=answer["mac_address"],
        device_id=answer["device_id"],
        device_owner=answer["device_owner"],
        host=answer.get("binding:host_id") or "",
        fixed_ips=tuple(FixedIp(ip["subnet_id"], IPv4Address(ip["ip_address"])) for ip in fixed),
        pairs=tuple(
            AddressPair(p["mac_address"], IPv4Network(p["ip_address"], strict=False)) for p in pairs
        ),
        groups=tuple(sorted(answer.get("security_groups", ()))),
        filtered=answer.get("port_security_enabled", True),
    )


def _rule(answer: Resource) -> Rule:
    prefix = answer["remote_ip_prefix"]
    return Rule(
        id=answer["id"],
        group_id=answer["security_group_id"],
        direction=answer["direction"],
        protocol=None if answer["protocol"] in (None, "any") else answer["protocol"],
        port_min=answer["port_range_min"],
        port_max=answer["port_range_max"],
        remote_prefix=IPv4Network(prefix, strict=False) if prefix else None,
        remote_group=answer["remote_group_id"],
        remote_address_group=answer.get("remote_address_group_id"),
    )


def _router(answer: Resource) -> Router:
    gateway = answer["external_gateway_info"] or {}
    return Router(
        id=answer["id"],
        snat=bool(gateway.get("enable_snat", True)),
        routes=tuple(
            sorted(
                (IPv4Network(route["destination"]), IPv4Address(route["nexthop"]))
                for route in answer.get("routes") or ()
                if ":" not in route["destination"]
            )
        ),
    )


def _is_associated(answer: Resource) -> bool:
    return bool(answer["port_id"] and answer["fixed_ip_address"] and answer["router_id"])


def _floating_ip(answer: Resource) -> FloatingIp:
    return FloatingIp(
        address=IPv4Address(answer["floating_ip_address"]),
        fixed_address=IPv4Address(answer["fixed_ip_address"]),
        router_id=answer["router_id"],
    )


def addresses(ports: Iterable[Port]) -> tuple[IPv4Network, ...]:
    """All that the ports may send from: fixed IPs and allowed address pairs."""
    found: set[IPv4Network] = set()
    for port in ports:
        found.update(IPv4Network(ip.address) for ip in port.fixed_ips)
        found.update(pair.network for pair in port.pairs)
    return tuple(sorted(found))
