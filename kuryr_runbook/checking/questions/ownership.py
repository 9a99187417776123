"""Does anything else answer for pods, can nodes and pods send, and is there room for more pods?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.remedies import FIX
from kuryr_runbook.checking.verdicts import (
    SHOWN,
    CouldNotLook,
    node_victim,
    phase,
    pod_victim,
    some,
)
from kuryr_runbook.checking.view.cloud import Look, ipv4, ipv4_range
from kuryr_runbook.checking.view.pools import has_pools, spare_ports
from kuryr_runbook.model.addressing import pod_pool
from kuryr_runbook.model.drivers import GroupRole
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.rules import lets_all_out
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Port, Subnet
from kuryr_runbook.snapshots.cluster.objects import Pod

NEARLY = 0.9
"""The used part of a subnet's addresses from which on it is reported."""


@Check(
    "address-claimed",
    "No other port claims a pod's address",
    "neutron, extensions/allowedaddresspairs.py: whoever has an address in its pairs may answer "
    "for it",
    faults=(
        Fault(
            "another port has a pod's address in its address pairs",
            "connections of that pod go astray",
            "`address-claimed`; a warning if it is part of a range",
        ),
    ),
)
def check_claimed(look: Look) -> Iterator[Cause]:
    """On the pods' network, by an address pair; workers' pairs have a check of their own."""
    networks = {subnet.network_id for subnet in look.pod_subnets}
    promised = [(address, pod) for pod, vif in look.plugged for address in vif.addresses]
    claims = [*promised, *((pod.address, pod) for pod in look.pods)]
    addresses = {ip: pod for address, pod in claims if (ip := ipv4(address)) is not None}
    own = {port.id for port in look.node_ports.values() if port is not None}
    for port in look.ports.values():
        if port.network_id not in networks or port.id in own:
            continue
        single, wide = _claimed(port, addresses)
        pods = [*dict.fromkeys(addresses[ip] for ip in (*single, *wide))]
        if pods:
            whose = port.name or port.device_owner or "nobody's"
            yield Cause(
                status=Status.FAIL if single else Status.WARN,
                evidence=f"port {port.id} ({whose}) has {some(_pair_texts(port))} in its allowed "
                "address pairs, and may answer for them",
                remedy=f"{_taken_back(port, addresses)}, by its owner",
                victims=tuple(map(pod_victim, pods)),
                own=True,
            )


def _claimed(
    port: Port, addresses: dict[IPv4Address, Pod]
) -> tuple[list[IPv4Address], list[IPv4Address]]:
    """Which of them a port claims individually, and which in a range."""
    mine = set(port.addresses)
    ranges = [it for pair in port.pairs if (it := ipv4_range(pair.address)) is not None]
    exact = {it[0] for it in ranges if it.prefixlen == 32} & addresses.keys()
    single = [ip for ip in exact if str(ip) not in mine]
    wider = [it for it in ranges if it.prefixlen < 32]
    wide = [ip for ip in addresses if any(ip in it for it in wider)] if wider else []
    return single, wide


def _taken_back(port: Port, addresses: Mapping[IPv4Address, Pod]) -> str:
    """The command that removes the pairs with pods' addresses; Neutron compares the MAC, too."""
    pairs = [
        f"--allowed-address ip-address={pair.address},mac-address={pair.mac}"
        for pair in port.pairs
        if (it := ipv4_range(pair.address)) is not None and any(ip in it for ip in addresses)
    ]
    return " ".join(["openstack port unset", *pairs[:SHOWN], port.id])


def _pair_texts(port: Port) -> list[str]:
    return [pair.address for pair in port.pairs]


@Check(
    "egress",
    "Security groups let nodes and pods send",
    "neutron: a group lets nothing out without a rule; those that it adds to a new group can be "
    "deleted",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"node-ready", "daemon-ready", "pod-plugged", "pod-unhandled"},
    depth=Depth.GROUND,
    region=Region.GUARDS,
    faults=(
        Fault(
            "rules for egress deleted",
            "nodes NotReady, images cannot be pulled, pods can reach nothing",
        ),
    ),
)
def check_egress(look: Look) -> Iterator[Cause]:
    """Nodes need the API, the image registry, DNS and OpenStack; pods whatever they use."""
    senders: dict[tuple[str, ...], list[Victim]] = defaultdict(list)
    for name, port in look.node_ports.items():
        if port is not None and port.port_security is not False:
            senders[tuple(sorted(port.groups))].append(node_victim(name))
    if look.site.driver.admitting_group is GroupRole.POD and not look.is_ahead:
        for pod, vif in look.plugged:
            plugged = look.ports.get(vif.port_id)
            if (
                plugged is not None
                and plugged.port_security is not False
                and not look.is_policed(plugged)
            ):
                senders[tuple(sorted(plugged.groups))].append(pod_victim(pod))
    for groups, victims in senders.items():
        yield from _held_back(look, groups, victims)


