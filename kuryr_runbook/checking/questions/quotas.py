"""Do the quotas have room for what the run and Kuryr create?

Phases 02 and 05 create what is missing; Kuryr a port for each pod that waits for one, and a load
balancer for each Service. Preflight counts all of that beforehand. Diagnosis reports what is used
up: a failure as soon as something waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, ip_network

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.questions.pools import pools_lack
from kuryr_runbook.checking.verdicts import CouldNotLook, each, passed, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model import support
from kuryr_runbook.model.findings import Region, Status, Verdict, Victim
from kuryr_runbook.model.marks import is_subnet_of
from kuryr_runbook.model.rules import admits
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.snapshots.cloud.lookup import Named, of_name
from kuryr_runbook.snapshots.cloud.quotas import Quota
from kuryr_runbook.snapshots.cluster.intents import Stated
from kuryr_runbook.snapshots.cluster.objects import Service
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs import wanted as names
from kuryr_runbook.specs.openstack import GroupSpec, Source, node_group, pod_group
from kuryr_runbook.specs.wanted import Wanted
from kuryr_runbook.specs.workload import balancer_name

Need = Mapping[str, int]
"""How many of a resource are needed, by purpose."""

OWN_RULES = 2
"""Neutron gives each new security group two rules that let everything out."""

PODS = frozenset({"pod-unhandled", "controller-ready", "controller-restarts", "port-orphaned"})
BALANCERS = frozenset({"balancer-missing", "controller-restarts"})
LISTENERS = frozenset({"listener-missing", "controller-restarts"})


@dataclass(frozen=True, slots=True)
class _Limited:
    """A resource that has a quota."""

    kind: str
    """Its name in the API."""
    option: str
    """The option that raises it."""
    need: Callable[[Look], Need] | None = None
    """How many will be created; None: not counted beforehand."""
    explains: frozenset[str] | None = None
    """The effects when it is used up; None: only the run creates it, not Kuryr later."""
    room: Callable[[Look, Quota], str] = lambda look, quota: ""
    """What would need more of it, if anything."""


@Check(
    "quota-neutron",
    "Neutron's quotas have room for networks, ports, floating IPs and groups",
    "neutron: quota details; a port for each pod and load balancer",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    depth=Depth.GROUND,
    region=Region.PROJECT,
    faults=(
        Fault(
            "quota of ports, floating IPs, groups used up",
            "new pods or services hang",
            "`quota-neutron`; from 90 % on a warning",
        ),
    ),
)
def check_neutron(look: Look) -> Iterator[Verdict | CouldNotLook]:
    """The quotas of the resources that Kuryr and the run create."""
    kinds = (
        _Limited("network", "--networks", _networks),
        _Limited("subnet", "--subnets", _subnets),
        _Limited("router", "--routers", _routers),
        _Limited("security_group", "--secgroups", _groups, BALANCERS),
        _Limited("security_group_rule", "--secgroup-rules", _rules, BALANCERS),
        _Limited("floatingip", "--floating-ips", _floating_ips, frozenset({"external-address"})),
        _Limited("port", "--ports", _ports, PODS | BALANCERS, _room_on_nodes),
    )
    quotas = readable(look.cloud.quotas)
    raising = f"openstack quota set {{}} {{}} {look.project}, by the cloud's operators"
    yield from _compared(look, quotas, kinds, raising)


@Check(
    "quota-octavia",
    "Octavia's quotas have room for load balancers and their parts",
    "octavia: quotas; a load balancer for each Service, a listener and a pool for each port",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    depth=Depth.GROUND,
    region=Region.PROJECT,
    faults=(
        Fault(
            "quota of load balancers or their parts used up",
            "new services hang",
            "`quota-octavia`; from 90 % on a warning",
        ),
    ),
)
def check_octavia(look: Look) -> Iterator[Verdict | CouldNotLook]:
    """Octavia reports the limits; usage was counted."""
    kinds = (
        _Limited("loadbalancer", "--loadbalancer", _balancers, BALANCERS),
        _Limited("listener", "--listener", explains=LISTENERS),
        _Limited("pool", "--pool", explains=LISTENERS),
        _Limited(
            "member", "--member", explains=frozenset({"members-differ", "controller-restarts"})
        ),
    )
    raising = f"openstack loadbalancer quota set {{}} {{}} {look.project}, by the operators"
    yield from _compared(look, readable(look.cloud.balancer_quotas), kinds, raising)


def _compared(
    look: Look, quotas: Mapping[str, Quota], kinds: Iterable[_Limited], raising: str
) -> Iterator[Verdict | CouldNotLook]:
    """A cause for each quota that is too low, or one pass with all of them."""
    enough: list[str] = []

    def compared(kind: _Limited) -> Iterator[Verdict]:
        quota = quotas.get(kind.kind)
        if quota is None:
            if kind.need is not None:
                raise CouldNotLook(f"the cloud reports no quota of {kind.kind}")
            return
        need = kind.need(look) if kind.need is not None and look.is_ahead else {}
        cause = _short(look, kind, quota, need, raising.format(kind.option, _enough(quota, need)))
        if cause is not None:
            yield cause
        else:
            enough.append(_usage(kind, quota, need))

    yield from each(partial(compared, kind) for kind in kinds)
    yield passed("; ".join(enough))


def _enough(quota: Quota, need: Need) -> int:
    """Twice as many as there are, or are needed."""
    return 2 * max(quota.limit, quota.used + sum(need.values()), 1)


def _short(look: Look, kind: _Limited, quota: Quota, need: Need, raising: str) -> Cause | None:
    """What is wrong with a quota, if anything is."""
    missing = 0 if quota.free is None else sum(need.values()) - quota.free
    evidence, full = _usage(kind, quota, need), quota.free == 0
    status = Status.WARN
    if missing > 0:
        status, remedy = Status.FAIL, f"raise it by {missing} at least: {raising}"
    elif room := kind.room(look, quota):
        evidence, remedy = f"{evidence}; but {room}", f"raise it before that: {raising}"
    elif kind.explains is not None and quota.is_nearly_used_up:
        evidence, remedy = f"{evidence}{': none is left' if full else ''}", raising
    else:
        return None
    return Cause(
        status=status,
        evidence=evidence,
        remedy=remedy,
        victims=(Victim("quota", kind.kind),),
        facts={"limit": quota.limit, "used": quota.used},
        explains=kind.explains if full and kind.explains else frozenset(),
    )


def _usage(kind: _Limited, quota: Quota, need: Need) -> str:
    used = "no limit" if quota.free is None else f"{quota.used} of {quota.limit} used"
    what = ", ".join(f"{count} for {purpose}" for purpose, count in need.items() if count)
    return f"{kind.kind}: {used}{f', {sum(need.values())} more needed: {what}' if what else ''}"


def _room_on_nodes(look: Look, quota: Quota) -> str:
    """A note if the nodes can take more pods than there can be ports, else empty."""
    if not look.is_ahead:
        return ""
    plugged = sum(it.is_handled for it in look.all_pods if not it.is_finished)
    room = sum(node.pods for node in look.nodes if node.schedulable)
    if quota.free is None or quota.free >= room - plugged:
        return ""
    return f"the nodes take {room} pods, of which {plugged} have a port"


def _networks(look: Look) -> Need:
    """The service network, if there is none."""
    wanted = names.service_network(look.site)
    services = 0
    if not look.site.network.kuryr_service_subnet_id:
        services = _missing(look, look.cloud.networks, wanted)
    return {"services": services, "namespaces": len(_spaces(look))}


def _spaces(look: Look) -> set[str]:
    """The namespaces that get a network, a subnet and a port of the router from Kuryr."""
    if not look.site.network.namespace_subnets.enabled:
        return set()
    having = [it.name for it in look.subnets if it.pool_id]
    return {
        it for it in look.namespaces_of_pods if not any(is_subnet_of(name, it) for name in having)
    }


def _routers(look: Look) -> Need:
    return {"router": _missing(look, look.cloud.routers, names.router(look.site))}


def _groups(look: Look) -> Need:
    groups = names.node_group(look.site), names.pod_group(look.site)
    found = {it.name: _missing(look, look.cloud.groups, it) for it in groups}
    return {**found, "network policies": len(_policies(look))}


def _policies(look: Look) -> list[Stated]:
    """The network policies for which Kuryr still makes a group, if it enforces them."""
    if not look.site.kuryr.network_policies:
        return []
    having = {*look.policy_groups.values()}
    found = readable(look.cluster.policies)
    return [it for it in found if f"{it.namespace}/{it.name}" not in having]


def _rules(look: Look) -> Need:
    """What the two groups do not admit yet."""
    site = look.site
    groups = {names.node_group(site): node_group(site), names.pod_group(site): pod_group(site)}
    found = {wanted.name: _rules_of(look, wanted, spec) for wanted, spec in groups.items()}
    return {**found, "network policies, at least": sum(it.rules for it in _policies(look))}


def _floating_ips(look: Look) -> Need:
    """One for each Service of type LoadBalancer that gets its load balancer now."""
    waiting = [service for service in _waiting(look) if service.type == "LoadBalancer"]
    return {"Services": len(waiting), "the verification": _verification(look)}


def _missing(look: Look, items: Iterable[Named] | Unreadable, wanted: Wanted) -> int:
    """1 if the run will create it, 0 if it exists."""
    if wanted.given_id:
        return 0
    return int(not of_name(readable(items), wanted.name, readable(look.cloud.project_id)))


def _subnets(look: Look) -> Need:
    site, subnets = look.site, look.cloud.subnets
    return {
        "pods": _missing(look, subnets, names.pod_subnet(site)),
        "services": _missing(look, subnets, names.service_subnet(site)),
        "namespaces": len(_spaces(look)),
    }


def _rules_of(look: Look, wanted: Wanted, spec: GroupSpec) -> int:
    """How many rules the run adds for a group."""
    group = look_up(look.cloud.groups, wanted, look.cloud)
    if group is None:
        return OWN_RULES + len(spec.rules)
    rules = [it for it in readable(look.cloud.rules) if it.security_group_id == group.id]
    node_cidr = ip_network(look.node_subnet.cidr)
    missing = 0
    for rule in spec.rules:
        source = node_cidr if rule.source is Source.NODE_SUBNET else rule.source
        sender = source if isinstance(source, IPv4Network) else group.id
        missing += not admits(rules, source=sender, tcp_port=rule.tcp_port)
    return missing


def _waiting(look: Look) -> list[Service]:
    """The Services, except the verification's, that get a load balancer from Kuryr."""
    having = {*_balancer_names(look), balancer_name(look.site)}
    return [
        service
        for service in look.all_services
        if support.gets_balancer(look.site.release, service) and service.place not in having
    ]


def _verification(look: Look) -> int:
    """1 if the verification's Service still gets its load balancer."""
    return int(balancer_name(look.site) not in _balancer_names(look))


def _balancer_names(look: Look) -> set[str]:
    return {balancer.name for balancer in readable(look.cloud.balancers)}


def _balancers(look: Look) -> Need:
    api = look.site.network.api_load_balancer
    return {
        "the API": int(not is_id(api) and api not in _balancer_names(look)),
        "Services": len(_waiting(look)),
        "the verification": _verification(look),
    }


def _ports(look: Look) -> Need:
    """Octavia's own ports belong to its own project, except for the one at the VIP."""
    site = look.site.verification
    pods = [pod for pod in look.all_pods if not pod.is_finished]
    ours = sum(pod.namespace == site.namespace for pod in pods)
    return {
        "pods that wait": sum(not pod.is_handled for pod in pods),
        "the verification's pods": max(0, site.replicas - ours),
        "pools of spare ports": pools_lack(look),
        "load balancers": sum(_balancers(look).values()),
        "the router": sum(_subnets(look).values()),
    }
