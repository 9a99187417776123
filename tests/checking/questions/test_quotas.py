"""What a run needs of the quotas is counted by what is there already."""

from __future__ import annotations

from spoiling.diagnosis import quota
from spoiling.preflight import findings, of_status, put, spoiled, unlike
from worlds.objects import service, waiting_pod
from worlds.world import PODS, QUOTAS, World

from kuryr_runbook.model.findings import Status


def test_a_second_run_with_exhausted_quotas_passes() -> None:
    world = World(workload=True)
    world.pair_limit = 250
    # Phase 02's rule for OVN; the world is one of Open vSwitch, where a pod needs only the first.
    world.add_rule("r-from-pods", "g-nodes", remote_ip_prefix=str(PODS))
    world.limits = dict.fromkeys(QUOTAS, (9, 9))
    world.balancer_limits = {"loadbalancer": len(world.resources["loadbalancer"])}
    assert of_status(world, Status.FAIL, Status.UNKNOWN) == set()
    assert findings(world)["quota-neutron"].status is Status.WARN
    assert findings(world)["cni-configuration"].status is Status.SKIP


def test_what_waits_in_the_cluster_is_counted() -> None:
    finished = {**waiting_pod("job"), "status": {"phase": "Succeeded"}}
    in_host = {**waiting_pod("agent"), "spec": {"hostNetwork": True}}
    world = spoiled(
        put(
            waiting_pod("dns-1"), waiting_pod("dns-2"), finished, in_host,
            service("dns", namespace="kube-system"),
            service("web", type="LoadBalancer"),
            service("headless", clusterIP="None"),
            service("manual", selector=None),
            service("name", type="ExternalName", clusterIP=""),
            service("node", type="NodePort"),
        )
    )  # fmt: skip
    found = findings(world)
    assert "2 for Services" in found["quota-octavia"].evidence
    assert "1 for Services" in found["quota-neutron"].evidence
    assert "2 for pods that wait" in found["quota-neutron"].evidence
    assert "4 for load balancers" in found["quota-neutron"].evidence


def test_a_node_that_takes_no_pods_is_no_room() -> None:
    world = spoiled(quota("port", 300))
    assert findings(world)["quota-neutron"].status is Status.WARN
    unlike("Node", "worker2", "spec", to={"unschedulable": True})(world)
    assert findings(world)["quota-neutron"].status is Status.PASS
