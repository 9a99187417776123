"""The work by openstacksdk as its documentation shows it: find, then create, one by one.

python sdk.py WORK.json, with OS_CLOUD set.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import openstack


def main(work: dict[str, Any]) -> None:
    cloud = openstack.connect()
    nodes = cloud.network.find_subnet(work["node_subnet"], ignore_missing=False)
    make_networks(cloud.network, work, nodes)
    group = make_groups(cloud.network, work)
    for address in work["node_addresses"]:
        port = next(cloud.network.ports(fixed_ips=f"ip_address={address}"))
        if group.id not in port.security_group_ids:
            groups = [*port.security_group_ids, group.id]
            cloud.network.update_port(port, security_group_ids=groups)
    make_balancer(cloud, work["balancer"], work["owner"], nodes)


def make_networks(network: Any, work: dict[str, Any], nodes: Any) -> None:
    external = network.find_network(work["external_network"], ignore_missing=False)
    router = network.find_router(work["router"]) or network.create_router(
        name=work["router"],
        description=work["owner"],
        external_gateway_info={"network_id": external.id},
    )
    name = work["service_network"]
    services = network.find_network(name) or network.create_network(
        name=name, description=work["owner"]
    )
    subnets = [nodes]
    for wanted in work["subnets"]:
        subnet = network.find_subnet(wanted["name"]) or network.create_subnet(
            name=wanted["name"],
            network_id=services.id if wanted["network"] else nodes.network_id,
            ip_version=4,
            cidr=wanted["cidr"],
            gateway_ip=wanted["gateway"],
            allocation_pools=[{"start": wanted["first"], "end": wanted["last"]}],
            is_dhcp_enabled=False,
            description=work["owner"],
        )
        subnets.append(subnet)
    for subnet in subnets:
        legs = network.ports(device_id=router.id, fixed_ips=f"subnet_id={subnet.id}")
        if not any(legs):
            network.add_interface_to_router(router, subnet_id=subnet.id)


def make_groups(network: Any, work: dict[str, Any]) -> Any:
    """Both groups with their rules; gives back that of the nodes."""
    groups = {
        name: network.find_security_group(name)
        or network.create_security_group(name=name, description=work["owner"])
        for name in (work["pod_group"], work["node_group"])
    }
    for rule in work["rules"]:
        group = groups[rule["group"]]
        wanted = {
            "direction": "ingress",
            "ether_type": "IPv4",
            "protocol": "tcp" if rule["port"] else None,
            "port_range_min": rule["port"],
            "port_range_max": rule["port"],
            "remote_ip_prefix": rule["prefix"],
            "remote_group_id": groups[rule["remote_group"]].id if rule["remote_group"] else None,
        }
        present = network.security_group_rules(security_group_id=group.id)
        if not any(all(have[key] == want for key, want in wanted.items()) for have in present):
            network.create_security_group_rule(
                security_group_id=group.id, description=work["owner"], **wanted
            )
    return groups[work["node_group"]]


def make_balancer(cloud: Any, wanted: dict[str, Any], owner: str, nodes: Any) -> None:
    """Octavia takes the next part only when the load balancer is ACTIVE again."""
    octavia, part = cloud.load_balancer, wanted["part"]
    balancer = octavia.find_load_balancer(wanted["name"])
    if balancer is None:
        subnet = cloud.network.find_subnet(wanted["subnet"], ignore_missing=False)
        balancer = octavia.create_load_balancer(
            name=wanted["name"],
            description=owner,
            vip_subnet_id=subnet.id,
            vip_address=wanted["vip"],
        )
        octavia.wait_for_load_balancer(balancer.id)
    listener = octavia.find_listener(part)
    if listener is None:
        listener = octavia.create_listener(
            name=part,
            load_balancer_id=balancer.id,
            protocol="HTTPS",
            protocol_port=443,
            timeout_client_data=wanted["timeout"],
            timeout_member_data=wanted["timeout"],
        )
        octavia.wait_for_load_balancer(balancer.id)
    pool = octavia.find_pool(part)
    if pool is None:
        pool = octavia.create_pool(
            name=part, listener_id=listener.id, protocol="HTTPS", lb_algorithm="ROUND_ROBIN"
        )
        octavia.wait_for_load_balancer(balancer.id)
    present = {(member.address, member.protocol_port) for member in octavia.members(pool)}
    for member in wanted["members"]:
        if (member["address"], member["port"]) not in present:
            octavia.create_member(
                pool, address=member["address"], protocol_port=member["port"], subnet_id=nodes.id
            )
            octavia.wait_for_load_balancer(balancer.id)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
