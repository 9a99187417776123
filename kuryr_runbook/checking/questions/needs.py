"""Do the quotas suffice for what the run makes, and for what Kuryr makes as soon as it runs?

Phases 02 and 05 make what they lack; Kuryr a port for each pod that waits for one, and a load
balancer for each Service. What is used up later is asked by `quotas`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, ip_network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, readable, warned
from kuryr_runbook.checking.view.cloud import look_up
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model import support
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.rules import admits
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.snapshots.cloud.lookup import Named, of_name
from kuryr_runbook.snapshots.cloud.quotas import Quota
from kuryr_runbook.snapshots.cluster.objects import Service
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs import wanted as names
from kuryr_runbook.specs.openstack import GroupSpec, Source, node_group, pod_group
from kuryr_runbook.specs.wanted import Wanted
from kuryr_runbook.specs.workload import balancer_name

Need = Mapping[str, int]
"""How many of a resource, by what for."""
Find = Callable[[PreflightLook], Need]

OWN_RULES = 2
"""Neutron gives each new security group two rules that let everything out."""


def _quota_of(name: str, what: str, resource: str, option: str) -> Callable[[Find], Check]:
    """A check that Neutron's quota of a resource has room for what a function says is needed."""

    def of(need: Find) -> Check:
        @Check(
            name,
            f"The quota of {what} suffices",
            "neutron: quota details",
            on=(Occasion.PREFLIGHT,),
        )
        def find(look: PreflightLook) -> Verdict:
            return _compared(_quota(look, resource), need(look), _raise(look, option))

        return find

    return of


@_quota_of("quota-network", "networks", "network", "--networks")
def check_networks(look: PreflightLook) -> Need:
    """The service network, when there is none."""
    wanted = names.service_network(look.site)
    if look.site.network.kuryr_service_subnet_id:
        return {"services": 0}
    return {"services": _missing(look, look.cloud.networks, wanted)}


@_quota_of("quota-subnet", "subnets", "subnet", "--subnets")
def check_subnets(look: PreflightLook) -> Need:
    """Pod subnet and service subnet."""
    return _subnets(look)


@_quota_of("quota-router", "routers", "router", "--routers")
def check_routers(look: PreflightLook) -> Need:
    """The router, when there is none."""
    return {"router": _missing(look, look.cloud.routers, names.router(look.site))}


@_quota_of("quota-security-group", "security groups", "security_group", "--secgroups")
def check_groups(look: PreflightLook) -> Need:
    """Node group and pod group."""
    groups = names.node_group(look.site), names.pod_group(look.site)
    return {it.name: _missing(look, look.cloud.groups, it) for it in groups}


@_quota_of(
    "quota-security-group-rule",
    "security group rules",
    "security_group_rule",
    "--secgroup-rules",
)
def check_rules(look: PreflightLook) -> Need:
    """What the two groups do not admit yet."""
    site = look.site
    groups = {names.node_group(site): node_group(site), names.pod_group(site): pod_group(site)}
    return {wanted.name: _rules(look, wanted, spec) for wanted, spec in groups.items()}


@_quota_of("quota-floating-ip", "floating IPs", "floatingip", "--floating-ips")
def check_floating_ips(look: PreflightLook) -> Need:
    """One for each Service of type LoadBalancer that gets its load balancer now."""
    waiting = [service for service in _waiting(look) if service.type == "LoadBalancer"]
    return {"Services": len(waiting), "the verification": _verification(look)}


