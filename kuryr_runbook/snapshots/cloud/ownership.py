"""Decides who owns a cloud's resource, for checks and for all plans to change or delete one.

The runbook recognizes its own by a mark with the cluster's id. Kuryr leaves no such mark: its
resources are recognized by its constants and by their place, which has to be this cluster's.
Everything that is not known to be ours or Kuryr's is somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

from kuryr_runbook.model.marks import (
    KURYR_PORT_OWNER,
    KURYRS_FLOATING_IP,
    KURYRS_NAMESPACE,
    POD_PORT_OWNERS,
    SUBPORT_OWNER,
    is_marked,
    is_of_policy,
    owner_mark,
)
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.lookup import find, of_name
from kuryr_runbook.snapshots.cloud.resources import (
    Balancer,
    FloatingIp,
    Group,
    Network,
    Pair,
    Port,
    Subnet,
)
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.wanted import (
    Wanted,
    namespace_pool,
    node_subnet,
    pod_subnet,
    service_subnet,
)


class Described(Protocol):
    """Something with a description, where the runbook puts its mark."""

    @property
    def description(self) -> str:
        """Any text by its creator."""


class Ownership:
    """Which of a cloud's resources are this cluster's.

    All methods raise AccessError if something they need was not read, and SeveralError if several
    subnets have the name of the nodes' subnet.
    """

    def __init__(self, site: Site, cluster_id: str, cloud: CloudState) -> None:
        self.site = site
        self.mark = owner_mark(site.name, cluster_id)
        self.cloud = cloud

    def is_ours(self, resource: Described) -> bool:
        """Whether the runbook created it, for this cluster."""
        return resource.description == self.mark

    @cached_property
    def node_subnet(self) -> Subnet | None:
        """The subnet of the nodes."""
        return find(known(self.cloud.subnets), node_subnet(self.site), self._project)

    @cached_property
    def node_ports(self) -> list[Port]:
        """Ports with an address in that subnet."""
        return [port for port in known(self.cloud.ports) if self.is_node_port(port)]

    @cached_property
    def pod_subnet(self) -> Subnet | None:
        """The subnet where Kuryr creates ports for this cluster's pods: on the nodes' network."""
        wanted, cidr = pod_subnet(self.site), self.site.network.pod_subnet.cidr
        return self._kuryrs(wanted, cidr, self._is_beside)

    @cached_property
    def _own_pools(self) -> frozenset[str]:
        """Ids of the subnet pools that the runbook made."""
        return frozenset(it.id for it in known(self.cloud.subnet_pools) if self.is_ours(it))

    @cached_property
    def _namespace_pools(self) -> frozenset[str]:
        """Ids of the pools of namespaces' subnets: those that the runbook made, and the site's."""
        pools, wanted = known(self.cloud.subnet_pools), namespace_pool(self.site)
        used = self.site.network.namespace_subnets.enabled
        named = of_name(pools, wanted.name, self._project) if used else []
        return self._own_pools.union(it.id for it in named if not is_marked(it.description))

    @cached_property
    def namespace_subnets(self) -> tuple[Subnet, ...]:
        """The subnets that Kuryr made for this cluster's namespaces.

        Others may take subnets from the site's pool, too, if the runbook did not make it: theirs
        are not on the nodes' router, or not named like Kuryr's.
        """
        return tuple(
            it
            for it in known(self.cloud.subnets)
            if it.pool_id in self._namespace_pools
            and KURYRS_NAMESPACE.fullmatch(it.name)
            and not is_marked(it.description)
            and (it.pool_id in self._own_pools or self._is_joined(it))
        )

    @property
    def namespace_networks(self) -> tuple[Network, ...]:
        """Their networks, unless somebody else made them."""
        ids = {it.network_id for it in self.namespace_subnets}
        return tuple(
            it
            for it in known(self.cloud.networks)
            if it.id in ids and KURYRS_NAMESPACE.fullmatch(it.name)
        )

    @cached_property
    def _of_pods(self) -> frozenset[str]:
        """Ids of all subnets where Kuryr creates ports for this cluster's pods."""
        common = () if self.pod_subnet is None else (self.pod_subnet,)
        return frozenset(it.id for it in (*common, *self.namespace_subnets))

    def _is_in_pods(self, port: Port) -> bool:
        return any(fixed.subnet_id in self._of_pods for fixed in port.fixed_ips)

    @cached_property
    def service_subnet(self) -> Subnet | None:
        """The subnet of this cluster's load balancers: a router connects it to the nodes."""
        wanted, cidr = service_subnet(self.site), self.site.network.service_subnet.cidr
        return self._kuryrs(wanted, cidr, self._is_joined)

    def _kuryrs(
        self, wanted: Wanted, cidr: IPv4Network, is_near: Callable[[Subnet], bool]
    ) -> Subnet | None:
        """The subnet that the site gives by its id, or that the runbook created or adopted.

        Another cluster in the project may have one with the same name, which is a default. An
        adopted one is as the site says, close to the nodes, and has no owner's mark.
        """
        subnets = known(self.cloud.subnets)
        if wanted.given_id:
            return find(subnets, wanted, self._project)
        named = of_name(subnets, wanted.name, self._project)
        if owned := [it for it in named if self.is_ours(it)]:
            return owned[0]
        fitting = (it for it in named if not is_marked(it.description) and it.cidr == str(cidr))
        return next((it for it in fitting if is_near(it)), None)

    def _is_beside(self, subnet: Subnet) -> bool:
        """Whether it is on the nodes' network."""
        return self.node_subnet is not None and subnet.network_id == self.node_subnet.network_id

    def _is_joined(self, subnet: Subnet) -> bool:
        """Whether a router connects it to the nodes."""
        nodes = self.node_subnet
        return nodes is not None and bool(self._routers_of(nodes) & self._routers_of(subnet))

    def _routers_of(self, subnet: Subnet) -> set[str]:
        ports = known(self.cloud.ports)
        return {port.device_id for port in ports if port.is_leg and port.is_in(subnet.id)}

    def is_pods(self, port: Port) -> bool:
        """Whether Kuryr created the port for a present or future pod; also a node's subport."""
        return (
            is_of_some_pod(port)
            and self._is_in_pods(port)
            and port.id not in self._subports_of_others
        )

    def is_nobodys(self, port: Port) -> bool:
        """Whether a port in a subnet of pods has no owner."""
        return not port.device_owner and self._is_in_pods(port)

    def is_left_of_pod(self, port: Port) -> bool:
        """Whether Kuryr created the port for one pod, by Kuryr's own mark.

        Subports have Neutron's owner instead, and Kuryr's pools keep some for future pods.
        """
        made = port.device_owner == KURYR_PORT_OWNER and bool(port.device_id)
        return made and self.is_pods(port)

    def is_of_pool(self, port: Port) -> bool:
        """Whether Kuryr created the port for a pool of a node, unless a pod has it.

        Nothing but the site's tags distinguishes it from ports that Kuryr left behind.
        """
        tags = frozenset(self.site.kuryr.resource_tags)
        if self.site.driver.pool is None or not tags or not tags.issubset(port.tags):
            return False
        return self.is_pods(port) and (
            not self.site.driver.needs_trunks or port.id in self.subports_of_nodes
        )

    @cached_property
    def subports_of_nodes(self) -> Mapping[str, str]:
        """The id of the trunk of a node that carries a port, by the port's id."""
        if not self.has_subports:
            return {}
        of_nodes = {port.id for port in self.node_ports}
        trunks = (it for it in known(self.cloud.trunks) if it.port_id in of_nodes)
        return {port: trunk.id for trunk in trunks for port in trunk.carried}

    @property
    def has_subports(self) -> bool:
        """Whether a pod's port is, or was, a subport of a trunk: then trunks have to be read."""
        return any(
            port.device_owner == SUBPORT_OWNER and self._is_in_pods(port)
            for port in known(self.cloud.ports)
        )

    @cached_property
    def _subports_of_others(self) -> frozenset[str]:
        """Ids of the subports of trunks whose parent is not a node's port.

        Every subport has Neutron's owner in place of Kuryr's.
        """
        if not self.has_subports:
            return frozenset()
        of_nodes = {port.id for port in self.node_ports}
        others = (it.carried for it in known(self.cloud.trunks) if it.port_id not in of_nodes)
        return frozenset().union(*others)

    def is_node_port(self, port: Port) -> bool:
        """Whether it has an address in the nodes' subnet."""
        nodes = self.node_subnet
        return nodes is not None and port.is_in(nodes.id)

    def is_of_pods(self, address: str) -> bool:
        """Whether it is a single address in the pods' subnet."""
        subnet = self.pod_subnet
        return subnet is not None and is_inside(address, subnet.cidr)

    def pairs_of_pods(self, port: Port) -> tuple[Pair, ...]:
        """The pods' address pairs, each with one address, on the port of a node."""
        return tuple(pair for pair in port.pairs if self.is_of_pods(pair.address))

    def is_services(self, balancer: Balancer) -> bool:
        """Whether Kuryr created the load balancer for a Service."""
        subnet = self.service_subnet
        return (
            subnet is not None
            and balancer.vip_subnet_id == subnet.id
            and is_inside(balancer.vip, self.site.kubernetes.service_cidr)
            and "/" in balancer.name
            and not is_marked(balancer.description)
        )

    @cached_property
    def _vips(self) -> frozenset[str]:
        """Ids of the VIP ports of Kuryr's load balancers."""
        balancers = known(self.cloud.balancers)
        return frozenset(it.vip_port_id for it in balancers if self.is_services(it)) - {""}

    def is_services_address(self, floating: FloatingIp) -> bool:
        """Whether Kuryr created the floating IP, for a load balancer of its own.

        One that a Service names belongs to its owner.
        """
        return floating.description == KURYRS_FLOATING_IP and floating.port_id in self._vips

    def is_loose_address(self, floating: FloatingIp) -> bool:
        """Whether Kuryr created the floating IP, it points nowhere, and there is no other Kuryr.

        It has no place that could show whose it is: another Kuryr's would look the same.
        """
        return leads_nowhere(floating) and not self.has_neighbours

    def is_policys(self, group: Group) -> bool:
        """Whether Kuryr made the group for a network policy, and there is no other Kuryr.

        It has no place that could show whose it is: another Kuryr's would look the same.
        """
        return is_of_policy(group.description) and not self.has_neighbours

    @cached_property
    def has_neighbours(self) -> bool:
        """Whether something in the project belongs to another cluster, or another Kuryr."""
        cloud, project = self.cloud, self._project
        marked: list[Described] = [
            *known(cloud.subnets), *known(cloud.groups), *known(cloud.balancers),
        ]  # fmt: skip
        ports = (it for it in known(cloud.ports) if it.project_id == project)
        return (
            any(is_marked(it.description) and not self.is_ours(it) for it in marked)
            or any(is_of_some_pod(it) and not self.is_pods(it) for it in ports)
            or any(
                it.description == KURYRS_FLOATING_IP and it.port_id and it.port_id not in self._vips
                for it in known(cloud.floating_ips)
            )
        )

    @property
    def _project(self) -> str:
        return known(self.cloud.project_id)


def is_of_some_pod(port: Port) -> bool:
    """Whether any cluster's Kuryr created the port for pods, or it is a subport."""
    return port.device_owner in POD_PORT_OWNERS


def leads_nowhere(floating: FloatingIp) -> bool:
    """Whether any cluster's Kuryr created the floating IP, and nothing is behind it."""
    return floating.description == KURYRS_FLOATING_IP and not floating.port_id


def is_inside(address: str, cidr: IPv4Network | str) -> bool:
    """Whether it is a single IPv4 address in that range."""
    try:
        return IPv4Address(address) in IPv4Network(cidr)
    except ValueError:
        return False
