"""Subnets of namespaces: what Kuryr noted is compared with what is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import waiting_pod
from worlds.shell import Shell
from worlds.spaces import add_space, spaced_world
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status, Victim


def lost_subnet(world: World) -> None:
    world.remove("subnet", "s-space")
    world.unhandle("web-1")


def full_pool(world: World) -> None:
    world.resource("subnet_pool", "pool-spaces").update(prefixes=["10.80.0.0/24"])


@pytest.mark.parametrize("release", ["wallaby", "zed", "2024.1"])
@pytest.mark.parametrize("driver", [VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF])
def test_a_pod_in_its_namespaces_subnet_is_well(release: str, driver: VifDriver) -> None:
    assert troubles(spaced_world(release, driver)) == []


def test_a_pod_that_was_there_before_may_be_in_the_common_subnet() -> None:
    world = spaced_world()
    world.port_of("web-1").update(
        network_id="n-nodes", fixed_ips=[{"subnet_id": "s-pods", "ip_address": "10.80.0.11"}]
    )
    assert "pod-subnet" not in {it.check for it in troubles(world)}


def test_a_pod_in_another_namespaces_subnet_is_astray() -> None:
    world = spaced_world()
    add_space(world, "shop", "s-shop", "10.80.1.0/24")
    world.port_of("web-1")["fixed_ips"] = [{"subnet_id": "s-shop", "ip_address": "10.80.0.11"}]
    [found] = [it for it in troubles(world) if it.check == "pod-subnet"]
    assert "or of its namespace's" in found.evidence
    assert found.victims == (Victim("pod", "web-1", "default"),)


def test_a_subnet_that_is_gone_explains_the_pods_that_wait() -> None:
    world = spaced_world()
    lost_subnet(world)
    found = next(it for it in troubles(world) if it.check == "namespace-subnet")
    assert found.status is Status.FAIL
    assert "kubectl -n default patch kuryrnetwork default" in found.remedy


def test_a_subnet_without_router_is_reported_with_the_command() -> None:
    world = spaced_world()
    world.remove("port", "leg-s-space")
    [found] = troubles(world)
    assert (found.check, found.status) == ("namespace-subnet", Status.FAIL)
    assert found.remedy == "openstack router add subnet router s-space"


def test_a_namespace_whose_pods_wait_has_no_subnet_yet() -> None:
    world = spaced_world()
    waiting = waiting_pod("web-9")
    waiting["metadata"]["namespace"], waiting["spec"]["nodeName"] = "shop", "worker1"
    world.put(waiting)
    checks = {it.check: it for it in troubles(world)}
    assert checks["namespace-subnet"].evidence == "no subnet yet: shop"
    full_pool(world)
    checks = {it.check: it for it in troubles(world)}
    assert checks["namespace-pool"].status is Status.FAIL
    assert "namespace-subnet" not in checks


def test_a_full_pool_is_a_warning_while_nobody_waits() -> None:
    world = spaced_world()
    full_pool(world)
    [found] = troubles(world)
    assert (found.check, found.status) == ("namespace-pool", Status.WARN)
    assert "there is no room for another" in found.evidence


def test_a_subnet_without_namespace_is_a_leftover() -> None:
    world = spaced_world()
    add_space(world, "gone", "s-gone", "10.80.7.0/24")
    world.objects["KuryrNetwork"].pop()
    [found] = troubles(world)
    assert (found.check, found.status) == ("namespace-orphaned", Status.WARN)
    assert "openstack network delete n-s-gone" in found.remedy


def test_a_full_subnet_of_a_namespace_names_it() -> None:
    world = spaced_world()
    pools = [{"start": "10.80.0.10", "end": "10.80.0.13"}]
    world.resource("subnet", "s-space")["allocation_pools"] = pools
    [found] = troubles(world)
    assert (found.check, found.status) == ("pod-addresses", Status.WARN)
    assert "prefix_length" in found.remedy


def without_router(world: World) -> None:
    world.remove("port", "leg-s-space")


def left_over(world: World) -> None:
    add_space(world, "gone", "s-gone", "10.80.7.0/24")
    world.objects["KuryrNetwork"].pop()


@pytest.mark.parametrize("spoil", [without_router, left_over])
def test_what_is_printed_helps(spoil: Callable[[World], None]) -> None:
    world = spaced_world()
    shell = Shell(world)
    spoil(world)
    shell.run(troubles(world)[0].remedy)
    assert troubles(world) == []


def test_a_subnet_that_is_gone_is_made_again_as_printed() -> None:
    """Pods that run keep addresses of the old one, and are made again, too."""
    world = spaced_world()
    shell = Shell(world)
    lost_subnet(world)
    for _ in range(3):
        if found := troubles(world):
            shell.run(found[0].remedy)
    assert troubles(world) == []
