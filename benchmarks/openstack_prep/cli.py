"""The work by the openstack command: one list for each type, and one command for what is missing.

python cli.py WORK.json, with the interpreter beside which `openstack` is installed, OS_CLOUD set.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

OPENSTACK = str(Path(sys.executable).with_name("openstack"))


def run(*words: str) -> str:
    return subprocess.run([OPENSTACK, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def listed(*words: str) -> list[dict[str, Any]]:
    return list(json.loads(run(*words, "-f", "json")))


def create(*words: str) -> None:
    run(*words, "-f", "json")


def main(work: dict[str, Any]) -> None:
    make_networks(work)
    make_groups(work)
    make_balancer(work)


def make_networks(work: dict[str, Any]) -> None:
    description = ("--description", work["owner"])
    networks = {network["Name"] for network in listed("network", "list")}
    subnets = {subnet["Name"]: subnet for subnet in listed("subnet", "list")}
    routers = {router["Name"] for router in listed("router", "list")}
    if work["router"] not in routers:
        gateway = ("--external-gateway", work["external_network"])
        create("router", "create", work["router"], *gateway, *description)
    if work["service_network"] not in networks:
        create("network", "create", work["service_network"], *description)
    for subnet in work["subnets"]:
        if subnet["name"] in subnets:
            continue
        network = subnet["network"] or subnets[work["node_subnet"]]["Network"]
        create(
            *("subnet", "create", subnet["name"], "--network", network, *description),
            *("--subnet-range", subnet["cidr"], "--gateway", subnet["gateway"], "--no-dhcp"),
            *("--allocation-pool", f"start={subnet['first']},end={subnet['last']}"),
        )
    legs = {
        fixed["subnet_id"]
        for port in listed("port", "list", "--router", work["router"])
        for fixed in port["Fixed IP Addresses"]
    }
    for name in (work["node_subnet"], *(subnet["name"] for subnet in work["subnets"])):
        if name not in subnets or subnets[name]["ID"] not in legs:
            run("router", "add", "subnet", work["router"], name)


def make_groups(work: dict[str, Any]) -> None:
    names, description = (work["pod_group"], work["node_group"]), ("--description", work["owner"])
    groups = {group["Name"]: group["ID"] for group in listed("security", "group", "list")}
    present = listed("security", "group", "rule", "list", "--ingress")
    for name in names:
        if name not in groups:
            create("security", "group", "create", name, *description)
    for rule in work["rules"]:
        if any(is_rule(have, rule, groups) for have in present):
            continue
        remote = ("--remote-group", rule["remote_group"]) if rule["remote_group"] else ()
        prefix = ("--remote-ip", rule["prefix"]) if rule["prefix"] else ()
        port = ("--dst-port", str(rule["port"])) if rule["port"] else ()
        protocol = ("--protocol", "tcp" if rule["port"] else "any")
        create(
            *("security", "group", "rule", "create", rule["group"], *description),
            *(*remote, *prefix, *protocol, *port),
        )
    admit_nodes(work, groups.get(work["node_group"]))


def admit_nodes(work: dict[str, Any], group: str | None) -> None:
    """The nodes' ports are in the nodes' group; None when that was not there before."""
    for port in listed("port", "list", "--long"):
        addresses = {fixed["ip_address"] for fixed in port["Fixed IP Addresses"]}
        node = not addresses.isdisjoint(work["node_addresses"])
        if node and group not in port["Security Groups"]:
            run("port", "set", "--security-group", work["node_group"], port["ID"])


def is_rule(have: dict[str, Any], rule: dict[str, Any], groups: dict[str, str]) -> bool:
    """Whether a row of the list is this rule; the list shows no range as 0.0.0.0/0."""
    seen = [have[key] for key in ("Security Group", "Ethertype", "IP Protocol")]
    seen += [have[key] for key in ("Port Range", "IP Range", "Remote Security Group")]
    port = f"{rule['port']}:{rule['port']}" if rule["port"] else ""
    remote = groups.get(rule["remote_group"]) if rule["remote_group"] else None
    wanted = [groups.get(rule["group"]), "IPv4", "tcp" if rule["port"] else None]
    return seen == [*wanted, port, rule["prefix"] or "0.0.0.0/0", remote]


def make_balancer(work: dict[str, Any]) -> None:
    wanted, octavia = work["balancer"], "loadbalancer"
    part, protocol = wanted["part"], ("--protocol", "HTTPS")
    if not any(item["name"] == wanted["name"] for item in listed(octavia, "list")):
        create(
            *(octavia, "create", "--name", wanted["name"], "--description", work["owner"]),
            *("--vip-subnet-id", wanted["subnet"], "--vip-address", wanted["vip"], "--wait"),
        )
    if not any(item["name"] == part for item in listed(octavia, "listener", "list")):
        create(
            *(octavia, "listener", "create", "--name", part, *protocol),
            *("--timeout-client-data", str(wanted["timeout"])),
            *("--timeout-member-data", str(wanted["timeout"])),
            *("--protocol-port", "443", "--wait", wanted["name"]),
        )
    if not any(item["name"] == part for item in listed(octavia, "pool", "list")):
        create(
            *(octavia, "pool", "create", "--name", part, "--listener", part, *protocol),
            *("--lb-algorithm", "ROUND_ROBIN", "--wait"),
        )
    present = {
        (member["address"], member["protocol_port"])
        for member in listed(octavia, "member", "list", part)
    }
    for member in wanted["members"]:
        if (member["address"], member["port"]) not in present:
            create(
                *(octavia, "member", "create", "--address", member["address"], "--wait"),
                *("--protocol-port", str(member["port"]), "--subnet-id", work["node_subnet"], part),
            )


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
