"""Whatever neighbours in a project look like: neither teardown nor a fix touches what is theirs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import CLUSTER_ID
from worlds.planned_cloud import (
    NODES,
    planned,
    prepared_cloud,
    quiet,
    removed,
    subnet_of,
    with_an_application,
    with_another_cluster,
    with_pairs,
    with_pods,
)
from worlds.sites import lab_site

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.fixes import Fix, FloatingIpFix, Leftover, LeftoverFix, PairFix
from kuryr_runbook.model.marks import KURYRS_FLOATING_IP, POD_PORT_OWNERS, owner_mark
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.planning.fixes import plan_fixes
from kuryr_runbook.snapshots.cloud.state import FIELDS, read_cloud
from kuryr_runbook.snapshots.cluster.objects import node_of
from kuryr_runbook.snapshots.cluster.state import nothing_read
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot
from kuryr_runbook.snapshots.reading import Unreadable

OTHERS = (owner_mark("lab", "another"), owner_mark("other", CLUSTER_ID), "", "by hand")
"""How the resources of another cluster in the same project are described."""
LEFT = {"port": Leftover.PORT, "floatingip": Leftover.FLOATING_IP,
        "loadbalancer": Leftover.LOAD_BALANCER}  # fmt: skip

Neighbour = Callable[[MemoryCloud, Any], None]


def at(subnet: str, address: str) -> list[dict[str, str]]:
    return [{"subnet_id": subnet, "ip_address": address}]


def a_port_among_pods(cloud: MemoryCloud, draw: Any) -> None:
    owner = draw(st.sampled_from(["compute:nova", "network:dhcp", "Octavia", "baremetal:none"]))
    pods = subnet_of(cloud, "kuryr-pod-subnet")["id"]
    cloud.add("port", name="shop/web", device_owner=owner, fixed_ips=at(pods, "10.1.0.77"))


def a_pods_port_elsewhere(cloud: MemoryCloud, draw: Any) -> None:
    cloud.add(
        "port",
        device_owner=draw(st.sampled_from(POD_PORT_OWNERS)),
        device_id="a pod",
        fixed_ips=at("elsewhere", "10.1.0.9"),
        security_groups=[],
    )


def a_virtual_machine_with_subports_among_pods(cloud: MemoryCloud, draw: Any) -> None:
    pods = subnet_of(cloud, "kuryr-pod-subnet")["id"]
    fixed = at(pods, "10.1.0.66")
    port = cloud.add("port", device_owner="trunk:subport", fixed_ips=fixed)
    parent = cloud.add("port", device_owner="compute:nova")
    subport = {"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": 3}
    cloud.add("trunk", port_id=parent["id"], sub_ports=[subport])


def a_load_balancer(cloud: MemoryCloud, draw: Any) -> None:
    """Near ours in all respects but one."""
    services = subnet_of(cloud, "kuryr-service-subnet")["id"]
    fields = {"name": "shop/web", "vip_subnet_id": services, "vip_address": "10.2.0.66"}
    fields |= draw(
        st.sampled_from(
            [
                {"name": "shop-web"},
                {"vip_subnet_id": "elsewhere"},
                {"vip_address": "10.2.0.200"},
                {"description": owner_mark("lab", "another")},
            ]
        )
    )
    vip = cloud.add("port", device_owner="Octavia")
    cloud.add("loadbalancer", vip_port_id=vip["id"], **fields)
    cloud.add("floatingip", port_id=vip["id"], description=KURYRS_FLOATING_IP)


def a_floating_ip_at_our_load_balancer(cloud: MemoryCloud, draw: Any) -> None:
    for balancer in list(cloud.resources["loadbalancer"]):
        if "/" in balancer["name"]:
            cloud.add("floatingip", port_id=balancer["vip_port_id"], description="by a Service")


def a_loose_floating_ip(cloud: MemoryCloud, draw: Any) -> None:
    """Of another Kuryr, which shows by the port of a pod of its own."""
    a_pods_port_elsewhere(cloud, draw)
    cloud.add("floatingip", floating_ip_address="198.51.100.99", description=KURYRS_FLOATING_IP)


def things_of_our_names(cloud: MemoryCloud, draw: Any) -> None:
    mark = draw(st.sampled_from(OTHERS))
    for kind, name in (
        ("network", "kuryr-service-network"),
        ("security_group", "kuryr-pod-sg"),
        ("router", "k8s-router"),
        ("loadbalancer", "kubernetes-service"),
    ):
        cloud.add(kind, name=name, description=mark)


def an_application(cloud: MemoryCloud, draw: Any) -> None:
    with_an_application(cloud)


def another_cluster(cloud: MemoryCloud, draw: Any) -> None:
    with_another_cluster(cloud, draw(st.sampled_from(OTHERS)))


NEIGHBOURS: tuple[Neighbour, ...] = (
    a_port_among_pods, a_pods_port_elsewhere, a_virtual_machine_with_subports_among_pods,
    a_load_balancer, a_floating_ip_at_our_load_balancer, a_loose_floating_ip, things_of_our_names,
    an_application, another_cluster,
)  # fmt: skip


def everything(cloud: MemoryCloud) -> list[Fix]:
    """A fix for whatever there is, as if the checks were all wrong."""
    fixes: list[Fix] = [
        LeftoverFix(kind=left, id=item["id"], name=item["name"] or item["id"], because="a check")
        for kind, left in LEFT.items()
        for item in cloud.resources[kind]
    ]
    for port in cloud.resources["port"]:
        pairs = [(it["ip_address"], it["mac_address"]) for it in port["allowed_address_pairs"]]
        for address, mac in [*pairs, ("172.18.0.200", "fa:16:3e:00:00:99")]:
            fixes += [
                PairFix(
                    node="n", port_id=port["id"], address=address, mac=mac, allow=allow, because="a"
                )
                for allow in (True, False)
            ]
    fixes += [
        FloatingIpFix(
            id=item["id"], address=item["floating_ip_address"], port_id="p", service="shop/web"
        )
        for item in cloud.resources["floatingip"]
    ]
    return fixes


def repaired(cloud: MemoryCloud) -> Plan:
    nodes = tuple(
        node_of(
            {
                "metadata": {"name": name},
                "status": {"addresses": [{"type": "InternalIP", "address": address}]},
            }
        )
        for name, address in NODES.items()
    )
    cluster = nothing_read(Unreadable("not read"))
    snapshot = DiagnosisSnapshot(
        taken_at=datetime.now(UTC),
        site=lab_site(),
        cluster=replace(cluster, cluster_id=CLUSTER_ID, nodes=nodes, services=()),
        cloud=read_cloud(cloud, cloud.project_id, kinds=FIELDS),
    )
    return plan_fixes("troubleshooting", snapshot, everything(cloud))


def by_id(cloud: MemoryCloud) -> dict[str, Any]:
    return {it["id"]: copy.deepcopy(it) for of in cloud.resources.values() for it in of}


@settings(deadline=None)
@given(st.data(), st.sets(st.sampled_from(NEIGHBOURS), min_size=1), st.randoms())
def test_neither_teardown_nor_any_fix_touches_what_is_somebody_elses(
    data: st.DataObject, neighbours: set[Neighbour], random: Any
) -> None:
    cloud = cluster_cloud(NODES)
    theirs = by_id(cloud)
    apply_openstack(planned(cloud), cloud, quiet)
    with_pods(cloud)
    with_pairs(cloud)
    ours = by_id(cloud).keys() - theirs.keys()
    for neighbour in sorted(neighbours, key=lambda it: it.__name__):
        neighbour(cloud, data.draw)
    for items in cloud.resources.values():
        random.shuffle(items)
    theirs = {key: item for key, item in by_id(cloud).items() if key not in ours}
    nodes = {item["id"] for item in cloud.resources["port"] if item["name"] in NODES}
    for plan in (removed(cloud, keep=("openstack",)), removed(cloud), repaired(cloud)):
        touched = {step.id for step in plan.changes}
        assert not touched & (theirs.keys() - nodes), plan
    apply_openstack(removed(cloud), cloud, quiet)
    left = by_id(cloud)
    assert {key: left.get(key) for key in theirs if key not in nodes} == {
        key: item for key, item in theirs.items() if key not in nodes
    }


def test_what_is_ours_is_fixed_where_nobody_else_is() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    cloud.add("floatingip", floating_ip_address="198.51.100.7", description=KURYRS_FLOATING_IP)
    for port in cloud.resources["port"]:
        port["device_id"] = port["device_id"] or "uid"
    kinds = {step.target.kind for step in repaired(cloud).changes}
    assert kinds == {"port", "loadbalancer", "floatingip", "address_pairs"}
