"""A project in a cloud, read once for all users, with one list call for each type.

Code that makes changes reads strictly: anything that cannot be read, or is malformed, is an error.
Checks read list by list: what cannot be read is marked as such, and the rest is available.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.answered import answered
from kuryr_runbook.snapshots.cloud.answers import PARSERS, member_of
from kuryr_runbook.snapshots.cloud.lookup import find
from kuryr_runbook.snapshots.cloud.pair_limit import MANY_PAIRS, ask_for_pairs, reported_limit
from kuryr_runbook.snapshots.cloud.quotas import Quota, balancer_quotas, network_quotas
from kuryr_runbook.snapshots.cloud.resources import (
    Agent,
    Balancer,
    FloatingIp,
    Group,
    Listener,
    Member,
    Network,
    Pool,
    Port,
    Router,
    Rule,
    Subnet,
    SubnetPool,
    Trunk,
)
from kuryr_runbook.snapshots.reading import Attempt, Unreadable, attempted, demanded, known
from kuryr_runbook.specs.wanted import Wanted, node_subnet, service_subnet

T = TypeVar("T")

AT_ONCE = 12
"""Lists that are read at the same time. At most nine are of one service, to which the SDK keeps ten
connections."""

FIELDS: dict[str, tuple[str, ...]] = {
    "loadbalancer": (),
    "listener": (),
    "pool": (),
    "network": (
        "id", "name", "description", "project_id", "status", "admin_state_up", "mtu",
        "router:external", "port_security_enabled",
    ),
    "subnet": (
        "id", "name", "description", "project_id", "network_id", "cidr", "gateway_ip",
        "enable_dhcp", "allocation_pools", "subnetpool_id",
    ),
    "subnet_pool": (
        "id", "name", "description", "project_id", "prefixes", "default_prefixlen",
    ),
    "router": (
        "id", "name", "description", "project_id", "status", "admin_state_up",
        "external_gateway_info",
    ),
    "port": (
        "id", "name", "description", "project_id", "network_id", "status", "admin_state_up",
        "fixed_ips", "mac_address", "device_owner", "device_id", "security_groups",
        "allowed_address_pairs", "port_security_enabled", "binding:host_id", "binding:vif_type",
        "binding:vif_details", "trunk_details", "tags", "created_at",
    ),
    "security_group": ("id", "name", "description", "project_id", "stateful"),
    "security_group_rule": (
        "id", "description", "security_group_id", "direction", "ethertype", "protocol",
        "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
        "remote_address_group_id",
    ),
    "floatingip": (
        "id", "description", "project_id", "status", "floating_ip_address", "fixed_ip_address",
        "port_id", "floating_network_id", "router_id", "created_at",
    ),
    "trunk": ("id", "name", "project_id", "port_id", "status", "admin_state_up", "sub_ports"),
    "agent": ("id", "host", "agent_type", "alive", "admin_state_up"),
}  # fmt: skip
"""The types to list, with the fields to request. Octavia's are read as a whole, and first, since
more requests depend on them."""
LISTS = {
    "network": "networks",
    "subnet": "subnets",
    "subnet_pool": "subnet_pools",
    "router": "routers",
    "port": "ports",
    "security_group": "groups",
    "security_group_rule": "rules",
    "trunk": "trunks",
    "agent": "agents",
    "floatingip": "floating_ips",
    "loadbalancer": "balancers",
    "listener": "listeners",
    "pool": "pools",
}
"""The field of each in the state."""
KINDS = tuple(kind for kind in FIELDS if kind not in ("trunk", "agent"))
"""All but trunks, which Neutron may not have, and agents: they are read if they matter."""
NEUTRON_KINDS = tuple(kind for kind in KINDS if kind not in ("loadbalancer", "listener", "pool"))
SHARED = ("network", "subnet", "agent")
"""Types that are read in other projects, too: nodes and pods may be in a shared network, and
agents are in none."""


class DiagnosisCloud(OpenStackReader, Protocol):
    """A cloud that can be read, including quotas."""

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        """A project's quotas by resource, as the service returns them."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port in that network and in a subnet that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudState:
    """The project in the cloud, list by list; what was not read is marked as such."""

    project_id: str | Unreadable
    networks: tuple[Network, ...] | Unreadable
    """Including those of other projects that this one can see; the same for subnets."""
    subnets: tuple[Subnet, ...] | Unreadable
    subnet_pools: tuple[SubnetPool, ...] | Unreadable
    routers: tuple[Router, ...] | Unreadable
    ports: tuple[Port, ...] | Unreadable
    """For checks, including other projects' ports on the Services' network, mainly Octavia's."""
    groups: tuple[Group, ...] | Unreadable
    rules: tuple[Rule, ...] | Unreadable
    trunks: tuple[Trunk, ...] | Unreadable
    """Not read, and empty, if the VIF driver creates none."""
    agents: tuple[Agent, ...] | Unreadable
    """Of Neutron, on all hosts. Not read, and empty, if the VIF driver needs none on the nodes."""
    floating_ips: tuple[FloatingIp, ...] | Unreadable
    balancers: tuple[Balancer, ...] | Unreadable
    listeners: tuple[Listener, ...] | Unreadable
    pools: tuple[Pool, ...] | Unreadable
    members: Mapping[str, tuple[Member, ...] | Unreadable] | Unreadable
    """By their pool's id."""
    quotas: Mapping[str, Quota] | Unreadable
    """Neutron's."""
    balancer_quotas: Mapping[str, Quota] | Unreadable
    """Octavia's, with usage counted here."""
    pair_limit: int | Unreadable | None
    """How many allowed address pairs a port may have; None: more than the pods of any node, or it
    does not matter."""


