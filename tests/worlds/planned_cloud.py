"""Phase 02 and teardown planned against a cloud in memory, and who else may be in that cloud."""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address
from typing import Any

from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import CLUSTER_ID
from worlds.sites import lab_site

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.marks import KURYRS_FLOATING_IP, owner_mark
from kuryr_runbook.model.plan import Plan, staged
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.left_behind import with_left_behind
from kuryr_runbook.planning.openstack import plan_openstack
from kuryr_runbook.planning.teardown import openstack_removal
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.state import FIELDS, read_cloud
from kuryr_runbook.specs.openstack import openstack_spec

NODES = {"master": "172.18.0.10", "worker1": "172.18.0.11", "worker2": "172.18.0.12"}
OWNER = owner_mark("lab", CLUSTER_ID)
"""How what the runbook makes for the lab's site is described."""


def ovn_site() -> Site:
    """The lab's site with load balancers that keep their clients' addresses."""
    site = lab_site(VifDriver.NESTED_VLAN)
    kuryr = site.kuryr.model_copy(update={"octavia_provider": OctaviaProvider.OVN})
    return site.model_copy(update={"kuryr": kuryr})


def planned(cloud: MemoryCloud, site: Site | None = None, cluster_id: str = CLUSTER_ID) -> Plan:
    site = site or lab_site()
    spec = openstack_spec(
        site,
        tuple(IPv4Address(address) for address in NODES.values()),
        ((IPv4Address(NODES["master"]), 6443),),
        cluster_id,
    )
    state = read_cloud(cloud, cloud.project_id, pools_of=(site.network.api_load_balancer,))
    return with_left_behind(plan_openstack(spec, state), Ownership(site, cluster_id, state))


def quiet(_: str) -> None:
    pass


def prepared_cloud(site: Site | None = None) -> MemoryCloud:
    """A cloud with a cluster's nodes, on which phase 02 has been run."""
    return _prepared(site or lab_site()).copied()


@cache
def _prepared(site: Site) -> MemoryCloud:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud, site), cloud, quiet)
    return cloud


def removed(
    cloud: MemoryCloud,
    site: Site | None = None,
    keep: tuple[str, ...] = (),
    cluster_id: str = CLUSTER_ID,
) -> Plan:
    ownership = Ownership(
        site or lab_site(), cluster_id, read_cloud(cloud, cloud.project_id, kinds=FIELDS)
    )
    stages = openstack_removal(ownership, keep)
    return Plan(phase="teardown", steps=tuple(staged(*stages)))


def subnet_of(cloud: MemoryCloud, name: str, owner: str = OWNER) -> dict[str, Any]:
    """The one subnet of that name and owner."""
    [found] = [
        item
        for item in cloud.resources["subnet"]
        if (item["name"], item["description"]) == (name, owner)
    ]
    return found


def with_pods(cloud: MemoryCloud, owner: str = OWNER) -> list[str]:
    """What Kuryr makes for a pod and a Service of a cluster with the lab's names; gives the ids."""
    pods, services = (
        subnet_of(cloud, name, owner) for name in ("kuryr-pod-subnet", "kuryr-service-subnet")
    )
    fixed = [{"subnet_id": pods["id"], "ip_address": "10.1.0.9"}]
    vip = cloud.add("port", device_owner="Octavia")
    made = [
        vip,
        cloud.add("port", name="shop/web", device_owner="compute:kuryr", fixed_ips=fixed),
        cloud.add(
            "loadbalancer",
            name="shop/web",
            vip_address="10.2.0.77",
            vip_subnet_id=services["id"],
            vip_port_id=vip["id"],
            provisioning_status="ACTIVE",
        ),
        cloud.add(
            "floatingip",
            floating_ip_address="198.51.100.9",
            port_id=vip["id"],
            description=KURYRS_FLOATING_IP,
        ),
    ]
    return [item["id"] for item in made]


def with_pairs(cloud: MemoryCloud) -> None:
    """The pair that Kuryr puts on the port of a node for that pod."""
    node = next(p for p in cloud.resources["port"] if p["name"] == "worker1")
    node["allowed_address_pairs"] = [{"ip_address": "10.1.0.9", "mac_address": "fa:16:3e:0:0:9"}]


def with_nodes_of_another_cluster(cloud: MemoryCloud) -> str:
    """A subnet and a node, whose port lets an address through that our pods have; its network."""
    network = cloud.add("network", name="other-network")
    subnet = cloud.add("subnet", name="other-nodes", network_id=network["id"], cidr="172.19.0.0/24")
    fixed = [{"subnet_id": subnet["id"], "ip_address": "172.19.0.10"}]
    pairs = [{"ip_address": "10.1.0.9", "mac_address": "fa:16:3e:0:1:9"}]
    cloud.add(
        "port",
        name="other1",
        device_owner="compute:nova",
        fixed_ips=fixed,
        allowed_address_pairs=pairs,
    )
    return str(network["id"])


def with_another_cluster(cloud: MemoryCloud, owner: str) -> None:
    """Another cluster with all names and ranges of ours, beside its nodes, and pods in it."""
    network = with_nodes_of_another_cluster(cloud)
    services = cloud.add("network", name="kuryr-service-network", description=owner)["id"]
    for name, of, cidr in (
        ("kuryr-pod-subnet", network, "10.1.0.0/24"),
        ("kuryr-service-subnet", services, "10.2.0.0/24"),
    ):
        cloud.add("subnet", name=name, network_id=of, cidr=cidr, description=owner)
    group = cloud.add("security_group", name="kuryr-pod-sg", description=owner)
    rule = {"direction": "ingress", "ethertype": "IPv4", "remote_ip_prefix": "10.2.0.0/24"}
    cloud.add("security_group_rule", security_group_id=group["id"], **rule, description=owner)
    router = cloud.add("router", name="k8s-router", external_gateway_info=None, description=owner)
    cloud.add_router_interface(router["id"], subnet_of(cloud, "kuryr-pod-subnet", owner)["id"])
    with_pods(cloud, owner)


def with_an_application(cloud: MemoryCloud) -> None:
    """What a user of the project may have in the cluster's own subnets, or at its own Services."""
    pods, services = (
        next((s["id"] for s in cloud.resources["subnet"] if s["name"] == name), "")
        for name in ("kuryr-pod-subnet", "kuryr-service-subnet")
    )
    fixed = [{"subnet_id": pods, "ip_address": "10.1.0.250"}]
    cloud.add("port", name="db", device_owner="compute:nova", fixed_ips=fixed)
    for name, address in (("app", "10.2.0.99"), ("team/app", "10.2.0.200")):
        vip = cloud.add("port", device_owner="Octavia")
        cloud.add(
            "loadbalancer",
            name=name,
            vip_address=address,
            vip_subnet_id=services,
            vip_port_id=vip["id"],
            provisioning_status="ACTIVE",
        )
        fields = {"floating_ip_address": "198.51.100.10", "port_id": vip["id"]}
        cloud.add("floatingip", description=KURYRS_FLOATING_IP, **fields)
    for balancer in cloud.resources["loadbalancer"]:
        fields = {"floating_ip_address": "198.51.100.11", "port_id": balancer["vip_port_id"]}
        cloud.add("floatingip", description="named by a Service", **fields)
