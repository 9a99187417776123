"""The part of phase 02's plan that is about security groups and the nodes' ports."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.model.rules import admits
from kuryr_runbook.planning.gathering import Gathering, Ref, Resource
from kuryr_runbook.specs.openstack import GroupSpec, RuleSpec, Source


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
    for rule in spec.rules:
        _rule(gathering, spec.name, ref, rule, rules, node_cidr)
    return ref


def _rule(
    gathering: Gathering,
    group_name: str,
    group: Ref,
    spec: RuleSpec,
    rules: list[Resource],
    node_cidr: IPv4Network,
) -> None:
    cidr = node_cidr if spec.source is Source.NODE_SUBNET else spec.source
    what = f"TCP {spec.tcp_port}" if spec.tcp_port else "all traffic"
    source = str(cidr) if isinstance(cidr, IPv4Network) else "its own members"
    target = Target("security_group_rule", f"{group_name}: {what} from {source}")
    wanted_from = cidr if isinstance(cidr, IPv4Network) else str(group)
    if admits(rules, source=wanted_from, tcp_port=spec.tcp_port):
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, because=f"admitted: {spec.purpose}")
        )
        return
    body: dict[str, Any] = {
        "security_group_id": group,
        "direction": "ingress",
        "ethertype": "IPv4",
    }
    if isinstance(cidr, IPv4Network):
        body["remote_ip_prefix"] = str(cidr)
    else:
        body["remote_group_id"] = group
    if spec.tcp_port:
        body |= {
            "protocol": "tcp",
            "port_range_min": spec.tcp_port,
            "port_range_max": spec.tcp_port,
        }
    gathering.create_step(target, body, f"missing: {spec.purpose}")


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
    gathering.steps.append(
        Step(
            action=Action.UPDATE,
            target=target,
            id=port["id"],
            because=f"is not in group {gathering.spec.node_group.name}",
            before={"security_groups": port["security_groups"]},
            body={"security_groups": [*port["security_groups"], group]},
        )
    )


def _has_address(port: Resource, subnet: str, address: IPv4Address) -> bool:
    return any(
        fixed["subnet_id"] == subnet and fixed["ip_address"] == str(address)
        for fixed in port["fixed_ips"]
    )
