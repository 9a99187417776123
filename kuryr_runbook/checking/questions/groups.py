"""Do security groups admit Kuryr's traffic, and not much more?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    node_victim,
    phase,
    pod_victim,
    readable,
    some,
)
from kuryr_runbook.checking.view.cloud import Look, ipv4_range
from kuryr_runbook.model.addressing import api_service_address
from kuryr_runbook.model.drivers import GroupRole
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Port, Rule
from kuryr_runbook.specs.openstack import balancer_source

Guarded = tuple[tuple[str, ...], Port, list[Victim]]
"""Security groups, one of the ports with exactly these, and the victims behind all of them."""


def _open_by_design(site: Site) -> str:
    if site.kuryr.network_policies:
        return "pods that no network policy selects have to admit everybody"
    open_to_all = site.provider.keeps_client_address
    return f"with {site.kuryr.octavia_provider} pods have to admit everybody" if open_to_all else ""


def _no_policies(site: Site) -> str:
    if not site.kuryr.network_policies:
        return "network policies are off"
    return "" if site.driver.needs_trunks else f"{site.kuryr.vif_driver} has no subports"


@Check(
    "policy-firewall",
    "Neutron enforces the groups of pods' ports",
    "openshift/installer, docs/user/openstack/kuryr.md: with ML2/OVS the firewall driver has to be "
    "openvswitch; the hybrid one does not filter subports",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    moot=_no_policies,
    depth=Depth.GROUND,
    region=Region.GUARDS,
    faults=(
        Fault(
            "ML2/OVS with the firewall driver iptables_hybrid, under network policies",
            "nothing, until somebody abuses it",
            "`policy-firewall`, also in preflight; unknown, if Neutron hides how ports are bound",
        ),
    ),
)
def check_firewall(look: Look) -> Iterator[Cause]:
    """Policies then look enforced, and every pod is open."""
    hybrid = {name: port for name, port in look.workers.items() if port.hybrid_plug}
    if hybrid:
        port = next(iter(hybrid.values()))
        yield Cause(
            status=Status.FAIL,
            evidence=f"port {port.id} is plugged with a Linux bridge (ovs_hybrid_plug): groups of "
            f"subports have no effect on {some([*hybrid])}",
            remedy="set firewall_driver = openvswitch on the hypervisors, by the cloud's "
            "operators, and start the nodes again; or kuryr.network_policies: false",
            victims=tuple(map(node_victim, hybrid)),
        )
    elif not look.workers or any(port.hybrid_plug is None for port in look.workers.values()):
        raise CouldNotLook(
            "Neutron does not show how the nodes' ports are bound",
            "ask the cloud's operators whether firewall_driver is openvswitch, or ML2/OVN is used; "
            "not iptables_hybrid",
        )


@Check(
    "service-subnet-rule",
    "Security groups admit the load balancers",
    "kuryr-kubernetes, doc/source/installation/services.rst: in layer-3 mode, members get requests "
    "from the service subnet",
    region=Region.GUARDS,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault("rule for the service subnet removed", "services time out, load balancer ACTIVE"),
    ),
)
def check_service_rule(look: Look) -> Iterator[Cause]:
    """With MACVLAN the group of the worker's port matters, with other drivers the pod's own."""
    source = balancer_source(look.site)
    for groups, port, victims in _guarded(look):
        if look.admits(groups, source):
            continue
        names = _names(look, groups)
        yield Cause(
            status=Status.FAIL,
            evidence=f"no rule of {names} admits {source}, IPv4, any protocol: load balancers "
            f"cannot reach pods behind {_count(port, victims)}",
            remedy=f"openstack security group rule create --ingress --ethertype IPv4 --remote-ip "
            f"{source} {_first(look, groups)}; or {phase('openstack_prep')}, which adds it",
            victims=tuple(victims),
            fixes=(PhaseFix("openstack_prep"),),
        )


@Check(
    "pod-traffic-rule",
    "Security groups let pods reach each other",
    "neutron: a group admits its own members only by a rule with itself as remote group",
    region=Region.GUARDS,
    faults=(
        Fault(
            "rule for the group's own members removed",
            "pods on different nodes cannot reach each other",
        ),
    ),
)
def check_self_rule(look: Look) -> Iterator[Cause]:
    """By the group itself, or by the pods' range."""
    pods = ipv4_range(look.pod_subnet.cidr)
    for groups, port, victims in _guarded(look):
        by_group = any(look.admits(groups, group) for group in groups)
        if by_group or (pods is not None and look.admits(groups, pods)):
            continue
        name = _first(look, groups)
        yield Cause(
            status=Status.FAIL,
            evidence=f"no rule of {_names(look, groups)} admits its own members or {pods}: pods "
            f"behind {_count(port, victims)} cannot be reached by others",
            remedy=f"openstack security group rule create --ingress --ethertype IPv4 "
            f"--remote-group {name} {name}; or {phase('openstack_prep')}, which adds it",
            victims=tuple(victims),
            fixes=(PhaseFix("openstack_prep"),),
        )


