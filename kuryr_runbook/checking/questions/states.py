"""Is anything that packets pass switched off, or in a state in which it does not work?

Octavia's and Neutron's states mean the same for all their resources, so both checks go through one
list of parts, and another resource that packets pass is one more entry in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.questions.services import balancers
from kuryr_runbook.checking.verdicts import (
    SERVICE_EFFECTS,
    CouldNotLook,
    each,
    node_victim,
    pod_victim,
    some,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.snapshots.cloud.resources import Balancer, Listener, Pool, Port, Router
from kuryr_runbook.specs import wanted

BROKEN = {"ERROR": Status.FAIL, "DOWN": Status.FAIL, "DEGRADED": Status.WARN}
"""Of Neutron's resources (neutron-lib, constants.py); while being created they are in BUILD."""
LASTING = {"ERROR": Status.FAIL}
"""Of provisioning_status (Octavia API reference, "Provisioning Status Codes")."""
WORKING = {"ERROR": Status.FAIL, "DEGRADED": Status.WARN}
"""Of operating_status (Octavia API reference, "Operating Status Codes")."""
UNBOUND = {"binding_failed": Status.FAIL}
"""Of binding:vif_type, if it is shown (neutron-lib, api/definitions/portbindings.py)."""
POD_EFFECTS = frozenset({"pod-interface-inactive", "pod-plugged"})
SEE_WORKER = "check Octavia's worker log and, for members, whether the pods answer"


@dataclass(frozen=True, slots=True)
class _Part:
    """A resource that packets pass."""

    what: str
    """Its kind and name for people: router k8s-router."""
    switch_on: str
    """The command that switches it on."""
    is_up: bool
    states: tuple[tuple[str, str, Mapping[str, Status]], ...]
    """Name and value of each of its states, and the bad values."""
    victims: tuple[Victim, ...]
    balancer: str = ""
    """Id of the load balancer that it is a part of; empty: of none."""


@Check(
    "switched-off",
    "Nothing that packets pass is switched off",
    "Neutron and Octavia API references: admin_state_up",
    on=tuple(Occasion),
    depth=Depth.GROUND,
    region=Region.PROJECT,
    explains={*SERVICE_EFFECTS, *POD_EFFECTS, "resource-state"},
    faults=(
        Fault(
            "router, network, port, trunk, load balancer, listener, pool or member switched off",
            "requests through it get no answer",
        ),
    ),
)
def check_switches(look: Look) -> Iterator[Cause | CouldNotLook]:
    """One cause for each resource, with the command that switches it on."""
    for part in _parts(look):
        if isinstance(part, CouldNotLook):
            yield part
        elif not part.is_up:
            yield Cause(
                status=Status.FAIL,
                evidence=f"{part.what} is switched off (admin_state_up is false)",
                remedy=part.switch_on,
                victims=part.victims,
                own=bool(part.victims),
            )


@Check(
    "resource-state",
    "Everything that packets pass is in a working state",
    "neutron-lib, constants.py; Octavia API reference: Operating and Provisioning Status Codes",
    on=tuple(Occasion),
    depth=Depth.GROUND,
    region=Region.PROJECT,
    explains={*SERVICE_EFFECTS, *POD_EFFECTS},
    faults=(
        Fault(
            "router, network, node's port, trunk, floating IP, listener, pool or member in ERROR, "
            "DOWN or DEGRADED",
            "requests through it get no answer, or not always",
        ),
    ),
)
def check_resource_states(look: Look) -> Iterator[Cause | CouldNotLook]:
    """Switched-off resources are left out: their state follows from that."""
    found: dict[tuple[str, str, Status], list[_Part]] = defaultdict(list)
    for part in _parts(look):
        if isinstance(part, CouldNotLook):
            yield part
        elif part.is_up:
            for name, value, bad in part.states:
                if value in bad:
                    found[name, value, bad[value]].append(part)
    for (name, value, status), parts in found.items():
        victims = tuple(dict.fromkeys(victim for part in parts for victim in part.victims))
        yield Cause(
            status=status,
            evidence=f"{name} {value}: {some([part.what for part in parts])}",
            remedy=_remedy(parts[0]),
            victims=victims,
            own=bool(victims),
        )


def _remedy(part: _Part) -> str:
    if part.balancer:
        return f"{SEE_WORKER}; openstack loadbalancer failover {part.balancer}: new amphorae for it"
    return (
        "check that the agent or chassis responsible for it is alive: openstack network agent "
        "list; then the log of Neutron's server about the resource"
    )


def _parts(look: Look) -> Iterator[_Part | CouldNotLook]:
    """All parts that packets of pods and Services pass; before Kuryr, those of nodes alone."""
    there = (_router, _networks, _node_ports)
    kinds = there if look.is_ahead else (*there, _pod_ports, _trunks, _balancers, _floating_ips)
    return each(partial(kind, look) for kind in kinds)


def _neutrons(kind: str, name: str, item_id: str) -> tuple[str, str]:
    """The name of a Neutron resource, and the command that switches it on."""
    what = f"{kind.removeprefix('network ')} {name or item_id}"
    return what, f"openstack {kind} set --enable {item_id}"


def _router(look: Look) -> Iterator[_Part]:
    router = _known_router(look)
    if router is None:
        return
    states = (("status", router.status, BROKEN),)
    called = _neutrons("router", router.name, router.id)
    yield _Part(*called, router.admin_state_up, states, ())
    for port in look.ports.values():
        if port.device_id == router.id:
            yield _port(f"router leg {port.addresses}", port, (), is_bound=False)


