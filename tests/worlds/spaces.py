"""A world whose namespaces have subnets of their own, as Kuryr makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv4Network
from typing import Any

from worlds.objects import Item, metadata
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_network import NamespaceSubnets

POOL = IPv4Network("10.80.0.0/16")
UID = "0b8fdb0e-6e6e-4d0f-9c3a-0f3a0c3e5a11"
SPACES = NamespaceSubnets(enabled=True, cidr=POOL)


def with_spaces(site: Site, spaces: NamespaceSubnets = SPACES) -> Site:
    """The site with subnets for its namespaces."""
    network = site.network.model_copy(update={"namespace_subnets": spaces})
    return site.model_copy(update={"network": network})


def with_policies(site: Site) -> Site:
    """The site with network policies."""
    kuryr = site.kuryr.model_copy(update={"network_policies": True})
    return site.model_copy(update={"kuryr": kuryr})


def policed_world(release: str = "2024.1", driver: VifDriver = VifDriver.NESTED_VLAN) -> World:
    """The same with network policies: one for the first pod."""
    world = spaced_world(release, driver)
    world.site = with_policies(world.site)
    for name in ("r-pods", "r-pod-services", "r-kubelets"):
        world.remove("security_group_rule", name)
    world.add_rule("r-all", "g-pods", remote_ip_prefix="0.0.0.0/0", description=world.mark)
    for node in world.objects["Node"]:
        world.node_port(node["metadata"]["name"])["binding:vif_details"] = {"port_filter": True}
    add_policy(world, "closed", world.pod_name(0))
    world.configure()
    return world


def add_policy(world: World, name: str, pod: str) -> Item:
    """A policy for one pod, with what Kuryr makes for it; gives its KuryrNetworkPolicy."""
    space, selector = world.space, {"matchLabels": {"name": pod}}
    world.object("Pod", pod)["metadata"]["labels"]["name"] = pod
    spec = {"podSelector": selector, "policyTypes": ["Ingress"]}
    world.objects["NetworkPolicy"].append(
        {"kind": "NetworkPolicy", "metadata": metadata(name, space), "spec": spec}
    )
    old = world.site.release.name in ("wallaby", "xena", "yoga")
    world.add(
        "security_group",
        id=f"g-{name}",
        name=f"sg-{space}-{name}" if old else f"sg/{space}-{name}",
        description=f"Kuryr-Kubernetes Network Policy {space}/{name} SG",
    )
    egress = {"ethertype": "IPv4", "direction": "egress"}
    kubelets = {"ethertype": "IPv4", "direction": "ingress", "remote_ip_prefix": "172.16.0.0/16"}
    web = {"remote_ip_prefix": "10.80.0.11", "port_range_min": 80, "port_range_max": 80}
    web |= {"ethertype": "IPv4", "direction": "ingress", "protocol": "TCP"}
    in_neutron = {**web, "remote_ip_prefix": "10.80.0.11/32", "protocol": "tcp"}
    for rule, fields in (("out", egress), ("kubelets", kubelets), ("web", in_neutron)):
        world.add_rule(f"r-{rule}-{name}", f"g-{name}", **fields)
    world.port_of(pod)["security_groups"] = [f"g-{name}"]
    noted = {
        "kind": "KuryrNetworkPolicy",
        "metadata": metadata(name, space),
        "spec": {
            "podSelector": selector,
            "ingressSgRules": [{"sgRule": kubelets}, {"sgRule": web}],
            "egressSgRules": [{"sgRule": egress}],
        },
        "status": {"securityGroupId": f"g-{name}", "securityGroupRules": []},
    }
    world.objects["KuryrNetworkPolicy"].append(noted)
    return noted


def spaced_world(
    release: str = "2024.1", driver: VifDriver = VifDriver.NESTED_VLAN, **how: Any
) -> World:
    """Its pods have addresses of their namespace's subnet."""
    world = World(release=release, driver=driver, **how)
    world.site = with_spaces(world.site)
    world.extensions.append("subnet_allocation")
    world.add(
        "subnet_pool", id="pool-spaces", name=SPACES.pool, prefixes=[str(POOL)],
        description=world.mark,
    )  # fmt: skip
    add_space(world, world.space, "s-space", "10.80.0.0/24")
    for kind in ("Pod", "KuryrPort", "Endpoints"):
        world.objects[kind] = _moved(world.objects[kind])
    of_pods = [it for it in world.resources["port"] if it["device_id"].startswith("uid-")]
    for port, moved in zip(of_pods, _moved(of_pods), strict=True):
        port.update(moved, network_id="n-s-space")
        port["fixed_ips"][0]["subnet_id"] = "s-space"
    world.pool_members = {pool: _moved(it) for pool, it in world.pool_members.items()}
    world.configure()
    return world


def add_space(world: World, space: str, subnet: str, cidr: str) -> None:
    """What Kuryr makes for a namespace with its first pod."""
    network, gateway = f"n-{subnet}", str(IPv4Network(cidr)[1])
    old = world.site.release.name in ("wallaby", "xena", "yoga")
    names = (f"ns/{space}-net", f"ns/{space}-subnet") if old else (f"{UID}/{space}",) * 2
    world.add("network", id=network, name=names[0], mtu=1450)
    first, last = IPv4Network(cidr)[2], IPv4Network(cidr)[-2]
    world.add(
        "subnet", id=subnet, name=names[1], network_id=network, cidr=cidr, gateway_ip=gateway,
        subnetpool_id="pool-spaces", allocation_pools=[{"start": str(first), "end": str(last)}],
    )  # fmt: skip
    world.add_port(
        f"leg-{subnet}", subnet, network, gateway, device_owner="network:router_interface",
        device_id="router", security_groups=[],
    )  # fmt: skip
    status = {"netId": network, "subnetId": subnet, "subnetCIDR": cidr, "routerId": "router"}
    noted = {"kind": "KuryrNetwork", "metadata": metadata(space, space), "status": status}
    world.objects["KuryrNetwork"].append(noted)


def _moved(items: Iterable[Item]) -> list[Item]:
    """With addresses of the namespace's subnet instead of the pods'."""
    found: list[Item] = json.loads(json.dumps([*items]).replace("10.64.0.", "10.80.0."))
    return found
