"""The part of phase 02's plan that is about security groups and the nodes' ports."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.model.rules import admits, lets_all_out
from kuryr_runbook.planning.gathering import Gathering, Ref, Resource
from kuryr_runbook.snapshots.cloud.answers import Answer, rule_of
from kuryr_runbook.snapshots.cloud.resources import Rule
from kuryr_runbook.specs.openstack import GroupSpec, RuleSpec, Source

Body = dict[str, Any]


def plan_group(gathering: Gathering, spec: GroupSpec, node_cidr: IPv4Network) -> Ref:
    """A security group and what it must admit, by whichever rule; gives the group's id."""
    group = gathering.find("security_group", spec.name, spec.given_id, spec.key)
    rules: list[Resource] = []
    ref: Ref
    if group is None:
        body = {"name": spec.name}
        ref = gathering.create(
            "security_group", spec.name, body, f"there is none yet: {spec.description}"
        )
    else:
        ref = gathering.keep("security_group", spec.name, group, f"exists: {spec.description}")
        rules = [
            rule
            for rule in gathering.snapshot.of("security_group_rule")
            if rule["security_group_id"] == group["id"]
        ]
    wanted = [_body(gathering, ref, rule, node_cidr) for rule in spec.rules]
    # Neutron lists rules in no order; a plan of the same cloud always reads the same.
    extra = sorted(
        (rule for rule in rules if _is_extra(rule, wanted)),
        key=lambda rule: (_rule_target(spec.name, rule).name, rule["id"]),
    )
    staying = [rule for rule in rules if rule not in extra or not gathering.owns(rule)]
    for rule, body in zip(spec.rules, wanted, strict=True):
        _rule(gathering, spec.name, rule, body, staying)
    _extra_rules(gathering, spec.name, extra)
    if group is not None and gathering.owns(group) and not lets_all_out(map(_typed, rules)):
        _let_out(gathering, spec.name, ref)
    return ref


def _let_out(gathering: Gathering, group_name: str, group: Ref) -> None:
    """Make again what Neutron makes with every group, and somebody took away."""
    body: Body = {"security_group_id": group, "direction": "egress", "ethertype": "IPv4"}
    target = _rule_target(group_name, body)
    gathering.create_step(target, body, "missing: what has the group may send")


def _body(gathering: Gathering, group: Ref, spec: RuleSpec, node_cidr: IPv4Network) -> Body:
    """The rule as Neutron is asked for it."""
    cidr = node_cidr if spec.source is Source.NODE_SUBNET else spec.source
    body: Body = {"security_group_id": group, "direction": "ingress", "ethertype": "IPv4"}
    if isinstance(cidr, IPv4Network):
        body["remote_ip_prefix"] = str(cidr)
    else:
        body["remote_group_id"] = group
    if spec.tcp_port:
        ports = {"port_range_min": spec.tcp_port, "port_range_max": spec.tcp_port}
        body |= {"protocol": "tcp", **ports}
    return body


def _rule(
    gathering: Gathering, group_name: str, spec: RuleSpec, body: Body, rules: list[Resource]
) -> None:
    prefix = body.get("remote_ip_prefix")
    target = _rule_target(group_name, body)
    source = IPv4Network(prefix) if prefix else str(body["remote_group_id"])
    if admits(map(_typed, rules), source=source, tcp_port=spec.tcp_port):
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, because=f"admitted: {spec.purpose}")
        )
        return
    gathering.create_step(target, body, f"missing: {spec.purpose}")


def _extra_rules(gathering: Gathering, group_name: str, extra: list[Resource]) -> None:
    """Rules that nothing calls for: the runbook's own go, those of others are told and stay."""
    for rule in extra:
        target = Target("security_group_rule", f"{_rule_target(group_name, rule).name} (extra)")
        if gathering.owns(rule):
            gathering.delete_step(
                target, rule, "the runbook made it, and the site has no use of it"
            )
        else:
            because = "somebody else's: it stays"
            gathering.steps.append(
                Step(action=Action.KEEP, target=target, id=rule["id"], because=because)
            )


def _rule_target(group_name: str, rule: Resource) -> Target:
    """A rule by what it says: rules have no names."""
    protocol = str(rule.get("protocol") or "").upper()
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    ports = "" if low is None else f" {low}" if low == high else f" {low}-{high}"
    source = rule.get("remote_ip_prefix")
    if source is None:
        group = rule.get("remote_group_id")
        own = group is not None and group == rule["security_group_id"]
        source = "its own members" if own else f"group {group}" if group else "anywhere"
    way = "from" if rule["direction"] == "ingress" else "to"
    what = f"{protocol}{ports}" if protocol else "all traffic"
    family = "" if rule["ethertype"] == "IPv4" else f" ({rule['ethertype']})"
    return Target("security_group_rule", f"{group_name}: {what} {way} {source}{family}")


def _is_extra(rule: Resource, wanted: list[Body]) -> bool:
    return rule["direction"] == "ingress" and not any(_is_as(rule, body) for body in wanted)


def _is_as(rule: Resource, body: Body) -> bool:
    names = ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
    same_family = rule["ethertype"] == body["ethertype"]
    return same_family and all(rule[name] == body.get(name) for name in names)


def plan_node_ports(gathering: Gathering, group: Ref, node_subnet: str) -> None:
    """Every node's port is in the node group, and can carry address pairs if needed."""
    for address in gathering.spec.node_addresses:
        port = next(
            (p for p in gathering.snapshot.of("port") if _has_address(p, node_subnet, address)),
            None,
        )
        if port is None:
            gathering.problems.append(
                f"no Neutron port has the node address {address} in subnet "
                f"{gathering.spec.node_subnet}: is the kubelet's --node-ip another one?"
            )
            continue
        if gathering.spec.needs_address_pairs and not port["port_security_enabled"]:
            gathering.problems.append(
                f"port {port['id']} of node {address} has port security off: it takes no "
                "allowed address pairs, which nested-macvlan needs"
            )
        _membership(gathering, port, group, address)


def _membership(gathering: Gathering, port: Resource, group: Ref, address: IPv4Address) -> None:
    target = Target("port", f"node {address}")
    if group in port["security_groups"]:
        because = f"is in group {gathering.spec.node_group.name}"
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, id=port["id"], because=because)
        )
        return
    gathering.update_step(
        target,
        port,
        {"security_groups": [*port["security_groups"], group]},
        f"is not in group {gathering.spec.node_group.name}",
    )


def _typed(rule: Resource) -> Rule:
    return rule_of(Answer("security_group_rule", rule))


def _has_address(port: Resource, subnet: str, address: IPv4Address) -> bool:
    return any(
        fixed["subnet_id"] == subnet and fixed["ip_address"] == str(address)
        for fixed in port["fixed_ips"]
    )
