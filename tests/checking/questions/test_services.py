"""Services that need no load balancer."""

from __future__ import annotations

from spoiling.diagnosis import (
    troubles,
)
from worlds.objects import endpoints, service
from worlds.world import World


def test_headless_services_need_no_load_balancer_and_pods_in_the_nodes_network_no_port() -> None:
    world = World()
    world.objects["Service"].append(service("headless", "None"))
    world.objects["Endpoints"].append(endpoints("headless", [("web-1", "10.64.0.11")]))
    assert troubles(world) == []
