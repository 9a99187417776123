"""Address pairs, where the VIF driver needs them."""

from __future__ import annotations

from spoiling.diagnosis import (
    VLAN,
    troubles,
)
from worlds.world import World


def test_a_pair_may_be_a_range() -> None:
    world = World()
    for node in ("worker1", "worker2"):
        for pair in world.node_port(node)["allowed_address_pairs"]:
            pair["ip_address"] = f"{pair['ip_address']}/24"
    assert troubles(world) == []


def test_a_vif_driver_that_needs_no_pairs_is_asked_for_none() -> None:
    world = World(driver=VLAN)
    world.node_port("worker1")["port_security_enabled"] = False
    world.remove("trunk", "trunk-worker1")
    assert [it.check for it in troubles(world)] == ["trunk"]
