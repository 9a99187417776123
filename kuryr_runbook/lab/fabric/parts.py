"""The data plane as frozen data: what it follows, and the parts that it is made of.

Each Neutron network is a bridge in FABRIC_NS. A plug is a pair of ends: `interface` on the bridge,
`device` in the namespace of a node, the router, an amphora or the internet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from kuryr_runbook.lab.fabric.balancing import LoadBalancer
from kuryr_runbook.lab.fabric.filtering import Guard
from kuryr_runbook.lab.fabric.state import NetworkState


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiState:
    """All that the data plane follows."""

    network: NetworkState = field(default_factory=NetworkState)
    balancers: tuple[LoadBalancer, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Bridge:
    """A Neutron network."""

    name: str
    mtu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """A wire from a bridge to a namespace."""

    interface: str
    """The end on the bridge, in FABRIC_NS."""
    bridge: str
    namespace: str
    device: str
    mac: str
    mtu: int
    addresses: tuple[IPv4Interface, ...]
    gateway: IPv4Address | None = None
    """Where the namespace's default route leads; None leaves that to another device."""
    vips: tuple[IPv4Address, ...] = ()
    """Of `addresses`, those whose traffic leaves by this device whatever the routes say."""
    vip_gateway: IPv4Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nat:
    """Address translation of a router with a gateway."""

    device: str
    address: IPv4Address
    snat: bool
    inside: tuple[IPv4Network, ...]
    floating: tuple[tuple[IPv4Address, IPv4Address], ...]
    """Floating and fixed address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer, and the namespace that has its VIP."""

    namespace: str
    load_balancer: LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The whole data plane."""

    bridges: tuple[Bridge, ...] = ()
    plugs: tuple[Plug, ...] = ()
    guards: tuple[Guard, ...] = ()
    nats: tuple[Nat, ...] = ()
    routes: tuple[tuple[IPv4Network, IPv4Address], ...] = ()
    """Extra routes of the routers: destination and next hop."""
    balancers: tuple[Balancer, ...] = ()
    notes: tuple[str, ...] = ()
    """What is asked for and not carried, in words."""
