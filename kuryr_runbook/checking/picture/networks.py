"""The networks of the topology: external network, router, subnets with their security groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from kuryr_runbook.checking.picture.marks import (
    Marks,
    Spot,
    chosen,
)
from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.drivers import GroupRole
from kuryr_runbook.model.findings import Region, Victim
from kuryr_runbook.model.topology import Box, Line, summed
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import FloatingIp, Port, Subnet
from kuryr_runbook.specs.wanted import node_subnet, pod_subnet, service_subnet

FLOATING_IPS = 6
GROUPS = 3
OTHER = "another port"
"""Behind a floating IP: a port that is not visible, or has no name."""
FINDERS = {
    Region.NODES: node_subnet,
    Region.PODS: pod_subnet,
    Region.SERVICES: service_subnet,
}


def external_box(look: Look, marks: Marks) -> Box:
    """The external network with the project's floating IPs."""
    network = look.site.network
    name = network.external_network_id or network.external_network
    try:
        lines = tuple(_floating_ips(look, marks))
    except CouldNotLook as reason:
        lines = (blind("floating IPs", marks, reason),)
    return Box(what="external network", name=name, lines=lines)


def _floating_ips(look: Look, marks: Marks) -> Iterator[Line]:
    holders = _holders(look)

    def holder(ip: FloatingIp) -> str:
        return holders.get(ip.port_id, OTHER) if ip.port_id else "points nowhere"

    # Sorted by their targets: Neutron chooses the addresses, and others in the next lab.
    ips = sorted(look.floating_ips, key=lambda it: (holder(it), it.address))
    shown, more, rest = chosen(ips, FLOATING_IPS, lambda it: marks.at(_victim(it)))
    for ip in shown:
        yield Line(text=ip.address, end=holder(ip), marks=marks.at(_victim(ip)))
    if more or rest:
        seen = summed(marks.at(_victim(it)) for it in more)
        text = counted(len(more) + len(rest), "more floating IP" if shown else "floating IP")
        yield Line(text=text, marks=seen)


def _victim(ip: FloatingIp) -> Victim:
    return Victim("floating IP", ip.address)


def _holders(look: Look) -> Mapping[str, str]:
    """What is behind a floating IP, by its port: a load balancer, a node, an API server."""
    balancers = readable(look.cloud.balancers)
    found = {it.vip_port_id: it.name for it in balancers if it.vip_port_id}
    for see in (_servers, _nodes, _named):
        with suppress(CouldNotLook):
            found = see(look) | found
    return found


def _named(look: Look) -> dict[str, str]:
    """All ports that have a name."""
    return {port.id: f"port {port.name}" for port in look.ports.values() if port.name}


def _nodes(look: Look) -> dict[str, str]:
    return {port.id: name for name, port in look.node_ports.items() if port}


def _servers(look: Look) -> dict[str, str]:
    """The API servers, which need not be nodes; one that is has its node's name, too."""
    nodes, ports = _nodes(look), look.node_subnet_ports
    servers = [ports[address].id for address in look.api_servers if address in ports]
    return {port: f"API server {nodes.get(port, '')}".rstrip() for port in servers}


def router_box(look: Look, marks: Marks) -> Box:
    """The router; `joined` says whether it has a gateway."""
    try:
        router = look.router
    except CouldNotLook as reason:
        line = Line(text="could not look", hint=str(reason))
        seen = marks.at(Region.ROUTER, str(reason))
        return Box(what="router", name=look.site.network.router, lines=(line,), marks=seen)
    line = Line(text="gateway", end="yes" if router.gateway else "none")
    seen = marks.at(Region.ROUTER)
    return Box(
        what="router",
        name=router.name,
        lines=(line,),
        marks=seen,
        joined=router.gateway is not None,
    )


def subnet_boxes(look: Look, marks: Marks) -> tuple[Box, Box, Box]:
    """The subnets of nodes, pods and Services."""
    return (
        _subnet(look, marks, Region.NODES),
        _subnet(look, marks, Region.PODS),
        _subnet(look, marks, Region.SERVICES),
    )


def _subnet(look: Look, marks: Marks, role: Region) -> Box:
    what, wanted = f"subnet of {role}", FINDERS[role](look.site)
    name = wanted.given_id or wanted.name
    try:
        subnet = look_up(look.cloud.subnets, wanted, look.cloud)
    except CouldNotLook as reason:
        return Box(what=what, name=name, lines=(blind("subnet", marks, reason),))
    if subnet is None:
        seen = marks.at(Victim("subnet", name), role)
        return Box(
            what=what, name=name, lines=(Line(text="does not exist"),), marks=seen, joined=False
        )
    try:
        joined = subnet.id in look.router_legs
    except CouldNotLook:
        joined = None
    lines = (
        marks.line(subnet.cidr, lambda: _mtu(look, subnet)),
        marks.line("router", lambda: _router_address(look, subnet)),
        *_groups(look, marks, role),
    )
    seen = marks.at(Victim("subnet", subnet.name), Victim("subnet", name), role)
    return Box(what=what, name=subnet.name, lines=lines, marks=seen, joined=joined)


def _mtu(look: Look, subnet: Subnet) -> str:
    networks = {it.id: it.mtu for it in readable(look.cloud.networks)}
    mtu = networks.get(subnet.network_id)
    return "" if mtu is None else f"MTU {mtu}"


def _router_address(look: Look, subnet: Subnet) -> str:
    legs = look.router_legs
    return (legs[subnet.id] or "there") if subnet.id in legs else "none"


def _groups(look: Look, marks: Marks, role: Region) -> Iterator[Line]:
    """The security groups of the ports there, which decide who can reach nodes and pods."""
    ports: dict[Region, Callable[[], Iterable[Port]]] = {
        Region.NODES: lambda: (port for port in look.node_ports.values() if port),
        Region.PODS: lambda: (
            look.ports[it.port_id] for _, it in look.plugged if it.port_id in look.ports
        ),
    }
    if role not in ports:
        return
    by_node = look.site.driver.admitting_group is GroupRole.NODE
    guarding = Region.NODES if by_node else Region.PODS
    places = (Region.GUARDS,) if role == guarding else ()
    try:
        found = Counter(group for port in ports[role]() for group in port.groups)
        names = {group: look.groups.get(group, group) for group in found}
        rules = Counter(rule.security_group_id for rule in readable(look.cloud.rules))
    except CouldNotLook as reason:
        yield blind("security groups", marks, reason)
        return

    def seen(group: str) -> tuple[Spot, ...]:
        return (*places, Victim("security group", names[group]))

    groups = [group for group, _ in found.most_common()]
    shown, more, rest = chosen(groups, GROUPS, lambda it: marks.at(*seen(it)))
    for group in shown:
        counts = f"{counted(rules[group], 'rule')}, {counted(found[group], 'port')}"
        yield Line(
            text=names[group], end=counts, hint="security group", marks=marks.at(*seen(group))
        )
    if more or rest:
        text = counted(len(more) + len(rest), "more security group" if shown else "security group")
        yield Line(text=text, marks=summed(marks.at(*seen(it)) for it in more))


def blind_box(what: str, marks: Marks, reason: CouldNotLook) -> Box:
    """A box for a kind that could not be read."""
    line = Line(text=str(reason), marks=marks.blind(reason))
    return Box(what=what, name="could not look", lines=(line,))


def blind(text: str, marks: Marks, reason: CouldNotLook) -> Line:
    """A line for something that could not be read."""
    return Line(text=text, end="could not look", hint=str(reason), marks=marks.blind(reason))