@Check(
    "quota-port",
    "The quota of ports suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_ports(look: PreflightLook) -> Verdict:
    """One for each pod, load balancer and leg of the router.

    Enough for what is there now is a must; that the nodes could be filled with pods is not.
    """
    need = _ports(look)
    quota, nodes = _quota(look, "port"), look.nodes
    verdict, free = _compared(quota, need, _raise(look, "--ports")), quota.free
    plugged = sum(it.is_handled for it in look.all_pods if not it.is_finished)
    room = sum(node.pods for node in nodes if node.schedulable)
    if free is None or free < sum(need.values()) or free >= room - plugged:
        return verdict
    return warned(
        f"{verdict.evidence}; but the nodes take {room} pods, of which {plugged} have a port",
        f"raise the quota before the nodes fill up: {_raise(look, '--ports')}",
    )


@Check(
    "quota-load-balancer",
    "The quota of load balancers suffices",
    "octavia: quotas",
    on=(Occasion.PREFLIGHT,),
)
def check_balancers(look: PreflightLook) -> Verdict:
    """One for each Service, and one for the API."""
    quota = readable(look.cloud.balancer_quotas).get("loadbalancer")
    if quota is None:
        raise CouldNotLook("Octavia tells no quota of load balancers")
    remedy = "openstack loadbalancer quota set --loadbalancer NUMBER PROJECT, by the operators"
    return _compared(quota, _balancers(look), remedy)


def _compared(quota: Quota, need: Need, remedy: str) -> Verdict:
    wanted = sum(need.values())
    what = ", ".join(f"{count} for {purpose}" for purpose, count in need.items() if count)
    needed = f"{wanted} more needed{f': {what}' if what else ''}"
    if quota.free is None:
        return passed(f"no limit; {needed}")
    evidence = f"{quota.used} of {quota.limit} used; {needed}"
    if quota.free < wanted:
        return failed(evidence, f"raise it by {wanted - quota.free} at least: {remedy}")
    return passed(evidence)


def _quota(look: PreflightLook, resource: str) -> Quota:
    quota = readable(look.cloud.quotas).get(resource)
    if quota is None:
        raise CouldNotLook(f"Neutron tells no quota of {resource}")
    return quota


def _raise(look: PreflightLook, option: str) -> str:
    project = readable(look.cloud.project_id)
    return f"openstack quota set {option} NUMBER {project}, by the cloud's operators"


def _missing(look: PreflightLook, items: Iterable[Named] | Unreadable, wanted: Wanted) -> int:
    """1 when the run will make it, 0 when it is there."""
    if wanted.given_id:
        return 0
    return int(not of_name(readable(items), wanted.name, readable(look.cloud.project_id)))


def _subnets(look: PreflightLook) -> Need:
    site, subnets = look.site, look.cloud.subnets
    return {
        "pods": _missing(look, subnets, names.pod_subnet(site)),
        "services": _missing(look, subnets, names.service_subnet(site)),
    }


def _rules(look: PreflightLook, wanted: Wanted, spec: GroupSpec) -> int:
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


def _waiting(look: PreflightLook) -> list[Service]:
    """The cluster's Services, but for the verification's, that Kuryr makes a load balancer for."""
    have = {balancer.name for balancer in readable(look.cloud.balancers)}
    return [
        service
        for service in look.all_services
        if support.gets_balancer(look.site.release, service)
        and service.place not in {*have, balancer_name(look.site)}
    ]


def _verification(look: PreflightLook) -> int:
    """1 when the verification's Service still gets its load balancer."""
    have = {balancer.name for balancer in readable(look.cloud.balancers)}
    return int(balancer_name(look.site) not in have)


def _balancers(look: PreflightLook) -> Need:
    have = {balancer.name for balancer in readable(look.cloud.balancers)}
    api = look.site.network.api_load_balancer
    return {
        "the API": int(not is_id(api) and api not in have),
        "Services": len(_waiting(look)),
        "the verification": _verification(look),
    }


def _ports(look: PreflightLook) -> Need:
    """Octavia's own ports are of its own project, but for the one at the VIP."""
    site = look.site.verification
    pods = [pod for pod in look.all_pods if not pod.is_finished]
    ours = sum(pod.namespace == site.namespace for pod in pods)
    return {
        "pods that wait": sum(not pod.is_handled for pod in pods),
        "the verification's pods": max(0, site.replicas - ours),
        "load balancers": sum(_balancers(look).values()),
        "the router": sum(_subnets(look).values()),
    }
