"""What a run needs of the quotas is counted by what is there already."""

from __future__ import annotations

from typing import Any

from spoiling.preflight import (
    findings,
    of_status,
    put,
    quota,
    running,
    spoiled,
    unlike,
)
from worlds.preflight import (
    World,
    pod,
    quotas,
    service,
)

from kuryr_runbook.model.findings import Status
from kuryr_runbook.specs.daemon import DAEMON


def test_a_second_run_with_exhausted_quotas_passes() -> None:
    world = World()
    memory, site = world.cloud.memory, world.site
    network = memory.add("network", name=site.network.service_subnet.network)
    for name, cidr in (
        ("kuryr-pod-subnet", "10.1.0.0/24"),
        ("kuryr-service-subnet", "10.2.0.0/24"),
    ):
        memory.add("subnet", name=name, network_id=network["id"], cidr=cidr)
    groups = {name: memory.add("security_group", name=name)["id"] for name in ("kuryr-pod-sg",)}
    [nodes] = [it["id"] for it in memory.resources["security_group"] if it["name"] == "k8s-node-sg"]
    for group in (nodes, *groups.values()):
        memory.add("security_group_rule", security_group_id=group, direction="ingress",
                   ethertype="IPv4")  # fmt: skip
    balancers = ("kubernetes-service", "kuryr-verification/kuryr-demo-service", "web/shop")
    for name in balancers:
        memory.add("loadbalancer", name=name)
    world.cloud.limits = quotas(limit=9, used=9)
    world.cloud.balancer_limits = {"loadbalancer": 3}
    plugged = {"annotations": {"openstack.org/kuryr-vif": "{}"}}
    put(
        running("DaemonSet", DAEMON, "stein"),
        service("shop", "web", selector={"app": "shop"}, type="LoadBalancer"),
        *(pod(f"demo-{n}", "kuryr-verification", **plugged) for n in range(4)),
        pod("shop-1", "web", **plugged),
    )(world)
    assert of_status(world, Status.FAIL, Status.UNKNOWN) == set()
    assert findings(world)["quota-neutron"].status is Status.WARN
    assert findings(world)["cni-configuration"].status is Status.SKIP


def test_what_waits_in_the_cluster_is_counted() -> None:
    finished = {**pod("job"), "status": {"phase": "Succeeded"}}
    in_host = {**pod("agent"), "spec": {"hostNetwork": True}}
    chosen: dict[str, Any] = {"selector": {"app": "dns"}}
    world = spoiled(
        put(
            pod("dns-1"), pod("dns-2"), finished, in_host,
            service("dns", "kube-system", clusterIP="10.2.0.10", **chosen),
            service("web", type="LoadBalancer", clusterIP="10.2.0.11", **chosen),
            service("headless", clusterIP="None", **chosen),
            service("manual", clusterIP="10.2.0.12"),
            service("name", type="ExternalName", clusterIP=""),
            service("node", type="NodePort", clusterIP="10.2.0.13", **chosen),
        )
    )  # fmt: skip
    found = findings(world)
    assert "2 for Services" in found["quota-octavia"].evidence
    assert "1 for Services" in found["quota-neutron"].evidence
    assert "2 for pods that wait" in found["quota-neutron"].evidence
    assert "4 for load balancers" in found["quota-neutron"].evidence


def test_a_node_that_takes_no_pods_is_no_room() -> None:
    world = spoiled(quota("port", 130))
    assert findings(world)["quota-neutron"].status is Status.WARN
    unlike("Node", "worker2", "spec", to={"unschedulable": True})(world)
    assert findings(world)["quota-neutron"].status is Status.PASS
