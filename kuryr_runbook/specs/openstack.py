"""What a site wants in Neutron and Octavia, as data.

The layout is the original's: pods in a subnet of their own on the nodes' network, services in a
network of their own, one router between them, and a load balancer for the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from kuryr_runbook.model import addressing
from kuryr_runbook.model.addressing import Pool
from kuryr_runbook.model.drivers import GroupRole
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import wanted
from kuryr_runbook.specs.wanted import Wanted

HTTPS_PORT = 443
API_PORT = 6443
ANYWHERE = IPv4Network("0.0.0.0/0")
API_SILENCE = 3_600_000
"""Timeout of the API's listener, in milliseconds of silence.

Nothing is sent on a watch while nothing changes. The API server ends a watch by itself after 30
to 60 minutes: --min-request-timeout, 1800 s by default, and at random up to twice as long.
"""
SHORTEST_WATCH = API_SILENCE // 2
"""Milliseconds that every watch may last: a listener with a shorter timeout breaks them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetSpec:
    """A subnet that Kuryr takes addresses from."""

    wanted: Wanted
    cidr: IPv4Network
    gateway: IPv4Address
    pool: Pool
    role: str
    """What it is for, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A subnet pool, from which Kuryr takes the subnets of namespaces."""

    wanted: Wanted
    cidr: IPv4Network
    prefix_length: int
    """Of each subnet."""


class Source(Enum):
    """A source of traffic that is not a range known beforehand."""

    GROUP = "the group itself"
    NODE_SUBNET = "the node subnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """Ingress that a group must admit: all protocols, or one TCP port."""

    purpose: str
    source: IPv4Network | Source
    tcp_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """A security group."""

    wanted: Wanted
    description: str
    rules: tuple[RuleSpec, ...]
    """What it must admit, whoever created the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerSpec:
    """The load balancer of the `kubernetes` service."""

    wanted: Wanted
    vip: IPv4Address
    members: tuple[tuple[IPv4Address, int], ...]
    provider: str | None
    """None: Octavia's default."""
    protocol: str
    algorithm: str
    timeout: int | None
    """Milliseconds that client and member may be silent; None: the provider has no such limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStackSpec:
    """Everything that phase 02 should create."""

    owner: str
    """The description of everything that is created."""
    external_network: Wanted
    external_subnet_id: str
    """The only subnet of that network that floating IPs come from; empty: any."""
    node_subnet: Wanted
    node_addresses: tuple[IPv4Address, ...]
    """Addresses of the nodes whose ports have to be in the node group."""
    router: Wanted
    service_network: Wanted
    pod_subnet: SubnetSpec
    service_subnet: SubnetSpec
    namespace_pool: PoolSpec | None
    """None: namespaces have no subnets of their own."""
    node_group: GroupSpec
    pod_group: GroupSpec
    load_balancer: LoadBalancerSpec
    needs_address_pairs: bool


def openstack_spec(
    site: Site,
    node_addresses: tuple[IPv4Address, ...],
    api_servers: tuple[tuple[IPv4Address, int], ...],
    cluster_id: str,
) -> OpenStackSpec:
    """What the site wants, with the cluster's id and the addresses of nodes and API servers."""
    return OpenStackSpec(
        owner=owner_mark(site.name, cluster_id),
        external_network=wanted.external_network(site),
        external_subnet_id=site.network.external_subnet_id or "",
        node_subnet=wanted.node_subnet(site),
        node_addresses=node_addresses,
        router=wanted.router(site),
        service_network=wanted.service_network(site),
        pod_subnet=_pod_subnet(site),
        service_subnet=_service_subnet(site),
        namespace_pool=_namespace_pool(site),
        node_group=node_group(site),
        pod_group=pod_group(site),
        load_balancer=LoadBalancerSpec(
            wanted=wanted.api_balancer(site),
            vip=addressing.api_service_address(site.kubernetes.service_cidr),
            members=api_servers,
            provider=str(site.kuryr.octavia_provider) if site.provider.is_named else None,
            protocol=site.provider.api_protocol,
            algorithm=site.provider.api_algorithm,
            timeout=API_SILENCE if site.provider.has_timeouts else None,
        ),
        needs_address_pairs=site.driver.needs_address_pairs,
    )


