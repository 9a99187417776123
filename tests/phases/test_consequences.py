"""What phase 03 says of what runs when kuryr.conf changes, from what cloud and cluster show."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.diagnosis import WORLDS
from worlds.world import World

from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.phases.consequences import left_of_pools
from kuryr_runbook.phases.controller import Controller


def phase_of(world: World) -> Controller:
    phase: Any = Controller(world.site)
    phase.cloud = phase.cluster = world
    made: Controller = phase
    return made


@pytest.mark.parametrize("kind", ["pool", "old pool", "vif pool"])
def test_pools_that_are_switched_off_leave_their_spare_ports(kind: str) -> None:
    world = WORLDS[kind]()
    installed = Installed(controller=world.site.kuryr.release, daemon=None)
    assert left_of_pools(phase_of(world), installed) == ()
    world.change_site("kuryr", port_pool=PortPool())
    left = left_of_pools(phase_of(world), installed)
    assert [it.id for it in left] == ["spare-0", "spare-1", "spare-2", "spare-3"]
    assert left[0].target.name == "10.64.7.1"
    world.configure()
    assert left_of_pools(phase_of(world), installed) == (), "the controller has no pools any more"


def test_where_no_kuryr_is_nothing_is_read() -> None:
    world = WORLDS["pool"]()
    world.change_site("kuryr", port_pool=PortPool())
    world.asked.clear()
    assert left_of_pools(phase_of(world), Installed(controller=None, daemon=None)) == ()
    assert world.asked == []
