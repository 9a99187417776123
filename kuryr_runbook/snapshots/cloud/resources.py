"""Neutron's and Octavia's resources: of each, all that decides whether a pod or a Service works.

Names are those that the checks read well with; units and the meaning of what is not there stand
under the fields. A field that only an extension of Neutron shows is None where it is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network."""

    id: str
    name: str
    project_id: str
    description: str
    status: str
    admin_state_up: bool
    mtu: int | None
    external: bool
    """Whether floating IPs and routers' gateways can be on it (`router:external`)."""
    port_security: bool | None
    """What its new ports get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet."""

    id: str
    name: str
    project_id: str
    description: str
    network_id: str
    cidr: str
    gateway_ip: str
    """Empty: it has none."""
    enable_dhcp: bool
    pools: tuple[tuple[str, str], ...]
    """First and last address of each allocation pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where a router leads out."""

    network_id: str
    snat: bool | None
    """Whether it hides what has no floating IP behind its own address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router."""

    id: str
    name: str
    project_id: str
    description: str
    status: str
    admin_state_up: bool
    gateway: Gateway | None
    """None: it leads to no external network."""


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
    project_id: str
    description: str
    network_id: str
    status: str
    admin_state_up: bool
    fixed_ips: tuple[FixedIp, ...]
    mac: str
    """In lower case."""
    device_owner: str
    device_id: str
    groups: tuple[str, ...]
    """Ids of its security groups."""
    pairs: tuple[Pair, ...]
    port_security: bool | None
    host: str | None
    """Where it is bound (`binding:host_id`); shown to those alone whom Neutron's policy lets."""
    vif_type: str | None
    """How it is bound there; `binding_failed` and `unbound` say that it is not."""
    bound_by: tuple[str, ...] | None
    """The ML2 drivers that bound it (`bound_drivers`), shown to those alone as well."""
    trunk_id: str | None
    """The trunk whose parent it is; None: it is none, or Neutron has no trunks."""
    tags: tuple[str, ...]
    created: datetime | None

    @property
    def addresses(self) -> list[str]:
        """Its addresses, without their subnets."""
        return [fixed.address for fixed in self.fixed_ips]

    @property
    def is_leg(self) -> bool:
        """Whether a router has it in a subnet."""
        return self.device_owner.startswith("network:router_interface")

    def is_in(self, subnet_id: str) -> bool:
        """Whether it has an address of that subnet."""
        return any(fixed.subnet_id == subnet_id for fixed in self.fixed_ips)

    def is_at(self, subnet_id: str, address: str) -> bool:
        """Whether it has that address in that subnet."""
        return FixedIp(subnet_id, address) in self.fixed_ips


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group."""

    id: str
    name: str
    project_id: str
    description: str
    stateful: bool | None
    """False: answers are not let through by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A security group's rule, in Neutron's words: `model.rules` reads them."""

    id: str
    description: str
    security_group_id: str
    direction: str
    ethertype: str
    protocol: str | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subport:
    """What a trunk carries of one port."""

    port_id: str
    segmentation_type: str
    segmentation_id: int | None
    """The VLAN id, where the type is `vlan`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A trunk."""

    id: str
    name: str
    project_id: str
    port_id: str
    """Its parent: the port of a node."""
    status: str
    admin_state_up: bool
    sub_ports: tuple[Subport, ...]

    @property
    def carried(self) -> frozenset[str]:
        """Ids of the ports that it carries: those of pods."""
        return frozenset(subport.port_id for subport in self.sub_ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """A floating IP."""

    id: str
    project_id: str
    description: str
    status: str
    address: str
    fixed_address: str
    """Of its port, to which it leads; empty: nowhere."""
    port_id: str
    """Empty: it leads nowhere."""
    network_id: str
    """The external network that it is of."""
    router_id: str
    """The router that leads there; empty: none does."""
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer."""

    id: str
    name: str
    project_id: str
    description: str
    """The runbook's own load balancer bears its mark there."""
    admin_state_up: bool
    provisioning: str
    operating: str
    provider: str
    vip: str
    vip_port_id: str
    vip_subnet_id: str
    changed: datetime | None
    """When it was changed last, else made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener."""

    id: str
    name: str
    admin_state_up: bool
    protocol: str
    port: int
    balancers: tuple[str, ...]
    """Ids of its load balancers: one."""
    pool_id: str
    """Of its default pool; empty: it has none."""
    provisioning: str
    operating: str
    allowed_cidrs: tuple[str, ...]
    """Whom it lets in; empty: everybody."""
    connection_limit: int | None
    client_timeout: int | None
    """Milliseconds that a client may be silent."""
    member_timeout: int | None
    """Milliseconds that a member may be silent."""

    @property
    def silence(self) -> int | None:
        """Milliseconds of silence after which it closes a connection; None: never, or not told.

        HAProxy takes 0 as no limit.
        """
        return min((it for it in (self.client_timeout, self.member_timeout) if it), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool."""

    id: str
    name: str
    admin_state_up: bool
    protocol: str
    algorithm: str
    balancers: tuple[str, ...]
    """Ids of its load balancers: one."""
    listeners: tuple[str, ...]
    monitor_id: str
    """Of its health monitor; empty: nobody asks how its members are."""
    provisioning: str
    operating: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a pool."""

    id: str
    name: str
    admin_state_up: bool
    address: str
    port: int
    subnet_id: str
    """Empty: it is in that of the VIP."""
    weight: int | None
    """0: it gets no new connections."""
    backup: bool | None
    """Whether it is asked only when no other member answers."""
    operating: str
    provisioning: str

    @property
    def serves(self) -> bool:
        """Whether it is to get requests."""
        return self.admin_state_up and self.weight != 0
