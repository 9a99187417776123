"""Neutron's state as frozen data: only what is needed for plugging a machine's port.

The lab supports IPv4 only. IPv6 is left out when the answers are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from kuryr_runbook.lab.compute.balancing import LoadBalancer, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Neutron network."""

    id: str
    mtu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """An IPv4 subnet."""

    id: str
    cidr: IPv4Network
    gateway: IPv4Address | None


@dataclass(frozen=True, slots=True)
class FixedIp:
    """An address of a port, in a subnet."""

    subnet_id: str
    address: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A Neutron port of a node or an amphora. While it is deleted it may have no fixed IPs."""

    id: str
    network_id: str
    mac: str
    device_id: str
    device_owner: str
    host: str
    fixed_ips: tuple[FixedIp, ...]
    pairs: tuple[IPv4Network, ...]
    """Addresses that it may use in addition to its own; a single one is a /32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudState:
    """Everything that determines the machines."""

    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    ports: tuple[Port, ...] = ()
    balancers: tuple[LoadBalancer, ...] = ()


def networks(answers: Sequence[Resource]) -> tuple[Network, ...]:
    """Neutron's list of networks."""
    return tuple(Network(id=n["id"], mtu=n["mtu"]) for n in answers)


def subnets(answers: Sequence[Resource]) -> tuple[Subnet, ...]:
    """Neutron's list of subnets, only IPv4."""
    return tuple(_subnet(s) for s in answers if s["ip_version"] == 4)


def ports(answers: Sequence[Resource]) -> tuple[Port, ...]:
    """Neutron's list of ports."""
    return tuple(map(_port, answers))


def _subnet(answer: Resource) -> Subnet:
    gateway = answer["gateway_ip"]
    return Subnet(
        id=answer["id"],
        cidr=IPv4Network(answer["cidr"]),
        gateway=IPv4Address(gateway) if gateway else None,
    )


def _port(answer: Resource) -> Port:
    fixed = (ip for ip in answer["fixed_ips"] if ":" not in ip["ip_address"])
    pairs = (p["ip_address"] for p in answer.get("allowed_address_pairs", ()))
    return Port(
        id=answer["id"],
        network_id=answer["network_id"],
        mac=answer["mac_address"],
        device_id=answer["device_id"],
        device_owner=answer["device_owner"],
        host=answer.get("binding:host_id") or "",
        fixed_ips=tuple(FixedIp(ip["subnet_id"], IPv4Address(ip["ip_address"])) for ip in fixed),
        pairs=tuple(IPv4Network(pair, strict=False) for pair in pairs if ":" not in pair),
    )