def balancer_source(site: Site) -> IPv4Network:
    """The source of packets that load balancers send to pods.

    The service subnet in L3 mode; anywhere with a provider that keeps the clients' addresses.
    """
    if site.provider.keeps_client_address:
        return ANYWHERE
    return site.network.service_subnet.cidr


def service_rule(site: Site) -> RuleSpec:
    """Ingress from load balancers to pods."""
    origin = "the service subnet"
    if site.provider.keeps_client_address:
        origin = "their clients' addresses"
    purpose = f"load balancers reach pods from {origin}"
    return RuleSpec(purpose=purpose, source=balancer_source(site))


def _pod_subnet(site: Site) -> SubnetSpec:
    subnet = site.network.pod_subnet
    return SubnetSpec(
        wanted=wanted.pod_subnet(site),
        cidr=subnet.cidr,
        gateway=subnet.gateway_ip,
        pool=addressing.pod_pool(subnet.cidr, subnet.gateway_ip),
        role="addresses of pods",
    )


def _service_subnet(site: Site) -> SubnetSpec:
    subnet = site.network.service_subnet
    return SubnetSpec(
        wanted=wanted.service_subnet(site),
        cidr=subnet.cidr,
        gateway=addressing.service_gateway(subnet.cidr),
        pool=addressing.service_pool(subnet.cidr),
        role="ClusterIPs in the lower half, Octavia's ports in the upper",
    )


def _namespace_pool(site: Site) -> PoolSpec | None:
    spaces = site.network.namespace_subnets
    if not spaces.enabled:
        return None
    return PoolSpec(
        wanted=wanted.namespace_pool(site), cidr=spaces.cidr, prefix_length=spaces.prefix_length
    )


def pod_ranges(site: Site) -> tuple[IPv4Network, ...]:
    """The ranges of pods' addresses."""
    spaces = site.network.namespace_subnets
    return (site.network.pod_subnet.cidr, *((spaces.cidr,) if spaces.enabled else ()))


def node_group(site: Site) -> GroupSpec:
    """The group of the nodes' ports."""
    rules = [
        RuleSpec(purpose="nodes, and pods on them, reach each other", source=Source.GROUP),
        RuleSpec(
            purpose="the API's load balancer reaches the masters",
            source=Source.NODE_SUBNET,
            tcp_port=API_PORT,
        ),
    ]
    if site.provider.keeps_client_address:
        rules += [
            RuleSpec(
                purpose="pods reach the masters through the API's load balancer",
                source=cidr,
                tcp_port=API_PORT,
            )
            for cidr in pod_ranges(site)
        ]
    if site.driver.admitting_group is GroupRole.NODE:
        rules.append(service_rule(site))
    if site.driver.needs_address_pairs:
        # ML2/OVS counts the address pairs of a group's ports as members of the group, ML2/OVN
        # does not.
        rules.append(
            RuleSpec(
                purpose="pods on different nodes reach each other, where OVN is Neutron's back end",
                source=site.network.pod_subnet.cidr,
            )
        )
    return GroupSpec(
        wanted=wanted.node_group(site),
        description="nodes of the cluster",
        rules=tuple(rules),
    )


def pod_group(site: Site) -> GroupSpec:
    """The group that Kuryr sets on pods' ports: with policies, on those that none selects."""
    if site.kuryr.network_policies:
        purpose = "pods that no network policy selects are open, as Kubernetes demands"
        return _pod_group(site, RuleSpec(purpose=purpose, source=ANYWHERE))
    rules = [RuleSpec(purpose="pods reach each other", source=Source.GROUP)]
    if site.driver.admitting_group is GroupRole.POD:
        rules.append(service_rule(site))
        rules.append(RuleSpec(purpose="kubelets probe pods", source=Source.NODE_SUBNET))
    return _pod_group(site, *rules)


def _pod_group(site: Site, *rules: RuleSpec) -> GroupSpec:
    return GroupSpec(wanted=wanted.pod_group(site), description="ports of pods", rules=rules)
