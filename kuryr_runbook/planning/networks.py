"""The part of phase 02's plan that is about networks, subnets and the router."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.addressing import Pool
from kuryr_runbook.model.marks import is_marked
from kuryr_runbook.model.plan import Action, Step, Target, field_changes, shown
from kuryr_runbook.planning.gathering import Gathering, Ref, Resource
from kuryr_runbook.specs.openstack import SubnetSpec

REPAIRABLE = frozenset({"enable_dhcp", "allocation_pools"})
"""Fields of a subnet that can change under running pods without harm."""


def use_external_network(gathering: Gathering, name: str, given_id: str | None) -> str:
    """The network of the floating IPs, which has to exist; gives its id."""
    network = gathering.found("network", name, given_id, "network.external_network")
    if network is None:
        return ""
    if not network["router:external"]:
        gathering.problems.append(f"network {name} should be external (router:external) and is not")
    gathering.keep("network", name, network, "external network: floating IPs come from it")
    return str(network["id"])


def use_node_subnet(gathering: Gathering, name: str, given_id: str | None) -> Resource | None:
    """The subnet of the nodes, which has to exist; None when it does not."""
    subnet = gathering.found("subnet", name, given_id, "network.node_subnet")
    if subnet is not None:
        gathering.keep("subnet", name, subnet, "node subnet: the nodes are attached to it")
    return subnet


def plan_router(gathering: Gathering, external: str) -> Ref:
    """The router that joins nodes, pods and services; its gateway is on the external network."""
    name = gathering.spec.router
    router = gathering.find("router", name, None, "network.router")
    if router is None:
        body = {"name": name, "external_gateway_info": {"network_id": external}}
        return gathering.create("router", name, body, "there is none of that name")
    gateway = (router["external_gateway_info"] or {}).get("network_id")
    if gateway is None and gathering.owns(router):
        body = {"external_gateway_info": {"network_id": external}}
        because = "has lost its gateway on the external network"
        gathering.update_step(Target("router", name), router, body, because)
        return str(router["id"])
    if gateway != external:
        gathering.problems.append(
            f"router {name} should have its gateway on network {gathering.spec.external_network} "
            f"({external}) and has {gateway or 'none'}"
        )
    return gathering.keep(
        "router", name, router, "exists, with its gateway on the external network"
    )


def plan_interface(gathering: Gathering, router: Ref, subnet: Ref, subnet_name: str) -> None:
    """A leg of the router in the subnet."""
    target = Target("router_interface", subnet_name)
    port = next((p for p in gathering.snapshot.of("port") if _is_leg(p, router, subnet)), None)
    if port is not None:
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, id=port["id"], because="the router has it")
        )
        return
    subnet_there = gathering.snapshot.by_id("subnet", str(subnet))
    if subnet_there is not None and (holder := _gateway_holder(gathering, subnet_there)):
        gathering.problems.append(
            f"subnet {subnet_name}: its gateway {subnet_there['gateway_ip']} should be router "
            f"{gathering.spec.router}'s and is that of port {holder['id']} "
            f"({holder['device_owner'] or 'no owner'} {holder['device_id']})"
        )
    body = {"router_id": router, "subnet_id": subnet}
    gathering.steps.append(
        Step(
            action=Action.CREATE,
            target=target,
            because=f"router {gathering.spec.router} has no leg in subnet {subnet_name}",
            body=body,
            changes=field_changes(body),
        )
    )


def _gateway_holder(gathering: Gathering, subnet: Resource) -> Resource | None:
    address = {"subnet_id": subnet["id"], "ip_address": subnet["gateway_ip"]}
    ports = gathering.snapshot.of("port")
    return next((port for port in ports if address in port["fixed_ips"]), None)


def plan_network(gathering: Gathering, name: str, node_network: Resource | None) -> Ref:
    """The network of the services: as wide as the nodes', and with port security for the VIPs."""
    network = gathering.find("network", name, None, "network.service_subnet.network")
    if network is None:
        return gathering.create("network", name, {"name": name}, "there is none of that name")
    # Where Neutron shows no MTU there is nothing to compare (extension net-mtu).
    mtu = (node_network or {}).get("mtu") or 0
    wanted: dict[str, Any] = {}
    told: list[str] = []
    if not network["port_security_enabled"]:
        wanted["port_security_enabled"] = True
        told.append("has port security off: Octavia makes no VIP in it")
    if (network["mtu"] or mtu) < mtu:
        wanted["mtu"] = mtu
        told.append(
            f"should have an MTU of {mtu}, the nodes', and has {network['mtu']}: answers of load "
            "balancers would not fit"
        )
    if not wanted:
        return gathering.keep("network", name, network, "exists and fits: services")
    if not gathering.owns(network):
        gathering.problems.extend(f"network {name} {what}" for what in told)
    gathering.update_step(Target("network", name), network, wanted, "; ".join(told))
    return str(network["id"])


