"""What diagnosis reads of a cloud: Neutron's resources, Octavia's trees, and both quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.answers import PARSERS, member_of, port_of
from kuryr_runbook.snapshots.cloud.pair_limit import MANY_PAIRS, ask_for_pairs, limit_told
from kuryr_runbook.snapshots.cloud.permissions import Quota, network_quotas
from kuryr_runbook.snapshots.cloud.resources import (
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
    Trunk,
)
from kuryr_runbook.snapshots.parsing import number
from kuryr_runbook.snapshots.reading import Unreadable, attempted

Resource = Mapping[str, Any]

AT_ONCE = 5
MEMBERS_AT_ONCE = 8

FIELDS: dict[str, tuple[str, ...]] = {
    "network": ("id", "mtu"),
    "subnet": ("id", "name", "network_id", "cidr", "allocation_pools", "project_id"),
    "router": ("id", "name", "external_gateway_info"),
    "port": (
        "id", "name", "fixed_ips", "mac_address", "device_owner", "device_id",
        "security_groups", "allowed_address_pairs", "port_security_enabled", "status", "tags",
        "created_at",
    ),
    "security_group": ("id", "name", "project_id"),
    "security_group_rule": (
        "id", "security_group_id", "direction", "ethertype", "protocol", "port_range_min",
        "port_range_max", "remote_ip_prefix", "remote_group_id",
    ),
    "trunk": ("id", "port_id", "status", "sub_ports"),
    "floatingip": (
        "id", "description", "floating_ip_address", "port_id", "created_at",
    ),
    "loadbalancer": (),
    "listener": (),
    "pool": (),
}  # fmt: skip
"""The fields that are asked for; Octavia's resources are read whole."""
SHARED = ("network", "subnet")
"""Of which those of other projects are read too: nodes and pods may be in a shared network."""
BALANCER_QUOTAS = {
    "loadbalancer": ("load_balancer", "loadbalancer"),
    "listener": ("listener",),
    "pool": ("pool",),
    "member": ("member",),
}
"""Octavia's names of its quotas, which changed."""


class DiagnosisCloud(OpenStackReader, Protocol):
    """A cloud that is read, quotas too."""

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        """A project's quotas by resource, as the service gives them."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port of that network in a subnet that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudState:
    """The project in the cloud, list by list; what could not be read says so."""

    project_id: str | Unreadable
    networks: tuple[Network, ...] | Unreadable
    subnets: tuple[Subnet, ...] | Unreadable
    routers: tuple[Router, ...] | Unreadable
    ports: tuple[Port, ...] | Unreadable
    """Also those of other projects, Octavia's above all, on the network of the service subnet."""
    groups: tuple[Group, ...] | Unreadable
    rules: tuple[Rule, ...] | Unreadable
    trunks: tuple[Trunk, ...] | Unreadable
    """Empty without asking where the VIF driver makes none."""
    floating_ips: tuple[FloatingIp, ...] | Unreadable
    balancers: tuple[Balancer, ...] | Unreadable
    listeners: tuple[Listener, ...] | Unreadable
    pools: tuple[Pool, ...] | Unreadable
    members: Mapping[str, tuple[Member, ...] | Unreadable] | Unreadable
    """By the id of their pool."""
    quotas: Mapping[str, Quota] | Unreadable
    """Neutron's."""
    balancer_quotas: Mapping[str, Quota] | Unreadable
    """Octavia's, with what was counted here as used."""
    pair_limit: int | Unreadable | None
    """How many allowed address pairs a port may have; None: more than any node takes pods, or
    nobody needs to know."""


def read_cloud_state(site: Site, cloud: DiagnosisCloud | Unreadable) -> CloudState:
    """Read all of it, several lists at a time.

    The members of each pool are a list of their own: Octavia has none over all pools.
    """
    project = cloud if isinstance(cloud, Unreadable) else attempted(lambda: _project(site, cloud))
    if isinstance(cloud, Unreadable) or isinstance(project, Unreadable):
        why = cloud if isinstance(cloud, Unreadable) else project
        return CloudState(**dict.fromkeys(CloudState.__slots__, why))  # type: ignore[arg-type]
    kinds = [it for it in FIELDS if it != "trunk" or site.kuryr.vif_driver is VifDriver.NESTED_VLAN]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        reads = {
            kind: pool.submit(attempted, partial(_listed, cloud, project, kind)) for kind in kinds
        }
        limits = pool.submit(attempted, lambda: network_quotas(cloud.quotas("network", project)))
        octavias = pool.submit(attempted, lambda: cloud.quotas("load_balancer", project))
        raw = {kind: read.result() for kind, read in reads.items()}
    found = {kind: _parsed(kind, items) for kind, items in raw.items()}
    members = _members(cloud, found["pool"])
    return CloudState(
        project_id=project,
        networks=found["network"],
        subnets=found["subnet"],
        routers=found["router"],
        ports=_with_octavias(cloud, found["port"], _services(site, found["subnet"], project)),
        groups=found["security_group"],
        rules=found["security_group_rule"],
        trunks=found.get("trunk", ()),
        floating_ips=found["floatingip"],
        balancers=found["loadbalancer"],
        listeners=found["listener"],
        pools=found["pool"],
        members=members,
        quotas=limits.result(),
        balancer_quotas=_balancer_quotas(octavias.result(), found, members),
        pair_limit=_pair_limit(site, cloud, found["subnet"], project),
    )


