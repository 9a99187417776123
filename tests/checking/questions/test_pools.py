"""Pools of ports: what is spare, what is left over, and what the pools need."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spoiling.diagnosis import (
    OVS,
    VLAN,
    WORLDS,
    configured,
    no_addresses,
    pooled,
    troubles,
    without_pools,
)
from spoiling.preflight import findings, unspoilt
from worlds.mendable import MendableWorld
from worlds.spaces import POOL, policed_world, with_spaces
from worlds.world import World

from kuryr_runbook.applying.by_kind import apply_fixes
from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.model.site_network import NamespaceSubnets
from kuryr_runbook.planning.fixes import plan_fixes
from kuryr_runbook.snapshots.reading import Unreadable

SPARE = ["spare-0", "spare-1", "spare-2", "spare-3"]
POOLED = [(VLAN, "stein"), (VLAN, "2024.1"), (OVS, "2024.1")]


@pytest.mark.parametrize(("driver", "release"), POOLED)
def test_spare_ports_are_no_leftovers(driver: VifDriver, release: str) -> None:
    assert troubles(pooled(World(driver=driver, release=release))) == []


@pytest.mark.parametrize(("driver", "release"), POOLED)
def test_after_the_way_back_the_fixes_delete_them_and_nothing_else(
    driver: VifDriver, release: str
) -> None:
    world = MendableWorld(driver=driver, release=release)
    pooled(world)
    without_pools(world)
    before = {port["id"] for port in world.resources["port"]}
    snapshot = world.read()
    fixes = [fix for it in check_diagnosis(Look(snapshot)) for fix in it.fixes]
    apply_fixes(plan_fixes("troubleshooting", snapshot, fixes), world, world, lambda line: None)
    assert before - {port["id"] for port in world.resources["port"]} == {*SPARE}
    assert troubles(world) == []


@pytest.mark.parametrize("kind", ["pool", "vif pool"])
def test_while_the_controller_has_pools_no_port_is_called_left(kind: str) -> None:
    """The site goes back to none, and phase 03 has not been run yet."""
    world = WORLDS[kind]()
    world.change_site("kuryr", port_pool=PortPool())
    found = {it.check: it for it in troubles(world)}
    assert [*found] == ["configuration"]
    assert "vif_pool_driver" in found["configuration"].evidence


@pytest.mark.parametrize("kind", ["pool", "vif pool"])
def test_nothing_is_deleted_that_a_controller_may_remember(kind: str) -> None:
    world = WORLDS[kind]()
    world.resource("port", "spare-1")["tags"] = []
    [found] = troubles(world)
    assert (found.check, found.fixes) == ("port-orphaned", ())
    assert "rollout restart" in found.remedy


def test_a_subport_is_left_alone_if_it_is_not_known_what_the_controller_does() -> None:
    world = WORLDS["pool"]()
    without_pools(world)
    snapshot = world.read()
    unseen = replace(snapshot.cluster, configured=Unreadable("Secrets may not be read"))
    found = check_diagnosis(Look(replace(snapshot, cluster=unseen)))
    [left] = [it for it in found if it.check == "port-orphaned"]
    assert (left.status, left.fixes) == (Status.WARN, ())


def test_a_pods_port_that_names_another_pod_is_not_its_second_one() -> None:
    """The pool was filled for web-0, and web-1 got one of these ports; now there are no pools."""
    world = World(driver=OVS, release="2024.1")
    world.port_of("web-1")["device_id"] = "uid-web-0"
    assert troubles(world) == []


def test_addresses_that_wait_in_pools_are_counted() -> None:
    world = WORLDS["pool"]()
    no_addresses(world)
    found = next(it for it in troubles(world) if it.check == "pod-addresses")
    assert "4 spare ports in pools" in found.evidence
    assert "max_ports" in found.remedy


def pools_wanted(pool: PortPool) -> World:
    world = unspoilt(VLAN)
    world.change_site("kuryr", release="2024.1", resource_tags=("blue",), port_pool=pool)
    for port in world.resources["port"]:
        port["tags"] = ["blue"]
    return world


def test_the_quota_has_to_have_room_for_the_pools() -> None:
    world = pools_wanted(PortPool(enabled=True))
    assert "28 for pools of spare ports" in findings(world)["quota-neutron"].evidence
    world.limits["port"] = (30, 3)
    found = findings(world)["quota-neutron"]
    assert found.status is Status.FAIL
    assert "pools of spare ports" not in findings(unspoilt(VLAN))["quota-neutron"].evidence


def test_ports_that_the_pools_have_are_not_counted_twice() -> None:
    world = pooled(World(driver=VLAN))
    world.change_site("kuryr", port_pool=PortPool(enabled=True, min_ports=3, batch=3))
    # Two nodes with up to 5 each, of which there are 4.
    assert "6 for pools of spare ports" in findings(world)["quota-neutron"].evidence


@pytest.mark.parametrize(("batch", "status"), [(10, Status.PASS), (40_000, Status.FAIL)])
def test_the_pods_subnet_has_to_have_room(batch: int, status: Status) -> None:
    pool = PortPool.model_construct(enabled=True, min_ports=5, batch=batch, max_ports=0)
    found = findings(pools_wanted(pool))["pool-room"]
    assert found.status is status
    assert "65532 addresses" in found.evidence


def pools_of_spaces(prefix_length: int = 24) -> World:
    world = policed_world()
    network = NamespaceSubnets(enabled=True, cidr=POOL, prefix_length=prefix_length)
    world.site = with_spaces(world.site, network)
    world.change_site("kuryr", resource_tags=("blue",), port_pool=PortPool(enabled=True))
    return world


def test_every_namespace_has_pools_of_its_own() -> None:
    world = pools_of_spaces()
    # Two nodes with up to 14 each, for the world's namespace and the three of the verification.
    assert "112 for pools of spare ports" in findings(world)["quota-neutron"].evidence


@pytest.mark.parametrize(("length", "status"), [(24, Status.PASS), (28, Status.FAIL)])
def test_a_namespaces_subnet_has_to_have_room(length: int, status: Status) -> None:
    found = findings(pools_of_spaces(length))["pool-room"]
    assert found.status is status
    assert f"{2 ** (32 - length) - 3} addresses" in found.evidence


@pytest.mark.parametrize(("group", "checks"), [("g-closed", []), ("g-nodes", ["pool-ports"])])
def test_a_spare_port_may_have_a_policys_group(group: str, checks: list[str]) -> None:
    """That of the pod that had it before: Kuryr sets those of the next pod."""
    world = pooled(policed_world())
    port = next(it for it in world.resources["port"] if it["id"] == SPARE[0])
    port["security_groups"] = [group]
    assert [it.check for it in troubles(world)] == checks


def test_workers_ports_need_tags_before_wallaby_only_for_pools() -> None:
    world = WORLDS["old pool"]()
    world.node_port("worker1")["tags"] = []
    assert "forgets the spare ports" in troubles(world)[0].evidence
    without_pools(world)
    assert "node-port-tags" not in {it.check for it in troubles(world)}


def test_the_remedy_takes_a_taken_port_from_the_pools() -> None:
    world = WORLDS["vif pool"]()
    world.resource("port", "spare-0").update(device_owner="compute:nova", device_id="machine")
    [found] = troubles(world)
    assert "belongs to compute:nova machine" in found.evidence
    assert "openstack port unset --tag blue spare-0" in found.remedy


def test_a_controller_with_a_pool_of_its_own_is_seen() -> None:
    """Somebody edited kuryr.conf: spare ports are not named, the edit is."""
    world = World(driver=VLAN, release="2024.1")
    configured("vif_pool_driver", "nested")(world)
    assert [it.check for it in troubles(world)] == ["configuration"]
