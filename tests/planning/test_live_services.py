"""Load balancers of Services in use: which ones Kuryr replaces, and who notices."""

from __future__ import annotations

from typing import Any

import pytest
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.plan import Consequence
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.planning.live_services import moved_services, moves_services
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.reading import known

AMPHORA: dict[str, Any] = {"neutron_defaults": {"service_subnet": "s-services"}, "kubernetes": {}}
OVN = AMPHORA | {"kubernetes": {"endpoints_driver_octavia_provider": "ovn"}}


def moved(world: World, before: Any, after: Any) -> list[Consequence]:
    snapshot = world.read()
    owner = Ownership(world.site, known(snapshot.cluster.cluster_id), snapshot.cloud)
    return list(moved_services(owner, before, after))


def world_of(provider: OctaviaProvider, release: str = "2024.1") -> World:
    world = World(20, VifDriver.NESTED_VLAN, release)
    world.change_site("kuryr", octavia_provider=provider)
    return world


@pytest.mark.parametrize("release", [name for name in RELEASES if name not in ("stein", "train")])
def test_from_victoria_on_another_provider_replaces_every_services_balancer(release: str) -> None:
    found = moved(world_of(OctaviaProvider.OVN, release), AMPHORA, OVN)
    names = [] if release == "ussuri" else ["default/web-0", "default/web-1"]
    assert [it.target.name for it in found] == names


def test_its_own_floating_ip_is_lost_and_one_that_was_given_comes_back() -> None:
    world = world_of(OctaviaProvider.OVN)
    [first, second] = moved(world, AMPHORA, OVN)
    assert "another floating IP in place of 203.0.113.7" in first.notice
    assert "floating IP" not in second.notice
    world.resource("floatingip", "fip")["description"] = "of the web team"
    [first, _] = moved(world, AMPHORA, OVN)
    assert "203.0.113.7 leads nowhere until then, and back to it afterwards" in first.notice


def test_what_has_the_provider_already_is_not_named() -> None:
    world = world_of(OctaviaProvider.OVN)
    world.resource("loadbalancer", "default/web-0")["provider"] = "ovn"
    assert [it.target.name for it in moved(world, AMPHORA, OVN)] == ["default/web-1"]
    back = world_of(OctaviaProvider.AMPHORA)
    back.resource("loadbalancer", "default/web-0")["provider"] = "ovn"
    back.resource("loadbalancer", "default/web-1")["provider"] = "octavia"
    [found] = moved(back, OVN, AMPHORA)
    assert "of the provider ovn and creates one of amphora" in found.what


def test_balancers_of_others_and_the_apis_are_not_named() -> None:
    world = world_of(OctaviaProvider.OVN)
    world._add_balancer("shop/till", "10.96.0.99", 80, [])
    world.resource("loadbalancer", "shop/till")["vip_subnet_id"] = "s-elsewhere"
    names = {it.target.name for it in moved(world, AMPHORA, OVN)}
    assert names == {"default/web-0", "default/web-1"}


def test_in_a_subnet_that_is_left_they_stay() -> None:
    world = world_of(OctaviaProvider.AMPHORA)
    before = {"neutron_defaults": {"service_subnet": "s-old"}, "kubernetes": {}}
    world.resource("loadbalancer", "default/web-0")["vip_subnet_id"] = "s-old"
    [found] = moved(world, before, AMPHORA)
    assert found.target.name == "default/web-0"
    assert "leaves its load balancer" in found.what
    assert "create it again" in found.notice


def test_one_that_stays_in_its_subnet_may_be_replaced_all_the_same() -> None:
    world = world_of(OctaviaProvider.OVN)
    before = {"neutron_defaults": {"service_subnet": "s-old"}, "kubernetes": {}}
    world.resource("loadbalancer", "default/web-0")["vip_subnet_id"] = "s-old"
    assert ["deletes" in it.what for it in moved(world, before, OVN)] == [True, True]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (AMPHORA, AMPHORA, False),
        (AMPHORA, OVN, True),
        (OVN, AMPHORA, True),
        ({**AMPHORA, "DEFAULT": {"debug": "true"}}, AMPHORA, False),
        (AMPHORA, {"neutron_defaults": {"service_subnet": "other"}, "kubernetes": {}}, True),
    ],
)
def test_only_provider_and_subnet_matter(before: Any, after: Any, *, expected: bool) -> None:
    assert moves_services(before, after) is expected
