"""The machines as frozen data: what is plugged where, and which load balancers run."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from kuryr_runbook.lab.compute.balancing import LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """A wire from the integration bridge to a machine's namespace."""

    port_id: str
    """The Neutron port, and so OVN's logical port."""
    interface: str
    """The end on the bridge, in HYPERVISOR_NS."""
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
class Balancer:
    """A load balancer, and the namespace that has its VIP."""

    namespace: str
    load_balancer: LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """All that the hypervisor is to have."""

    plugs: tuple[Plug, ...] = ()
    balancers: tuple[Balancer, ...] = ()
    notes: tuple[str, ...] = ()
    """What is asked for and not done, in words."""
