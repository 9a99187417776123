"""Checks of quotas: what is free, against what the run will make.

That is what phases 02 and 05 lack, and what Kuryr makes as soon as it runs: a port for each pod
that waits for one, a load balancer for each Service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, ip_network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, readable, warned
from kuryr_runbook.checking.view.cloud import look_up
from kuryr_runbook.checking.view.permissions import (
    cluster,
    nodes_subnet,
    services,
)
from kuryr_runbook.model import support
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.rules import admits
from kuryr_runbook.model.services import Service
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.snapshots.cloud.lookup import Named, of_name
from kuryr_runbook.snapshots.cloud.quotas import Quota
from kuryr_runbook.snapshots.preflight import PreflightSnapshot
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs import wanted as names
from kuryr_runbook.specs.openstack import GroupSpec, Source, node_group, pod_group
from kuryr_runbook.specs.wanted import Wanted
from kuryr_runbook.specs.workload import balancer_name

Need = Mapping[str, int]
"""How many of a resource, by what for."""

OWN_RULES = 2
"""Neutron gives each new security group two rules that let everything out."""


@Check(
    "quota-network",
    "The quota of networks suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_networks(snapshot: PreflightSnapshot) -> Verdict:
    """The service network, when there is none."""
    return _judged(snapshot, "network", "--networks", _networks(snapshot))


@Check(
    "quota-subnet",
    "The quota of subnets suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_subnets(snapshot: PreflightSnapshot) -> Verdict:
    """Pod subnet and service subnet."""
    return _judged(snapshot, "subnet", "--subnets", _subnets(snapshot))


@Check(
    "quota-router",
    "The quota of routers suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_routers(snapshot: PreflightSnapshot) -> Verdict:
    """The router, when there is none."""
    need = {"router": _missing(snapshot, snapshot.cloud.routers, names.router(snapshot.site))}
    return _judged(snapshot, "router", "--routers", need)


@Check(
    "quota-security-group",
    "The quota of security groups suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_groups(snapshot: PreflightSnapshot) -> Verdict:
    """Node group and pod group."""
    groups = names.node_group(snapshot.site), names.pod_group(snapshot.site)
    need = {it.name: _missing(snapshot, snapshot.cloud.groups, it) for it in groups}
    return _judged(snapshot, "security_group", "--secgroups", need)


@Check(
    "quota-security-group-rule",
    "The quota of security group rules suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_rules(snapshot: PreflightSnapshot) -> Verdict:
    """What the two groups do not admit yet."""
    site = snapshot.site
    groups = {
        names.node_group(site): node_group(site),
        names.pod_group(site): pod_group(site),
    }
    need = {wanted.name: _rules(snapshot, wanted, spec) for wanted, spec in groups.items()}
    return _judged(snapshot, "security_group_rule", "--secgroup-rules", need)


@Check(
    "quota-floating-ip",
    "The quota of floating IPs suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_floating_ips(snapshot: PreflightSnapshot) -> Verdict:
    """One for each Service of type LoadBalancer that gets its load balancer now."""
    waiting = [service for service in _waiting(snapshot) if service.type == "LoadBalancer"]
    need = {"Services": len(waiting), "the verification": _verification(snapshot)}
    return _judged(snapshot, "floatingip", "--floating-ips", need)


@Check(
    "quota-port",
    "The quota of ports suffices",
    "neutron: quota details",
    on=(Occasion.PREFLIGHT,),
)
def check_ports(snapshot: PreflightSnapshot) -> Verdict:
    """One for each pod, load balancer and leg of the router.

    Enough for what is there now is a must; that the nodes could be filled with pods is not.
    """
    need = _ports(snapshot)
    verdict = _judged(snapshot, "port", "--ports", need)
    free = _quota(snapshot, "port").free
    pods, nodes = readable(cluster(snapshot).pods), readable(cluster(snapshot).nodes)
    plugged = sum(pod.wants_port and pod.plugged for pod in pods)
    room = sum(node.pods for node in nodes if node.schedulable)
    if free is None or free < sum(need.values()) or free >= room - plugged:
        return verdict
    return warned(
        f"{verdict.evidence}; but the nodes take {room} pods, of which {plugged} have a port",
        f"raise the quota before the nodes fill up: {_raise(snapshot, '--ports')}",
    )


@Check(
    "quota-load-balancer",
    "The quota of load balancers suffices",
    "octavia: quotas",
    on=(Occasion.PREFLIGHT,),
)
def check_balancers(snapshot: PreflightSnapshot) -> Verdict:
    """One for each Service, and one for the API."""
    quota = readable(snapshot.cloud.balancer_quotas).get("loadbalancer")
    if quota is None:
        raise CouldNotLook("Octavia tells no quota of load balancers")
    remedy = "openstack loadbalancer quota set --loadbalancer NUMBER PROJECT, by the operators"
    return _compared(quota, _balancers(snapshot), remedy)


def _judged(snapshot: PreflightSnapshot, resource: str, option: str, need: Need) -> Verdict:
    return _compared(_quota(snapshot, resource), need, _raise(snapshot, option))


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


def _quota(snapshot: PreflightSnapshot, resource: str) -> Quota:
    quota = readable(snapshot.cloud.quotas).get(resource)
    if quota is None:
        raise CouldNotLook(f"Neutron tells no quota of {resource}")
    return quota


def _raise(snapshot: PreflightSnapshot, option: str) -> str:
    project = readable(snapshot.cloud.project_id)
    return f"openstack quota set {option} NUMBER {project}, by the cloud's operators"


def _missing(
    snapshot: PreflightSnapshot, items: Iterable[Named] | Unreadable, wanted: Wanted
) -> int:
    """1 when the run will make it, 0 when it is there."""
    if wanted.given_id:
        return 0
    return int(not of_name(readable(items), wanted.name, readable(snapshot.cloud.project_id)))


def _networks(snapshot: PreflightSnapshot) -> Need:
    wanted = names.service_network(snapshot.site)
    if snapshot.site.network.kuryr_service_subnet_id:
        return {"services": 0}
    return {"services": _missing(snapshot, snapshot.cloud.networks, wanted)}


def _subnets(snapshot: PreflightSnapshot) -> Need:
    site, subnets = snapshot.site, snapshot.cloud.subnets
    return {
        "pods": _missing(snapshot, subnets, names.pod_subnet(site)),
        "services": _missing(snapshot, subnets, names.service_subnet(site)),
    }


def _rules(snapshot: PreflightSnapshot, wanted: Wanted, spec: GroupSpec) -> int:
    """How many rules the run adds for a group."""
    group = look_up(snapshot.cloud.groups, wanted, snapshot.cloud)
    if group is None:
        return OWN_RULES + len(spec.rules)
    rules = [it for it in readable(snapshot.cloud.rules) if it.security_group_id == group.id]
    node_cidr = ip_network(nodes_subnet(snapshot).cidr)
    missing = 0
    for rule in spec.rules:
        source = node_cidr if rule.source is Source.NODE_SUBNET else rule.source
        sender = source if isinstance(source, IPv4Network) else group.id
        missing += not admits(rules, source=sender, tcp_port=rule.tcp_port)
    return missing


def _waiting(snapshot: PreflightSnapshot) -> list[Service]:
    """The cluster's Services, but for the verification's, that Kuryr makes a load balancer for."""
    have = {balancer.name for balancer in readable(snapshot.cloud.balancers)}
    return [
        service
        for service in services(snapshot)
        if support.gets_balancer(snapshot.site.release, service)
        and str(service) not in {*have, balancer_name(snapshot.site)}
    ]


def _verification(snapshot: PreflightSnapshot) -> int:
    """1 when the verification's Service still gets its load balancer."""
    have = {balancer.name for balancer in readable(snapshot.cloud.balancers)}
    return int(balancer_name(snapshot.site) not in have)


def _balancers(snapshot: PreflightSnapshot) -> Need:
    have = {balancer.name for balancer in readable(snapshot.cloud.balancers)}
    api = snapshot.site.network.api_load_balancer
    return {
        "the API": int(not is_id(api) and api not in have),
        "Services": len(_waiting(snapshot)),
        "the verification": _verification(snapshot),
    }


def _ports(snapshot: PreflightSnapshot) -> Need:
    """Octavia's own ports are of its own project, but for the one at the VIP."""
    site = snapshot.site.verification
    pods = [pod for pod in readable(cluster(snapshot).pods) if pod.wants_port]
    ours = sum(pod.namespace == site.namespace for pod in pods)
    return {
        "pods that wait": sum(not pod.plugged for pod in pods),
        "the verification's pods": max(0, site.replicas - ours),
        "load balancers": sum(_balancers(snapshot).values()),
        "the router": sum(_subnets(snapshot).values()),
    }
