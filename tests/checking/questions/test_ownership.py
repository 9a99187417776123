"""Who else may answer for pods, whether nodes may send, and how many addresses are left."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import moments_ago
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status


def claim(world: World, address: str, network: str) -> None:
    pair = {"ip_address": address, "mac_address": "fa:16:3e:99:99:99"}
    world.add_port(
        "stranger", "s-pods", network, "10.64.200.1", name="firewall", allowed_address_pairs=[pair]
    )


@pytest.mark.parametrize("driver", VifDriver)
def test_a_port_that_claims_a_pods_address_is_reported(driver: VifDriver) -> None:
    world = World(driver=driver)
    claim(world, "10.64.0.11", world.resource("subnet", "s-pods")["network_id"])
    (found,) = troubles(world)
    assert (found.check, found.status, found.subject) == (
        "address-claimed", Status.FAIL, "pod default/web-1",
    )  # fmt: skip
    assert "firewall" in found.evidence


def test_one_that_claims_it_in_a_range_is_a_warning() -> None:
    world = World()
    claim(world, "10.64.0.0/24", "n-nodes")
    (found,) = troubles(world)
    assert (found.check, found.status, len(found.victims)) == ("address-claimed", Status.WARN, 4)


def test_another_network_is_another_world() -> None:
    world = World(driver=VifDriver.NESTED_VLAN)
    claim(world, "10.64.0.11", "n-services")
    assert troubles(world) == []


def test_a_nodes_group_that_lets_nothing_out_is_reported() -> None:
    world = World()
    world.remove("security_group_rule", "r-out-g-nodes")
    (found,) = troubles(world)
    assert (found.check, found.status) == ("egress", Status.FAIL)
    assert sorted(map(str, found.victims)) == ["node worker1", "node worker2"]


def test_what_follows_from_nodes_that_may_not_send() -> None:
    world = World()
    world.remove("security_group_rule", "r-out-g-nodes")
    world.object("Node", "worker2")["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "message": "Kubelet stopped posting node status."}
    ]
    (found,) = troubles(world)
    assert (found.check, found.effects) == ("egress", ("node-ready",))


def test_a_pods_group_is_asked_where_its_port_carries_the_traffic() -> None:
    world = World(driver=VifDriver.NESTED_VLAN)
    world.remove("security_group_rule", "r-out-g-pods")
    (found,) = troubles(world)
    assert (found.check, len(found.victims)) == ("egress", 4)
    macvlan = World()
    macvlan.remove("security_group_rule", "r-out-g-pods")
    assert troubles(macvlan) == []


def test_a_group_that_lets_some_out_is_a_warning() -> None:
    world = World()
    world.resource("security_group_rule", "r-out-g-nodes")["protocol"] = "tcp"
    (found,) = troubles(world)
    assert (found.check, found.status) == ("egress", Status.WARN)


def test_a_group_of_another_project_cannot_be_judged() -> None:
    world = World()
    world.remove("security_group_rule", "r-out-g-nodes")
    world.remove("security_group", "g-nodes")
    found = [it.status for it in troubles(world) if it.check != "site-drift"]
    assert found == [Status.UNKNOWN]


@pytest.mark.parametrize(("size", "told"), [(4, "4 of 4 addresses"), (5, ""), (400, "")])
def test_addresses_that_are_left_are_counted(size: int, told: str) -> None:
    world = World(4)
    start = IPv4Address("10.64.0.10")
    world.resource("subnet", "s-pods")["allocation_pools"] = [
        {"start": str(start), "end": str(start + size - 1)}
    ]
    found = [it for it in troubles(world) if it.check == "pod-addresses"]
    assert len(found) == bool(told)
    assert all(it.status is Status.WARN and told in it.evidence for it in found)


def test_a_pod_that_waits_for_an_address_is_the_victim() -> None:
    world = World(4)
    world.unhandle("web-3")
    world.object("Pod", "web-3")["metadata"]["creationTimestamp"] = moments_ago(300)
    world.resource("subnet", "s-pods")["allocation_pools"] = [
        {"start": "10.64.0.10", "end": "10.64.0.12"}
    ]
    (found,) = troubles(world)
    assert (found.check, found.status) == ("pod-addresses", Status.FAIL)
    assert "pod default/web-3" in map(str, found.victims)