NOT_ASKED = Unreadable("it was not read from the cloud")


def nothing_read(why: Unreadable) -> CloudState:
    """A state in which nothing could be read."""
    return CloudState(**dict.fromkeys((field.name for field in fields(CloudState)), why))


def project_of(site: Site, login: str) -> str:
    """The id of the site's project, as in the APIs; `login` is that of the credentials."""
    return (site.openstack.k8s_project_id or login).replace("-", "")


def kinds_of(site: Site) -> tuple[str, ...]:
    """The types that matter to a site: trunks and agents only if its VIF driver uses them."""
    needed = {"trunk": site.driver.needs_trunks, "agent": site.driver.plugs_into_ovs}
    return (*KINDS, *(kind for kind, is_needed in needed.items() if is_needed))


def read_cloud(
    reader: OpenStackReader,
    project: str,
    *,
    kinds: Collection[str] = KINDS,
    pools_of: Collection[str] | None = (),
    attempt: Attempt = demanded,
) -> CloudState:
    """The project's resources of these types, strictly unless `attempt` is `attempted`.

    `pools_of`: names or ids of the load balancers whose members are read as well, with a list call
    for each pool, since Octavia has none for all of them; None: those of all.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        begun = {
            kind: threads.submit(attempt, partial(_listed, reader, project, kind))
            for kind in FIELDS
            if kind in kinds
        }
        members = _members(reader, begun, pools_of, attempt, threads)
        found: dict[str, Any] = {LISTS[kind]: it.result() for kind, it in begun.items()}
    empty = nothing_read(NOT_ASKED)
    return replace(empty, project_id=project, members=members, **found)


def _listed(reader: OpenStackReader, project: str, kind: str) -> tuple[Any, ...]:
    own = {} if kind in SHARED else {"project_id": project}
    items = reader.list_resources(kind, fields=FIELDS[kind], **own)
    return tuple(PARSERS[kind](answered(kind, item)) for item in items)


def _members(
    reader: OpenStackReader,
    begun: Mapping[str, Future[Any]],
    pools_of: Collection[str] | None,
    attempt: Attempt,
    threads: ThreadPoolExecutor,
) -> Mapping[str, tuple[Member, ...] | Unreadable] | Unreadable:
    if "pool" not in begun:
        return NOT_ASKED
    pools: tuple[Pool, ...] | Unreadable = begun["pool"].result()
    balancers: tuple[Balancer, ...] | Unreadable = begun["loadbalancer"].result()
    if isinstance(pools, Unreadable):
        return pools
    if pools_of is not None:
        if isinstance(balancers, Unreadable):
            return balancers
        wanted = {it.id for it in balancers if it.id in pools_of or it.name in pools_of}
        pools = tuple(pool for pool in pools if wanted.intersection(pool.balancers))

    def of(pool: Pool) -> tuple[Member, ...]:
        return tuple(member_of(answered("member", item)) for item in reader.members(pool.id))

    lists = threads.map(lambda pool: attempt(lambda: of(pool)), pools)
    return dict(zip([pool.id for pool in pools], lists, strict=True))


def read_cloud_state(site: Site, cloud: DiagnosisCloud | Unreadable) -> CloudState:
    """Everything that diagnosis reads: every list, the members of every pool, and both quotas."""
    if isinstance(cloud, Unreadable):
        return nothing_read(cloud)
    project = attempted(lambda: project_of(site, cloud.project_id))
    if isinstance(project, Unreadable):
        return nothing_read(project)
    kinds = kinds_of(site)
    with ThreadPoolExecutor(2) as pool:
        limits = pool.submit(attempted, lambda: network_quotas(cloud.quotas("network", project)))
        octavias = pool.submit(attempted, lambda: cloud.quotas("load_balancer", project))
        state = read_cloud(cloud, project, kinds=kinds, pools_of=None, attempt=attempted)
    state = with_service_ports(site, cloud, state)
    return replace(
        state,
        trunks=state.trunks if "trunk" in kinds else (),
        agents=state.agents if "agent" in kinds else (),
        quotas=limits.result(),
        balancer_quotas=_balancer_quotas(octavias.result(), state),
        pair_limit=_pair_limit(site, cloud, state, project),
    )


def with_service_ports(site: Site, reader: OpenStackReader, state: CloudState) -> CloudState:
    """With all ports on the Services' network: its owner can see the amphorae's, too."""
    subnet = attempted(lambda: _found(state, service_subnet(site)))
    if isinstance(state.ports, Unreadable) or isinstance(subnet, Unreadable) or subnet is None:
        return state
    others = attempted(lambda: _ports_on(reader, subnet.network_id))
    if isinstance(others, Unreadable):
        return replace(state, ports=others)
    there = {port.id for port in state.ports}
    more = (port for port in others if port.id not in there)
    return replace(state, ports=(*state.ports, *more))


def _found(state: CloudState, wanted: Wanted) -> Subnet | None:
    return find(known(state.subnets), wanted, known(state.project_id))


def _ports_on(reader: OpenStackReader, network_id: str) -> tuple[Any, ...]:
    items = reader.list_resources("port", fields=FIELDS["port"], network_id=network_id)
    return tuple(PARSERS["port"](answered("port", item)) for item in items)


def _pair_limit(
    site: Site, cloud: DiagnosisCloud, state: CloudState, project: str
) -> int | Unreadable | None:
    if not site.driver.needs_address_pairs:
        return None
    network = node_network(site, state)
    if isinstance(network, Unreadable):
        return network
    refusal = attempted(lambda: ask_for_pairs(cloud, network, project, MANY_PAIRS))
    return refusal if isinstance(refusal, Unreadable) else reported_limit(refusal)


def node_network(site: Site, state: CloudState) -> str | Unreadable:
    """The id of the network of the nodes' subnet."""
    wanted = node_subnet(site)
    subnet = attempted(lambda: _found(state, wanted))
    if subnet is None:
        return Unreadable(f"there is no {wanted} whose network could be used for the probe")
    return subnet if isinstance(subnet, Unreadable) else subnet.network_id


def _balancer_quotas(
    limits: Mapping[str, Any] | Unreadable, state: CloudState
) -> Mapping[str, Quota] | Unreadable:
    """Octavia's quotas; without those that could not be counted."""
    if isinstance(limits, Unreadable):
        return limits
    lists = {"loadbalancer": state.balancers, "listener": state.listeners, "pool": state.pools}
    counts = {kind: len(it) for kind, it in lists.items() if not isinstance(it, Unreadable)}
    members = () if isinstance(state.members, Unreadable) else state.members.values()
    counted = [len(it) for it in members if not isinstance(it, Unreadable)]
    if not isinstance(state.members, Unreadable) and len(counted) == len(state.members):
        counts["member"] = sum(counted)
    return balancer_quotas(limits, counts)
