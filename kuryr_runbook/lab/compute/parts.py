"""The machines as frozen data: which ports are plugged where, and which load balancers run."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from kuryr_runbook.lab.compute.balancing import LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """A wire from the integration bridge to a machine's namespace."""

    port_id: str
    """The Neutron port, which is also OVN's logical port."""
    interface: str
    """The interface on the bridge, in HYPERVISOR_NS."""
    namespace: str
    device: str
    mac: str
    mtu: int
    addresses: tuple[IPv4Interface, ...]
    gateway: IPv4Address | None = None
    """The namespace's default gateway; None if another device has it."""
    vips: tuple[IPv4Address, ...] = ()
    """Those `addresses` whose traffic always leaves through this device, whatever the routes."""
    vip_gateway: IPv4Address | None = None
    virtual: bool = False
    """Whether the machine is a virtual one: its end is a tap, and it configures its device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer, and the namespace that has its VIP."""

    namespace: str
    load_balancer: LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Everything that the hypervisor should have."""

    plugs: tuple[Plug, ...] = ()
    balancers: tuple[Balancer, ...] = ()
    notes: tuple[str, ...] = ()
    """What is requested but not done, in words."""