def plan_subnet(gathering: Gathering, spec: SubnetSpec, network: Ref) -> Ref:
    """A subnet that Kuryr takes addresses from; one that exists has to fit."""
    subnet = gathering.find("subnet", spec.name, spec.given_id, spec.key)
    if subnet is None:
        body = {
            "name": spec.name,
            "network_id": network,
            "ip_version": 4,
            "cidr": str(spec.cidr),
            "gateway_ip": str(spec.gateway),
            "enable_dhcp": False,
            "allocation_pools": _pools(spec),
        }
        return gathering.create("subnet", spec.name, body, f"there is none yet: {spec.role}")
    if not spec.given_id and is_marked(subnet["description"]) and not gathering.owns(subnet):
        gathering.problems.append(
            f"subnet {spec.name} is another cluster's or site's ({subnet['description']}): name "
            f"another; if that one is gone, describe the subnet as {gathering.spec.owner!r}"
        )
    misfits = _misfits(spec, subnet, network)
    if misfits and gathering.owns(subnet) and misfits.keys() <= REPAIRABLE:
        body = {name: wanted for name, (wanted, _) in misfits.items()}
        because = f"exists and does not fit: {spec.role}"
        gathering.update_step(Target("subnet", spec.name), subnet, body, because)
        return str(subnet["id"])
    gathering.problems.extend(
        f"subnet {spec.name}: {name} should be {shown(wanted)} and is {shown(read)}"
        for name, (wanted, read) in misfits.items()
    )
    return gathering.keep("subnet", spec.name, subnet, f"exists and fits: {spec.role}")


def refuse_overlaps(gathering: Gathering, node_cidr: IPv4Network) -> None:
    """Pods and services stay out of the nodes' range, which only the cloud knows."""
    for subnet in (gathering.spec.pod_subnet, gathering.spec.service_subnet):
        if subnet.cidr.overlaps(node_cidr):
            gathering.problems.append(
                f"subnet {subnet.name} {subnet.cidr} overlaps the node subnet {node_cidr}"
            )


def _is_leg(port: Resource, router: Ref, subnet: Ref) -> bool:
    return (
        str(port["device_owner"]).startswith("network:router_interface")
        and port["device_id"] == router
        and any(fixed["subnet_id"] == subnet for fixed in port["fixed_ips"])
    )


def _misfits(spec: SubnetSpec, subnet: Resource, network: Ref) -> dict[str, tuple[Any, Any]]:
    """How an existing subnet differs from what Kuryr needs of it: by field, wanted and read."""
    pools = [
        Pool(IPv4Address(pool["start"]), IPv4Address(pool["end"]))
        for pool in subnet["allocation_pools"]
    ]
    inside = all(pool.first in spec.pool and pool.last in spec.pool for pool in pools)
    wanted = {
        "network_id": network,
        "cidr": str(spec.cidr),
        "gateway_ip": str(spec.gateway),
        "enable_dhcp": False,
        "allocation_pools": subnet["allocation_pools"] if inside else _pools(spec),
    }
    return {name: (value, subnet[name]) for name, value in wanted.items() if subnet[name] != value}


def _pools(spec: SubnetSpec) -> list[dict[str, str]]:
    return [{"start": str(spec.pool.first), "end": str(spec.pool.last)}]
