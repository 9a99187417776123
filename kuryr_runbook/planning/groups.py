"""The part of phase 02's plan that is about security groups and the nodes' ports."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.model.rules import admits, lets_all_out
from kuryr_runbook.planning.gathering import Gathering, Ref, target_of
from kuryr_runbook.snapshots.cloud.resources import Port, Rule
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.openstack import GroupSpec, RuleSpec, Source

Body = dict[str, Any]
COMPARED = (
    "ethertype", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix",
    "remote_group_id", "remote_address_group_id",
)  # fmt: skip
"""The fields by which rules are compared."""


def plan_group(gathering: Gathering, spec: GroupSpec, node_cidr: IPv4Network) -> Ref:
    """A security group and what it must admit, by any rule; returns the group's id."""
    group = gathering.find(known(gathering.cloud.groups), spec.wanted)
    target, name = target_of(spec.wanted), spec.wanted.name
    ref: Ref
    if group is None:
        because = f"there is none yet: {spec.description}"
        ref = gathering.create(target, {"name": name}, because)
    else:
        ref = gathering.keep(target, group.id, f"exists: {spec.description}")
    rules = gathering.rules_of(group.id) if group is not None else []
    wanted = [_body(ref, rule, node_cidr) for rule in spec.rules]
    # Neutron lists rules in no particular order; plans for the same cloud should look the same.
    extra = sorted(
        (rule for rule in rules if _is_extra(rule, wanted)),
        key=lambda rule: (_target(name, _fields(rule)).name, rule.id),
    )
    staying = [rule for rule in rules if rule not in extra or not gathering.owns(rule)]
    for rule, body in zip(spec.rules, wanted, strict=True):
        _rule(gathering, name, rule, body, staying)
    _extra_rules(gathering, name, extra)
    if group is not None and gathering.owns(group) and not lets_all_out(rules):
        _let_out(gathering, name, ref)
    return ref


def _let_out(gathering: Gathering, group_name: str, group: Ref) -> None:
    """Create the rule that Neutron adds to every group again, if somebody deleted it."""
    body: Body = {"security_group_id": group, "direction": "egress", "ethertype": "IPv4"}
    gathering.create(_target(group_name, body), body, "missing: members of the group may send")


def _body(group: Ref, spec: RuleSpec, node_cidr: IPv4Network) -> Body:
    """The body of the request to Neutron."""
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
    gathering: Gathering, group_name: str, spec: RuleSpec, body: Body, rules: list[Rule]
) -> None:
    prefix = body.get("remote_ip_prefix")
    target = _target(group_name, body)
    source = IPv4Network(prefix) if prefix else str(body["remote_group_id"])
    if admits(rules, source=source, tcp_port=spec.tcp_port):
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, because=f"admitted: {spec.purpose}")
        )
        return
    gathering.create(target, body, f"missing: {spec.purpose}")


def _extra_rules(gathering: Gathering, group_name: str, extra: list[Rule]) -> None:
    """Unneeded rules: the runbook's own are deleted, those of others are shown and stay."""
    for rule in extra:
        target = Target("security_group_rule", f"{_target(group_name, _fields(rule)).name} (extra)")
        if not gathering.owns(rule):
            gathering.keep(target, rule.id, "somebody else's: it stays")
            continue
        because = "the runbook made it, and the site does not need it"
        gathering.steps.append(
            Step(action=Action.DELETE, target=target, id=rule.id, because=because)
        )


def _fields(rule: Rule) -> Body:
    names = ("security_group_id", "direction", *COMPARED)
    return {name: getattr(rule, name) for name in names}


def _target(group_name: str, rule: Body) -> Target:
    """A rule by its content: rules have no names."""
    protocol = str(rule.get("protocol") or "").upper()
    low, high = rule.get("port_range_min"), rule.get("port_range_max")
    ports = "" if low is None else f" {low}" if low == high else f" {low}-{high}"
    way = "from" if rule["direction"] == "ingress" else "to"
    what = f"{protocol}{ports}" if protocol else "all traffic"
    family = "" if rule["ethertype"] == "IPv4" else f" ({rule['ethertype']})"
    return Target("security_group_rule", f"{group_name}: {what} {way} {_source(rule)}{family}")


def _source(rule: Body) -> str:
    group = rule.get("remote_group_id")
    if prefix := rule.get("remote_ip_prefix"):
        return str(prefix)
    if group is not None:
        return "its own members" if group == rule["security_group_id"] else f"group {group}"
    addresses = rule.get("remote_address_group_id")
    return f"address group {addresses}" if addresses else "anywhere"


def _is_extra(rule: Rule, wanted: list[Body]) -> bool:
    fields = _fields(rule)
    same = (all(fields[name] == body.get(name) for name in COMPARED) for body in wanted)
    return rule.direction == "ingress" and not any(same)


def node_port(address: IPv4Address) -> Target:
    """What a step about the port of a node names."""
    return Target("port", f"node {address}")


def plan_node_ports(gathering: Gathering, group: Ref, node_subnet: str) -> None:
    """Every node's port has to be in the node group, and accept address pairs if needed."""
    for address in gathering.spec.node_addresses:
        port = gathering.port_at(node_subnet, str(address))
        if port is None:
            gathering.refuse(
                node_port(address),
                f"no Neutron port has the node address {address} in subnet "
                f"{gathering.spec.node_subnet.name}: check the kubelet's --node-ip",
            )
            continue
        if gathering.spec.needs_address_pairs and port.port_security is False:
            gathering.refuse(
                node_port(address),
                f"port {port.id} of node {address} has port security off: it accepts no "
                "allowed address pairs, which nested-macvlan needs",
            )
        _membership(gathering, port, group, address)


def _membership(gathering: Gathering, port: Port, group: Ref, address: IPv4Address) -> None:
    target, name = node_port(address), gathering.spec.node_group.wanted.name
    if group in port.groups:
        gathering.keep(target, port.id, f"is in group {name}")
        return
    groups = (list(port.groups), [*port.groups, group])
    gathering.update(target, port.id, {"security_groups": groups}, f"is not in group {name}")
