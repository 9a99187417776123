"""Subnets of pods and namespaces: are they there, is there room, are pods in the right one?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.remedies import NOTHING, delete_pods, restart_controller
from kuryr_runbook.checking.verdicts import CouldNotLook, phase, pod_victim, readable, some
from kuryr_runbook.checking.view.cloud import Look, ipv4_range
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.marks import is_subnet_of
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.specs.wanted import namespace_pool

WAITING = frozenset({"pod-unhandled", "controller-ready", "controller-restarts"})
NEARLY = 0.9
"""The used part of the pool from which on it is reported."""


def _off(site: Site) -> str:
    return "" if site.network.namespace_subnets.enabled else "namespaces have no subnets"


@Check(
    "namespace-subnet",
    "Every namespace with pods has its subnet, on the router",
    "kuryr-kubernetes, controller/handlers/kuryrnetwork.py: network, subnet and router interface "
    "are made once, and noted in the KuryrNetwork",
    moot=_off,
    explains=WAITING,
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault("a namespace's subnet deleted", "new pods of that namespace hang"),
        Fault(
            "a namespace's subnet taken off the router",
            "pods of that namespace reach nobody outside of it",
        ),
    ),
)
def check_spaces(look: Look) -> Iterator[Cause]:
    """Kuryr does not look again at what it noted, so nothing repairs it.

    Once the note is empty, it makes the network again, or finds the one that is there.
    """
    there = {subnet.id: subnet for subnet in look.subnets}
    legs = look.router_legs
    for space, subnet_id in sorted(look.subnet_of_namespace.items()):
        subnet, victim = there.get(subnet_id), Victim("namespace", space)
        if subnet is None:
            yield Cause(
                status=Status.FAIL,
                evidence=f"its KuryrNetwork names subnet {subnet_id}, which is not there",
                remedy=f"kubectl -n {space} patch kuryrnetwork {space} --type=json -p {NOTHING}",
                victims=(victim,),
                reaches=_inside(space),
            )
        elif subnet_id not in legs:
            yield Cause(
                status=Status.FAIL,
                evidence=f"router {look.router.name} has no interface in subnet {subnet.name} "
                f"{subnet.cidr}",
                remedy=f"openstack router add subnet {look.router.id} {subnet_id}",
                victims=(victim,),
                explains=frozenset(),
            )
    yield from _waiting(look)


def _inside(*spaces: str) -> Callable[[Victim], bool]:
    """Whether a victim is in one of the namespaces, or in none."""
    return lambda victim: victim.namespace in ("", *spaces)


def _waiting(look: Look) -> Iterator[Cause]:
    """Namespaces whose pods have waited for a subnet long enough."""
    having = look.subnet_of_namespace
    late = sorted(
        {pod.namespace for pod in look.pods if look.is_overdue(pod) and look.vif(pod) is None}
        - having.keys()
    )
    if late:
        yield Cause(
            status=Status.FAIL,
            evidence=f"no subnet yet: {some(late)}",
            remedy=f"kubectl -n {late[0]} describe kuryrnetwork shows why, from Yoga on; else "
            f"{restart_controller(look)}",
            victims=tuple(Victim("namespace", name) for name in late),
            reaches=_inside(*late),
        )


@Check(
    "namespace-pool",
    "The subnet pool has room for more namespaces",
    "neutron: `Failed to allocate subnet: Insufficient prefix space`; a subnet for each namespace "
    "with pods",
    moot=_off,
    explains={"namespace-subnet", *WAITING},
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault(
            "the subnet pool of namespaces used up",
            "pods of new namespaces hang",
            "`namespace-pool`; a warning from 90 % on",
        ),
    ),
)
def check_pool(look: Look) -> Iterator[Cause]:
    """By its addresses; other projects may have taken some, so fewer may be left."""
    pool = look_up(look.cloud.subnet_pools, namespace_pool(look.site), look.cloud)
    if pool is None:
        raise CouldNotLook(f"there is no {namespace_pool(look.site)}", "see the check `drift`")
    ranges = [ipv4_range(prefix) for prefix in pool.prefixes]
    size = sum(it.num_addresses for it in ranges if it is not None)
    taken = [ipv4_range(it.cidr) for it in look.subnets if it.pool_id == pool.id]
    used = sum(it.num_addresses for it in taken if it is not None)
    one = IPv4Network((0, pool.prefix_length)).num_addresses
    if used < NEARLY * size:
        return
    full = used + one > size
    late = any(look.is_overdue(pod) and not look.subnet_of(pod.namespace) for pod in look.pods)
    yield Cause(
        status=Status.FAIL if full and late else Status.WARN,
        evidence=f"{counted(len(taken), 'subnet')} of pool {pool.name} take {used} of its {size} "
        f"addresses{': there is no room for another' if full else ''}",
        remedy="delete namespaces that nobody uses; or make network.namespace_subnets.cidr wider, "
        f"and openstack subnet pool set --pool-prefix RANGE {pool.id}, with that range",
        victims=(Victim("subnet pool", pool.name),),
        explains=None if full else frozenset(),
    )


@Check(
    "namespace-orphaned",
    "Every namespace's subnet has its namespace",
    "kuryr-kubernetes, controller/handlers/kuryrnetwork.py: the KuryrNetwork's finalizer",
    moot=_off,
    faults=(Fault("subnet of a namespace that is gone", "the subnet pool fills up"),),
)
def check_left(look: Look) -> Iterator[Cause]:
    """One that no KuryrNetwork names: it takes a subnet from the pool, and a port of the router."""
    noted = {*look.subnet_of_namespace.values()}
    spaces = {it.name for it in readable(look.cluster.namespaces)}
    left = [
        it
        for it in look.namespace_subnets
        if it.id not in noted and not any(is_subnet_of(it.name, space) for space in spaces)
    ]
    if left:
        first = left[0]
        yield Cause(
            status=Status.WARN,
            evidence=some([f"{it.name} {it.cidr}" for it in left]),
            remedy=f"openstack router remove subnet {look.router.id} {first.id}; then openstack "
            f"network delete {first.network_id}",
            victims=tuple(Victim("subnet", it.name) for it in left),
        )


@Check(
    "pod-subnet",
    "Every pod's port is in the pods' subnet, or its namespace's",
    "kuryr.conf: pod_subnet, or pod_subnets_driver and KuryrNetworks; routes, rules and the "
    "router's leg are for these",
    explains={"pod-port-differs"},
    faults=(Fault("pods with addresses of another subnet", "nobody reaches them"),),
)
def check_subnets(look: Look) -> Iterator[Cause]:
    """Those that were made while kuryr.conf named another one keep their address.

    So do those that were made before namespaces had subnets.
    """
    wanted, enabled = look.pod_subnet, look.site.network.namespace_subnets.enabled
    spaces = look.subnet_of_namespace if enabled else {}
    astray = [
        (pod, port)
        for pod, vif in look.plugged
        if (port := look.ports.get(vif.port_id)) is not None
        and port.fixed_ips
        and not port.is_in(wanted.id)
        and not port.is_in(spaces.get(pod.namespace, wanted.id))
    ]
    if astray:
        found = [f"{pod} has {', '.join(port.addresses)}" for pod, port in astray]
        alternative = " or of its namespace's" if spaces else ""
        yield Cause(
            status=Status.FAIL,
            evidence=f"not of subnet {wanted.name or wanted.id}{alternative}: {some(found)}",
            remedy=f"{phase('controller')}, if kuryr.conf names another subnet; then "
            f"{delete_pods(pod for pod, _ in astray)}: its successor gets another address",
            victims=tuple(pod_victim(pod) for pod, _ in astray),
            own=True,
        )
