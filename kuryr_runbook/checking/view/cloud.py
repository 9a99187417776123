"""A snapshot for diagnosis with its indexes, so that every check is linear in what it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.subnets import SubnetLook, look_up, sure
from kuryr_runbook.model.marks import is_of_policy, policy_of_group
from kuryr_runbook.model.rules import admits
from kuryr_runbook.planning.configuration import api_root_of, ids_of
from kuryr_runbook.planning.gathering import Gathering
from kuryr_runbook.planning.openstack import compared, spec_of
from kuryr_runbook.snapshots.cloud.lookup import Named
from kuryr_runbook.snapshots.cloud.resources import (
    Balancer,
    FloatingIp,
    Group,
    Listener,
    Member,
    Pool,
    Port,
    Router,
    Rule,
    Trunk,
)
from kuryr_runbook.snapshots.cloud.state import NOT_ASKED
from kuryr_runbook.snapshots.cluster.objects import Service
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.kuryr_conf import Conf, controller_conf, daemon_conf
from kuryr_runbook.specs.wanted import router

T = TypeVar("T")
N = TypeVar("N", bound=Named)


class Look(SubnetLook):
    """A snapshot for checks. Everything raises CouldNotLook if it was not read."""

    @cached_property
    def compared(self) -> Gathering:
        """What phase 02 would change, and refuse, by its own planner."""
        return sure(lambda: compared(spec_of(self.site, self.cluster), self.cloud))

    @property
    def controller_conf(self) -> Conf:
        """What the controller is to be told, but for its login."""
        return sure(
            lambda: controller_conf(
                self.site,
                ids_of(self.site, self.project, self.compared.steps),
                {},
                api_root_of(self.site, self.cluster),
            )
        )

    @property
    def daemon_conf(self) -> Conf:
        """What the daemons are to be told."""
        return sure(
            lambda: daemon_conf(
                self.site,
                api_root_of(self.site, self.cluster),
                dockershim=self.cluster.dockershim,
            )
        )

    @cached_property
    def router(self) -> Router:
        """The router of the site, by its name or id."""
        wanted = router(self.site)
        there = look_up(self.cloud.routers, wanted, self.cloud)
        if there is None:
            raise CouldNotLook(f"no {wanted} is visible")
        return there

    @cached_property
    def router_legs(self) -> Mapping[str, str]:
        """The router's address in each subnet where it has a port, by the subnet's id."""
        router = self.router.id
        return {
            fixed.subnet_id: fixed.address
            for port in self.ports.values()
            if port.device_id == router and port.device_owner.startswith("network:")
            for fixed in port.fixed_ips
        }

    @cached_property
    def ports(self) -> Mapping[str, Port]:
        """By id."""
        return {port.id: port for port in readable(self.cloud.ports)}

    @cached_property
    def node_subnet_ports(self) -> Mapping[str, Port]:
        """The ports in the nodes' subnet, by their address there."""
        subnet = self.node_subnet.id
        return {
            fixed.address: port
            for port in self.ports.values()
            for fixed in port.fixed_ips
            if fixed.subnet_id == subnet
        }

    @cached_property
    def node_ports(self) -> Mapping[str, Port | None]:
        """The port of each node that has an address, found like Kuryr does, by the node's name."""
        at = self.node_subnet_ports
        return {node.name: at.get(node.address) for node in self.nodes if node.address}

    def is_trunk_parent(self, port: Port) -> bool:
        """Whether a port is one: from the trunks, or if they were not read from the port itself."""
        return bool(port.trunk_id) if self.cloud.trunks == NOT_ASKED else port.id in self.trunks

    @cached_property
    def trunks(self) -> Mapping[str, Trunk]:
        """By their parent port."""
        return {trunk.port_id: trunk for trunk in readable(self.cloud.trunks)}

    @cached_property
    def workers(self) -> dict[str, Port]:
        """The known ports of nodes that take pods, by the node's name."""
        taking = {node.name for node in self.nodes if node.schedulable}
        return {name: it for name, it in self.node_ports.items() if it and name in taking}

    @cached_property
    def pairs(self) -> Mapping[str, tuple[set[tuple[str, str]], list[tuple[IPv4Network, str]]]]:
        """Address pairs of each node's port: addresses with their MAC, and ranges with theirs."""
        return {name: _split_pairs(port) for name, port in self.node_ports.items() if port}

    def is_paired(self, node: str, address: str, mac: str) -> bool:
        """Whether the node's port allows packets with that address and MAC."""
        single, ranges = self.pairs.get(node, (set(), []))
        if (address, mac) in single:
            return True
        ip = ipv4(address)
        return ip is not None and any(ip in net and of == mac for net, of in ranges)

    @property
    def pair_limit(self) -> int | Unreadable | None:
        """How many address pairs a port may have, if Neutron reported it; None: enough."""
        return self.cloud.pair_limit

    @cached_property
    def rules(self) -> Mapping[str, list[Rule]]:
        """The rules of each group."""
        return _by(readable(self.cloud.rules), lambda it: [it.security_group_id])

    @property
    def known_groups(self) -> tuple[Group, ...]:
        """The project's security groups."""
        return readable(self.cloud.groups)

    @cached_property
    def policy_groups(self) -> Mapping[str, str]:
        """The policies, NAMESPACE/NAME, for which Kuryr made a group, by the group's id."""
        return {
            it.id: policy_of_group(it.description)
            for it in self.known_groups
            if is_of_policy(it.description)
        }

    def is_policed(self, port: Port) -> bool:
        """Whether network policies say what the port may send and receive."""
        return not self.policy_groups.keys().isdisjoint(port.groups)

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """Their names, by id."""
        return {group.id: group.name for group in self.known_groups}

    def admits(
        self, groups: Iterable[str], source: IPv4Network | str, tcp_port: int | None = None
    ) -> bool:
        """Whether a port in these groups admits all of that.

        Raises CouldNotLook if the known rules do not, but a group belongs to another project.
        """
        rules = [rule for group in groups for rule in self.rules.get(group, ())]
        if admits(rules, source=source, tcp_port=tcp_port):
            return True
        hidden = sorted(group for group in groups if group not in self.groups)
        if hidden:
            raise CouldNotLook(f"security group {', '.join(hidden)} belongs to another project")
        return False

    @cached_property
    def floating_ips(self) -> tuple[FloatingIp, ...]:
        """All of the project's."""
        return readable(self.cloud.floating_ips)

    @cached_property
    def balancers(self) -> list[Balancer]:
        """The existing ones: Octavia may list a deleted one for a while."""
        found = readable(self.cloud.balancers)
        return [it for it in found if it.provisioning not in ("DELETED", "PENDING_DELETE")]

    @cached_property
    def balancers_named(self) -> Mapping[str, list[Balancer]]:
        """By name; names may not be unique."""
        return _by(self.balancers, lambda it: [it.name])

    @cached_property
    def balancers_at(self) -> Mapping[str, list[Balancer]]:
        """By their VIP in the Services' subnet."""
        return _by(self.balancers, lambda it: [it.vip] if it.vip else [])

    def balancer(self, service: Service) -> Balancer | None:
        """Kuryr's load balancer for a Service: the one with its name, preferably at its address."""
        named = self.balancers_named.get(service.place, [])
        fitting = [it for it in named if it.vip == service.cluster_ip]
        return next(iter(fitting or named), None)

    @cached_property
    def served(self) -> list[tuple[Service, Balancer]]:
        """The Services that have one."""
        found = ((service, self.balancer(service)) for service in self.services)
        return [(service, balancer) for service, balancer in found if balancer is not None]

    @cached_property
    def _listeners(self) -> Mapping[str, list[Listener]]:
        return _by(readable(self.cloud.listeners), lambda it: it.balancers)

    def listeners_of(self, balancer: Balancer) -> list[Listener]:
        """All listeners of a load balancer."""
        return self._listeners.get(balancer.id, [])

    def listener(self, balancer: Balancer, protocol: str, port: int) -> Listener | None:
        """The load balancer's listener at a port; HTTP and the like are TCP underneath."""
        here = [it for it in self.listeners_of(balancer) if it.port == port]
        return next((it for it in here if _transport(it.protocol) == protocol), None)

    @cached_property
    def _pools(self) -> Mapping[str, Pool]:
        """By id."""
        return {pool.id: pool for pool in readable(self.cloud.pools)}

    @cached_property
    def _pools_of(self) -> Mapping[str, Pool]:
        """The pools by the listeners that they name."""
        return {listener: pool for pool in self._pools.values() for listener in pool.listeners}

    def pool(self, listener: Listener) -> Pool | None:
        """The pool behind a listener."""
        return self._pools.get(listener.pool_id) or self._pools_of.get(listener.id)

    def members(self, listener: Listener) -> tuple[Member, ...] | None:
        """The members behind a listener; None if it has no pool."""
        pool = self.pool(listener)
        lists = readable(self.cloud.members)
        return readable(lists[pool.id]) if pool is not None and pool.id in lists else None

    @cached_property
    def health_is_reported(self) -> bool:
        """Whether Octavia gets health reports from its load balancers: if not, all are OFFLINE."""
        return any(it.operating not in ("OFFLINE", "") for it in self.balancers)


def ipv4(address: str) -> IPv4Address | None:
    """The address, or None if it is not one."""
    try:
        return IPv4Address(address)
    except ValueError:
        return None


def ipv4_range(cidr: str) -> IPv4Network | None:
    """The range, or None if it is not one."""
    try:
        return IPv4Network(cidr, strict=False)
    except ValueError:
        return None


def _split_pairs(port: Port) -> tuple[set[tuple[str, str]], list[tuple[IPv4Network, str]]]:
    single, ranges = set(), []
    for pair in port.pairs:
        if "/" not in pair.address or pair.address.endswith("/32"):
            single.add((pair.address.removesuffix("/32"), pair.mac))
        elif network := ipv4_range(pair.address):
            ranges.append((network, pair.mac))
    return single, ranges


def _transport(protocol: str) -> str:
    return protocol if protocol in ("UDP", "SCTP") else "TCP"


def _by(items: Iterable[T], keys: Callable[[T], Iterable[str]]) -> Mapping[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for item in items:
        for key in keys(item):
            found[key].append(item)
    return found
