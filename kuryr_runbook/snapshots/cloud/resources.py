"""Neutron's and Octavia's resources as diagnosis knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network."""

    id: str
    mtu: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet."""

    id: str
    name: str
    network_id: str
    project_id: str
    cidr: str
    pools: tuple[tuple[str, str], ...]
    """First and last address of each allocation pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router."""

    id: str
    name: str
    gateway: bool
    """Whether it leads to an external network."""


@dataclass(frozen=True, slots=True)
class FixedIp:
    """An address of a port."""

    subnet_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An allowed address pair; the address may be a range."""

    address: str
    mac: str
    """In lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port."""

    id: str
    name: str
    fixed_ips: tuple[FixedIp, ...]
    mac: str
    """In lower case."""
    device_owner: str
    device_id: str
    groups: tuple[str, ...]
    pairs: tuple[Pair, ...]
    port_security: bool | None
    """None: Neutron does not say."""
    status: str
    tags: tuple[str, ...]
    created: datetime | None

    @property
    def addresses(self) -> list[str]:
        """Its addresses, without their subnets."""
        return [fixed.address for fixed in self.fixed_ips]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A security group's rule, in Neutron's words: `model.rules` reads them."""

    id: str
    security_group_id: str
    direction: str
    ethertype: str
    protocol: str | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A trunk."""

    id: str
    port_id: str
    """Its parent: the port of a node."""
    status: str
    sub_ports: frozenset[str]
    """Ids of its subports: the ports of pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """A floating IP."""

    id: str
    description: str
    address: str
    port_id: str
    """Empty: it leads nowhere."""
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer."""

    id: str
    name: str
    provisioning: str
    vip: str
    vip_port_id: str
    vip_subnet_id: str
    changed: datetime | None
    """When it was changed last, else made."""
    description: str
    """The runbook's own load balancer bears its mark there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener."""

    id: str
    protocol: str
    port: int | None
    balancers: tuple[str, ...]
    """Ids of its load balancers: one."""
    pool_id: str
    provisioning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool."""

    id: str
    listeners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a pool."""

    name: str
    address: str
    port: int | None
    operating: str
    provisioning: str
