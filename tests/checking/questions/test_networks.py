"""Subnets of one name."""

from __future__ import annotations

from spoiling.diagnosis import (
    troubles,
)
from worlds.world import World


def test_the_projects_own_subnet_comes_before_one_of_that_name_elsewhere() -> None:
    world = World()
    for subnet in list(world.resources["subnet"]):
        other = {**subnet, "id": f"other-{subnet['id']}", "project_id": "other"}
        world.resources["subnet"].insert(0, other)
    assert troubles(world) == []