@Check(
    "api-rule",
    "Security groups let the API's load balancer reach the API servers",
    "kuryr-kubernetes, doc/source/installation/manual.rst: the API has a load balancer of its own",
    faults=(Fault("rule for the API's load balancer removed", "pods cannot reach the API"),),
)
def check_api_rule(look: Look) -> Iterator[Cause]:
    """Its members are in the nodes' subnet, so requests come from there."""
    vip = str(api_service_address(look.site.kubernetes.service_cidr))
    nodes = ipv4_range(look.node_subnet.cidr)
    if nodes is None:
        raise CouldNotLook("the range of the nodes' subnet cannot be read")
    at = {fixed.address: port for port in look.ports.values() for fixed in port.fixed_ips}
    for balancer in look.balancers_at.get(vip, []):
        for listener in look.listeners_of(balancer):
            for member in look.members(listener) or ():
                port = at.get(member.address)
                if port is None or port.port_security is False or member.port is None:
                    continue
                if not look.admits(port.groups, nodes, member.port):
                    yield Cause(
                        status=Status.FAIL,
                        evidence=f"no rule of {_names(look, port.groups)} admits TCP "
                        f"{member.port} from {nodes} at port {port.id} of {member.address}",
                        remedy=f"openstack security group rule create --ingress --protocol tcp "
                        f"--dst-port {member.port} --remote-ip {nodes} "
                        f"{_first(look, port.groups)}; or {phase('openstack_prep')}",
                        victims=(Victim("API server", member.address),),
                        fixes=(PhaseFix("openstack_prep"),),
                    )


@Check(
    "group-too-open",
    "No security group of nodes or pods admits everybody",
    "neutron: a rule without a remote range admits the whole world, by a floating IP too",
    moot=_open_by_design,
    faults=(Fault("a rule that admits everybody", "nothing, until somebody abuses it"),),
)
def check_too_open(look: Look) -> Iterator[Cause]:
    """Every protocol, or every TCP or UDP port, from anywhere."""
    groups = {group for groups, _, _ in _guarded(look) for group in groups}
    open_rules = [
        rule for rule in readable(look.cloud.rules)
        if rule.security_group_id in groups and _admits_all(rule)
    ]  # fmt: skip
    by_group: dict[str, list[Rule]] = defaultdict(list)
    for rule in open_rules:
        by_group[rule.security_group_id].append(rule)
    for group, rules in by_group.items():
        name = look.groups.get(group, group)
        details = [f"rule {it.id}: {it.ethertype} {it.protocol or 'any protocol'}" for it in rules]
        yield Cause(
            status=Status.WARN,
            evidence=f"{name} admits everybody: {some(details)}",
            remedy=f"openstack security group rule delete {rules[0].id}; "
            f"the rules that are needed are added by {phase('openstack_prep')}",
            victims=(Victim("security group", name),),
        )


def _guarded(look: Look) -> list[Guarded]:
    """The ports whose groups apply to packets for pods, those with the same groups together.

    A port without port security admits everything, and what one in a policy's group admits is up to
    the policy. Raises CouldNotLook if no port is known.
    """
    found: dict[tuple[str, ...], tuple[Port, list[Victim]]] = {}
    if look.site.driver.admitting_group is GroupRole.NODE:
        ports = ((port, node_victim(name)) for name, port in look.workers.items())
    else:
        ports = (
            (port, pod_victim(pod))
            for pod, vif in look.plugged
            if (port := look.ports.get(vif.port_id)) is not None
        )
    for port, victim in ports:
        if port.port_security is not False and not look.is_policed(port):
            found.setdefault(tuple(sorted(port.groups)), (port, []))[1].append(victim)
    if not found and look.pods and not look.workers:
        raise CouldNotLook("no port of a node is known")
    return [(groups, port, victims) for groups, (port, victims) in found.items()]


def _admits_all(rule: Rule) -> bool:
    limited = rule.remote_group_id or rule.remote_address_group_id
    anybody = limited is None and rule.remote_ip_prefix in (None, "0.0.0.0/0", "::/0")
    low, high = rule.port_range_min, rule.port_range_max
    every_port = low is None or (low <= 1 and high == 65535)
    wide = rule.protocol is None or (rule.protocol in ("tcp", "udp", "6", "17") and every_port)
    return rule.direction == "ingress" and anybody and wide


def _names(look: Look, groups: tuple[str, ...]) -> str:
    return ", ".join(look.groups.get(group, group) for group in groups) or "no group"


def _first(look: Look, groups: tuple[str, ...]) -> str:
    """The group to add a rule to: the site's own, if the port is in it."""
    network = look.site.network
    chosen = {network.node_security_group, network.pod_security_group}
    names = {group: look.groups.get(group, group) for group in groups}
    own = [name for group, name in names.items() if chosen & {group, name}]
    return next(iter(own or names.values()), "GROUP")


def _count(port: Port, victims: list[Victim]) -> str:
    if len(victims) == 1:
        return f"port {port.id}"
    return f"{counted(len(victims), 'port')} such as {port.id}"
