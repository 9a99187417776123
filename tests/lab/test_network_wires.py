"""The fixed part of the lab's network: what stands in its way is refused."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from kuryr_runbook.lab.network.wires import foreign_routes
from kuryr_runbook.lab.settings import HOST_LINK

NEEDED = (IPv4Network("203.0.113.128/25"), IPv4Network("198.51.100.0/24"))


@pytest.mark.parametrize(
    ("route", "is_foreign"),
    [
        ({"dst": "default", "dev": "eth0"}, False),
        ({"dst": "0.0.0.0/1", "dev": "tun0"}, False),
        ({"dst": "10.0.0.0/8", "dev": "eth0"}, False),
        ({"dst": "198.51.100.0/24", "dev": HOST_LINK}, False),
        ({"dst": "198.51.100.7", "dev": "eth0"}, True),
        ({"dst": "198.51.0.0/16", "dev": "eth0"}, True),
        ({"dst": "203.0.113.200", "dev": "eth0", "type": "local"}, True),
        ({"dst": "203.0.113.0/25", "dev": "eth0"}, False),
        ({"dst": "198.51.100.0/24", "type": "blackhole"}, True),
    ],
)
def test_routes_of_others_into_the_labs_ranges_are_found(
    route: dict[str, Any], is_foreign: bool
) -> None:
    assert bool(foreign_routes([route], NEEDED)) == is_foreign


def test_a_foreign_route_is_named_with_its_device() -> None:
    route = {"dst": "198.51.100.0/24", "dev": "eth0"}
    assert foreign_routes([route], NEEDED) == ("198.51.100.0/24 dev eth0",)
