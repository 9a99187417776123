"""Ports of pods: what is as it should be, and what is only new."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import (
    no_balancer,
    troubles,
)
from worlds.objects import moments_ago
from worlds.world import World


@pytest.mark.parametrize("kind", ["Pod", "Service"])
def test_what_is_new_may_be_unfinished(kind: str) -> None:
    world = World()
    if kind == "Pod":
        world.unhandle("web-1")
        world.objects["Event"].clear()
        world.object("Pod", "web-1")["metadata"]["creationTimestamp"] = moments_ago(5)
    else:
        no_balancer(world)
        world.object("Service", "web-0")["metadata"]["creationTimestamp"] = moments_ago(5)
    assert troubles(world) == []


def test_ports_of_this_driver_are_down_by_design() -> None:
    world = World()
    assert {it["status"] for it in world.resources["port"]} == {"ACTIVE", "DOWN"}
    assert troubles(world) == []