def service_subnet(site: Site, subnets: Iterable[Subnet], project: str) -> Subnet | None:
    """The subnet of the services, by the site's id or name."""
    given, name = site.network.kuryr_service_subnet_id, site.network.service_subnet.name
    return _chosen(subnets, given, name, project)


def pod_subnet(site: Site, subnets: Iterable[Subnet], project: str) -> Subnet | None:
    """The subnet of the pods, by the site's id or name."""
    given, name = site.network.kuryr_pod_subnet_id, site.network.pod_subnet.name
    return _chosen(subnets, given, name, project)


def node_subnet(site: Site, subnets: Iterable[Subnet], project: str) -> Subnet | None:
    """The subnet of the nodes, by the site's id or name."""
    return _chosen(subnets, site.network.node_subnet_id, site.network.node_subnet, project)


def _chosen(
    subnets: Iterable[Subnet], given_id: str | None, name: str, project: str
) -> Subnet | None:
    """The project's own before those of others: an admin sees all."""
    found = [it for it in subnets if (it.id == given_id if given_id else name in (it.id, it.name))]
    own = [it for it in found if it.project_id == project]
    return next(iter(own or found), None)


def _pair_limit(
    site: Site, cloud: DiagnosisCloud, subnets: tuple[Subnet, ...] | Unreadable, project: str
) -> int | Unreadable | None:
    if not site.driver.needs_address_pairs:
        return None
    subnet = subnets if isinstance(subnets, Unreadable) else node_subnet(site, subnets, project)
    if isinstance(subnet, Unreadable):
        return subnet
    if subnet is None:
        return Unreadable("there is no subnet of the nodes in whose network to ask")
    refusal = attempted(lambda: ask_for_pairs(cloud, subnet.network_id, project, MANY_PAIRS))
    return refusal if isinstance(refusal, Unreadable) else limit_told(refusal)


def _project(site: Site, cloud: DiagnosisCloud) -> str:
    return site.openstack.k8s_project_id or cloud.project_id


def _listed(cloud: DiagnosisCloud, project: str, kind: str) -> list[Resource]:
    own = {} if kind in SHARED else {"project_id": project}
    return [*cloud.list_resources(kind, fields=FIELDS[kind], **own)]


def _parsed(kind: str, items: list[Resource] | Unreadable) -> Any:
    if isinstance(items, Unreadable):
        return items
    return _each(PARSERS[kind], items)


def _each(parse: Callable[[Resource], Any], items: Iterable[object]) -> tuple[Any, ...]:
    return tuple(parse(item) for item in items if isinstance(item, Mapping))


def _services(site: Site, subnets: tuple[Subnet, ...] | Unreadable, project: str) -> Subnet | None:
    return None if isinstance(subnets, Unreadable) else service_subnet(site, subnets, project)


def _with_octavias(
    cloud: DiagnosisCloud, ports: tuple[Port, ...] | Unreadable, subnet: Subnet | None
) -> tuple[Port, ...] | Unreadable:
    """The project's ports, and all on the services' network: its owner sees the amphorae's too."""
    if isinstance(ports, Unreadable) or subnet is None:
        return ports
    others = attempted(
        lambda: cloud.list_resources("port", fields=FIELDS["port"], network_id=subnet.network_id)
    )
    if isinstance(others, Unreadable):
        return others
    known = {port.id for port in ports}
    more = (port for port in _each(port_of, others) if port.id not in known)
    return (*ports, *more)


def _members(
    cloud: DiagnosisCloud, pools: tuple[Pool, ...] | Unreadable
) -> Mapping[str, tuple[Member, ...] | Unreadable] | Unreadable:
    if isinstance(pools, Unreadable):
        return pools

    def of(pool: Pool) -> tuple[Member, ...] | Unreadable:
        return attempted(lambda: _each(member_of, cloud.members(pool.id)))

    with ThreadPoolExecutor(MEMBERS_AT_ONCE) as threads:
        return dict(zip([pool.id for pool in pools], threads.map(of, pools), strict=True))


def _balancer_quotas(
    limits: Mapping[str, Any] | Unreadable,
    found: Mapping[str, Any],
    members: Mapping[str, tuple[Member, ...] | Unreadable] | Unreadable,
) -> Mapping[str, Quota] | Unreadable:
    """Octavia tells limits alone. What could not be counted is left out."""
    if isinstance(limits, Unreadable):
        return limits
    counts = {kind: len(it) for kind, it in found.items() if not isinstance(it, Unreadable)}
    lists = () if isinstance(members, Unreadable) else members.values()
    counts["member"] = sum(len(it) for it in lists if not isinstance(it, Unreadable))
    quotas = {}
    for kind, names in BALANCER_QUOTAS.items():
        limit = next((n for name in names if (n := number(limits.get(name))) is not None), None)
        if limit is not None and kind in counts:
            quotas[kind] = Quota(limit=limit, used=counts[kind])
    return quotas
