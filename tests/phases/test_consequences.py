"""What phase 03 says of what runs when kuryr.conf changes, from what cloud and cluster show."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.diagnosis import WORLDS
from worlds.world import World

from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.phases.consequences import with_consequences
from kuryr_runbook.phases.controller import Controller

SPARE = ["spare-0", "spare-1", "spare-2", "spare-3"]


def planned(world: World, release: str | None = "") -> Plan:
    """Phase 03's plan, as far as it is about this; by default the site's release is installed."""
    phase: Any = Controller(world.site)
    phase.cloud = phase.cluster = world
    installed = world.site.kuryr.release if release == "" else release
    conf = Look(world.read()).controller_conf
    world.asked.clear()
    empty = Plan(phase="controller", steps=())
    return with_consequences(empty, phase, Installed(controller=installed, daemon=None), conf)


@pytest.mark.parametrize("kind", ["pool", "old pool", "vif pool"])
def test_pools_that_are_switched_off_leave_their_spare_ports(kind: str) -> None:
    world = WORLDS[kind]()
    assert planned(world).left == ()
    world.change_site("kuryr", port_pool=PortPool())
    left = planned(world).left
    assert [it.id for it in left] == SPARE
    assert left[0].target.name == "10.64.7.1"
    world.configure()
    assert planned(world).left == (), "the controller has no pools any more"


def test_where_no_kuryr_is_nothing_is_read() -> None:
    world = WORLDS["pool"]()
    world.change_site("kuryr", port_pool=PortPool())
    assert planned(world, None).left == ()
    assert world.asked == []


def test_the_cloud_is_not_read_again_where_nothing_of_that_changes() -> None:
    world = WORLDS["new"]()
    plan = planned(world)
    assert (plan.left, plan.consequences) == ((), ())
    assert not [it for it in world.asked if "loadbalancer" in it or "port" in it]


def test_another_provider_names_the_services_that_are_replaced() -> None:
    world = WORLDS["new"]()
    world.change_site("kuryr", octavia_provider=OctaviaProvider.OVN)
    [found] = planned(world).consequences
    assert str(found.target) == "Service default/web-0"
    assert "of the provider amphora and creates one of ovn" in found.what
    assert "203.0.113.7" in found.notice
