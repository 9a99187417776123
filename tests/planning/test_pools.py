"""Pools of ports in plans: never the ports of running pods, and no spare one is forgotten."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import OVS, VLAN, WORLDS, pooled
from worlds.sites import lab_site_with
from worlds.world import World

from kuryr_runbook.model.bodies import SubportRemoval
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.planning.pools import refuse_unmoved, spare_left
from kuryr_runbook.planning.teardown import openstack_removal
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.reading import known

SPARE = {"spare-0", "spare-1", "spare-2", "spare-3"}


def pool_site(*, enabled: bool) -> dict[str, object]:
    return {
        "release": "victoria",
        "vif_driver": "nested-vlan",
        "resource_tags": ["blue"],
        "port_pool": {"enabled": enabled},
    }


def test_pools_wait_until_the_notes_of_running_pods_are_moved() -> None:
    with pytest.raises(
        DriftError, match="3 pods have their ports noted in an annotation"
    ) as caught:
        refuse_unmoved(lab_site_with(kuryr=pool_site(enabled=True)), 3)
    assert "set it to true again" in (caught.value.remedy or "")
    refuse_unmoved(lab_site_with(kuryr=pool_site(enabled=True)), 0)
    refuse_unmoved(lab_site_with(kuryr=pool_site(enabled=False)), 3)


def ownership(world: World) -> Ownership:
    snapshot = world.read()
    return Ownership(world.site, known(snapshot.cluster.cluster_id), snapshot.cloud)


@pytest.mark.parametrize("kind", ["pool", "old pool", "vif pool"])
def test_what_is_left_are_the_ports_of_no_pod(kind: str) -> None:
    world = WORLDS[kind]()
    used = {f"port-web-{index}" for index in range(4)}
    left = spare_left(ownership(world), used)
    assert {it.id for it in left} == SPARE
    assert all("--fix" in it.remedy for it in left)
    everything = {port["id"] for port in world.resources["port"]}
    assert spare_left(ownership(world), everything) == ()


def test_without_tags_nothing_is_called_spare() -> None:
    world = WORLDS["pool"]()
    world.change_site("kuryr", resource_tags=())
    assert spare_left(ownership(world), ()) == ()


def test_a_subport_of_another_clusters_trunk_is_none_of_ours() -> None:
    world = WORLDS["pool"]()
    elsewhere = world.add_port("other", "s-nodes", "n-nodes", None, fixed_ips=[])
    world.resource("trunk", "trunk-worker2")["port_id"] = elsewhere["id"]
    used = {f"port-web-{index}" for index in range(4)}
    assert {it.id for it in spare_left(ownership(world), used)} == {"spare-0", "spare-1"}


@pytest.mark.parametrize(("driver", "release"), [(VLAN, "2024.1"), (OVS, "2024.1")])
def test_spare_ports_go_with_teardown(driver: VifDriver, release: str) -> None:
    world = pooled(World(driver=driver, release=release))
    steps = [step for stage in openstack_removal(ownership(world)) for step in stage]
    deleted = {step.id for step in steps if step.target.kind == "port"}
    assert deleted >= SPARE
    off = {port for it in steps if isinstance(it.body, SubportRemoval) for port in it.body.ports}
    assert (off >= SPARE) is (driver is VLAN)