def _known_router(look: Look) -> Router | None:
    """Before Kuryr is there it may be missing: phase 02 creates it."""
    if not look.is_ahead:
        return look.router
    return look_up(look.cloud.routers, wanted.router(look.site), look.cloud)


def _networks(look: Look) -> Iterator[_Part]:
    nodes, router = look.node_subnet, _known_router(look)
    subnets = (nodes,) if look.is_ahead else (nodes, look.pod_subnet, look.service_subnet)
    own = {it.network_id for it in subnets}
    gateway = router.gateway if router else None
    used = own | ({gateway.network_id} if gateway else set())
    if hidden := own - {it.id for it in look.networks}:
        raise CouldNotLook(f"network {', '.join(sorted(hidden))} of the site is not visible")
    for network in look.networks:
        if network.id in used:
            called = _neutrons("network", network.name, network.id)
            states = (("status", network.status, BROKEN),)
            yield _Part(*called, network.admin_state_up, states, ())


def _port(what: str, port: Port, victims: tuple[Victim, ...], *, is_bound: bool) -> _Part:
    """A port, by its owner; `is_bound`: it has to be plugged on a host."""
    _, switch_on = _neutrons("port", port.name, port.id)
    states = (
        ("status", port.status, BROKEN if is_bound else LASTING),
        *((("binding:vif_type", port.vif_type or "", UNBOUND),) if is_bound else ()),
    )
    return _Part(f"{what}, port {port.id},", switch_on, port.admin_state_up, states, victims)


def _node_ports(look: Look) -> Iterator[_Part]:
    """Those of the API servers too, which need not be nodes."""
    for name, port in look.node_ports.items():
        if port is not None:
            yield _port(f"node {name}", port, (node_victim(name),), is_bound=True)
    nodes = {node.address for node in look.nodes}
    for address in {*look.api_servers} - nodes:
        port = look.node_subnet_ports.get(address)
        if port is not None:
            victims = (Victim("API server", address),)
            yield _port(f"API server {address}", port, victims, is_bound=True)


def _pod_ports(look: Look) -> Iterator[_Part]:
    """With nested-macvlan a pod's port only reserves its address, and Kuryr leaves it off."""
    if look.site.kuryr.vif_driver is VifDriver.NESTED_MACVLAN:
        return
    for pod, vif in look.plugged:
        port = look.ports.get(vif.port_id)
        if port is not None and look.is_old(pod.life.made):
            yield _port(str(pod), port, (pod_victim(pod),), is_bound=False)


def _trunks(look: Look) -> Iterator[_Part]:
    if not look.site.driver.needs_trunks:
        return
    for name, port in look.workers.items():
        trunk = look.trunks.get(port.id)
        if trunk is not None:
            called = _neutrons("network trunk", trunk.name, trunk.id)
            states = (("status", trunk.status, BROKEN),)
            yield _Part(*called, trunk.admin_state_up, states, (node_victim(name),))


def _balancers(look: Look) -> Iterator[_Part]:
    reported = WORKING | ({"OFFLINE": Status.WARN} if look.health_is_reported else {})
    patience = look.site.kuryr.lb_activation_seconds
    for balancer, victim in balancers(look):
        # Octavia is changing it; `balancer-state` reports one that takes too long.
        is_changing = balancer.provisioning.startswith("PENDING")
        settles = is_changing and not look.is_old(balancer.changed, patience)
        working = {} if settles else reported
        # One in ERROR has a check of its own, `balancer-state`. Its VIP's port is left out: Octavia
        # makes it administratively down, since only the amphorae's own ports carry packets.
        yield _octavias("", balancer, balancer.id, victim, {}, working)
        for listener in look.listeners_of(balancer):
            yield _octavias("listener", listener, balancer.id, victim, LASTING, working)
            pool = look.pool(listener)
            if pool is None:
                continue
            yield _octavias("pool", pool, balancer.id, victim, LASTING, working)
            for member in look.members(listener) or ():
                yield _Part(
                    f"member {member.address}:{member.port} of pool {pool.name or pool.id}",
                    f"openstack loadbalancer member set --enable {pool.id} {member.id}",
                    member.admin_state_up,
                    (),
                    (victim,),
                )


def _octavias(
    kind: str,
    item: Balancer | Listener | Pool,
    balancer: str,
    victim: Victim,
    lasting: Mapping[str, Status],
    working: Mapping[str, Status],
) -> _Part:
    """A part of a load balancer that is neither a member nor Neutron's."""
    command = " ".join(filter(None, ("openstack loadbalancer", kind, "set --enable", item.id)))
    states = (
        ("provisioning_status", item.provisioning, lasting),
        ("operating_status", item.operating, working),
    )
    what = f"{kind or 'load balancer'} {item.name or item.id}"
    return _Part(what, command, item.admin_state_up, states, (victim,), balancer)


def _floating_ips(look: Look) -> Iterator[_Part]:
    """Those of Services; one that points nowhere is rightly DOWN, and another check reports it."""
    at = {balancer.vip_port_id: victim for balancer, victim in balancers(look)}
    for address in look.floating_ips:
        victim = at.get(address.port_id) if address.port_id else None
        if victim is not None:
            states = (("status", address.status, BROKEN),)
            what = f"floating IP {address.address}"
            yield _Part(what, "", is_up=True, states=states, victims=(victim,))
