"""Neutron's and Octavia's resources, with everything that decides whether pods and Services work.

Names are chosen so that checks read well; units and the meaning of None are under the fields. A
field that only an extension of Neutron shows is None if it is not shown.
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
    """Whether it can have floating IPs and routers' gateways (`router:external`)."""
    port_security: bool | None
    """The default for its new ports."""


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
    pool_id: str
    """The subnet pool that its range is from; empty: somebody chose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetPool:
    """A subnet pool."""

    id: str
    name: str
    project_id: str
    description: str
    prefixes: tuple[str, ...]
    prefix_length: int
    """Of a subnet for which nobody names another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A router's gateway to the external network."""

    network_id: str
    snat: bool | None
    """Whether it does SNAT for addresses without a floating IP."""


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
    """None: it has no gateway to an external network."""


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
    """Where it is bound (`binding:host_id`); shown only if Neutron's policy permits it."""
    vif_type: str | None
    """How it is bound there; `binding_failed` and `unbound` mean that it is not."""
    bound_by: tuple[str, ...] | None
    """The ML2 drivers that bound it (`bound_drivers`), with the same restriction."""
    hybrid_plug: bool | None
    """Whether a Linux bridge filters for it (`ovs_hybrid_plug`): then groups of its trunk's
    subports have no effect. None: it is not bound, or Neutron's policy hides it."""
    trunk_id: str | None
    """The trunk whose parent it is; None: there is none, or Neutron has no trunks."""
    tags: tuple[str, ...]
    created: datetime | None

    @property
    def addresses(self) -> list[str]:
        """Its addresses, without their subnets."""
        return [fixed.address for fixed in self.fixed_ips]

    @property
    def is_leg(self) -> bool:
        """Whether it is a router's interface in a subnet."""
        return self.device_owner.startswith("network:router_interface")

    def is_in(self, subnet_id: str) -> bool:
        """Whether it has an address in that subnet."""
        return any(fixed.subnet_id == subnet_id for fixed in self.fixed_ips)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group."""

    id: str
    name: str
    project_id: str
    description: str
    stateful: bool | None
    """False: responses need rules of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A security group's rule, in Neutron's terms: `model.rules` interprets them."""

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
    """A port's entry in a trunk."""

    port_id: str
    segmentation_type: str
    segmentation_id: int | None
    """The VLAN id, if the type is `vlan`."""


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
class Agent:
    """An agent of Neutron on a host."""

    id: str
    host: str
    kind: str
    """Neutron's `agent_type`, such as `OVN Controller agent`."""
    is_alive: bool
    """Neutron has heard of it lately."""
    admin_state_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """A floating IP."""

    id: str
    project_id: str
    description: str
    status: str
    address: str
    fixed_address: str
    """Of its port; empty: it points nowhere."""
    port_id: str
    """Empty: it points nowhere."""
    network_id: str
    """The external network that it is from."""
    router_id: str
    """The router on the path; empty: there is none."""
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer."""

    id: str
    name: str
    project_id: str
    description: str
    """The runbook's own load balancer has its mark here."""
    admin_state_up: bool
    provisioning: str
    operating: str
    provider: str
    vip: str
    vip_port_id: str
    vip_subnet_id: str
    changed: datetime | None
    """When it was last changed, or else created."""


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
    """The clients that it admits; empty: all."""
    connection_limit: int | None
    client_timeout: int | None
    """Milliseconds that a client may be silent."""
    member_timeout: int | None
    """Milliseconds that a member may be silent."""

    @property
    def silence(self) -> int | None:
        """Milliseconds of silence after which it closes a connection; None: never, or not shown.

        For HAProxy 0 means no limit.
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
    """Of its health monitor; empty: its members are not monitored."""
    provisioning: str
    operating: str
    persistence: str = ""
    """What keeps a client at one member, such as SOURCE_IP; empty: nothing does."""


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
    """Whether it gets requests only if no other member answers."""
    operating: str
    provisioning: str

    @property
    def serves(self) -> bool:
        """Whether it should get requests."""
        return self.admin_state_up and self.weight != 0
