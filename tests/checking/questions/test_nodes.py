"""Nodes that take no pods."""

from __future__ import annotations

from spoiling.diagnosis import (
    VLAN,
    troubles,
)
from worlds.world import World


def test_a_master_is_no_worker() -> None:
    world = World(driver=VLAN)
    world.object("Node", "worker2")["spec"]["taints"] = [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    ]
    world.remove("trunk", "trunk-worker2")
    assert troubles(world) == []