def _held_back(look: Look, groups: tuple[str, ...], victims: list[Victim]) -> Iterator[Cause]:
    rules = [rule for group in groups for rule in look.rules.get(group, ())]
    if lets_all_out(rules):
        return
    hidden = [group for group in groups if group not in look.groups]
    if hidden:
        raise CouldNotLook(f"security group {', '.join(sorted(hidden))} belongs to another project")
    names = ", ".join(look.groups[group] for group in groups) or "no group"
    some_out = any(it.direction == "egress" and it.ethertype == "IPv4" for it in rules)
    lets = "some of what they send" if some_out else "nothing"
    yield Cause(
        status=Status.WARN if some_out else Status.FAIL,
        evidence=f"{names} lets {lets} out: no rule for egress, IPv4, any protocol, to everywhere",
        remedy=f"openstack security group rule create --egress --ethertype IPv4 "
        f"{next(iter(groups), 'GROUP')}; or {phase('openstack_prep')}, if the runbook made it",
        victims=tuple(victims),
        nodes=frozenset(it.node for it in victims if it.kind == "node"),
        explains=frozenset() if some_out else None,
        fixes=(PhaseFix("openstack_prep"),),
    )


@Check(
    "pod-addresses",
    "The pods' subnet has addresses left",
    "neutron: `No more IP addresses available on network`; a port for each pod",
    explains={"pod-unhandled", "controller-ready", "controller-restarts", "port-orphaned"},
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault(
            "the pods' subnet has no addresses left",
            "new pods hang",
            "`pod-addresses`; a warning from 90 % on",
        ),
    ),
)
def check_room(look: Look) -> Iterator[Cause]:
    """From the ports that the project can see; there may be others, so fewer may be left."""
    taken: dict[str, set[IPv4Address]] = defaultdict(set)
    for port in look.ports.values():
        for fixed in port.fixed_ips:
            if (ip := ipv4(fixed.address)) is not None:
                taken[fixed.subnet_id].add(ip)
    for subnet in look.pod_subnets:
        yield from _full(look, subnet, taken[subnet.id])


def _full(look: Look, subnet: Subnet, taken: set[IPv4Address]) -> Iterator[Cause]:
    bounds = [_bounds(start, end) for start, end in subnet.pools]
    size = sum(int(high) - int(low) + 1 for low, high in bounds)
    used = sum(any(low <= ip <= high for low, high in bounds) for ip in taken)
    if used < NEARLY * size:
        return
    full = used >= size
    waits = full and any(
        look.vif(pod) is None and look.is_overdue(pod)
        for pod in look.pods
        if look.subnet_of(pod.namespace) == subnet.id
    )
    yield Cause(
        status=Status.FAIL if waits else Status.WARN,
        evidence=f"{used} of {size} addresses of {subnet.name or subnet.id} are taken"
        + (": none is left" if full else "")
        + _of_pools(look),
        remedy=_more_room(look, subnet),
        victims=(Victim("subnet", subnet.name or subnet.id),),
        explains=None if full else frozenset(),
    )


def _of_pools(look: Look) -> str:
    """How many addresses wait for pods in pools; empty: there are no pools."""
    return f"; {counted(len(spare_ports(look)), 'spare port')} in pools" if has_pools(look) else ""


def _more_room(look: Look, subnet: Subnet) -> str:
    if subnet.id != look.pod_subnet.id:
        return (
            "nobody can change the range of a namespace's subnet: move pods to another namespace, "
            "and make network.namespace_subnets.prefix_length smaller for those of new namespaces, "
            f"in a new pool; to delete ports that nobody uses: {FIX}"
        )
    wanted = look.site.network.pod_subnet
    pool = pod_pool(wanted.cidr, wanted.gateway_ip)
    first, last = str(pool.first), str(pool.last)
    unused = (
        "kuryr.port_pool.max_ports limits what pools keep when pods go"
        if has_pools(look)
        else f"to delete ports that nobody uses: {FIX}"
    )
    if subnet.pools == ((first, last),):
        return f"{unused}; a larger subnet is another one: nobody can change a subnet's range"
    return (
        f"openstack subnet set --no-allocation-pool --allocation-pool start={first},end={last} "
        f"{subnet.id}: all of the subnet; {unused}"
    )


def _bounds(start: str, end: str) -> tuple[IPv4Address, IPv4Address]:
    low, high = ipv4(start), ipv4(end)
    if low is None or high is None:
        raise CouldNotLook(f"the allocation pool {start}-{end} cannot be read")
    return low, high
