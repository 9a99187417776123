"""What security groups let through, and whose they are."""

from __future__ import annotations

from spoiling.diagnosis import (
    OVS,
    VLAN,
    troubles,
)
from worlds.world import World

from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import OctaviaProvider


def test_the_rule_of_the_api_servers() -> None:
    world = World()
    world.add_port("master", "s-nodes", "n-nodes", "172.16.0.9", security_groups=["g-nodes"])
    assert troubles(world) == []
    world.remove("security_group_rule", "r-api")
    (found,) = (it for it in troubles(world) if it.check != "site-drift")
    assert (found.check, *map(str, found.victims)) == ("api-rule", "API server 172.16.0.9")
    assert "--dst-port 6443" in found.remedy


def test_a_port_without_port_security_lets_everything_in() -> None:
    world = World(driver=OVS)
    world.remove("security_group_rule", "r-pod-services")
    for port in world.resources["port"]:
        port["port_security_enabled"] = False
    assert [it.check for it in troubles(world)] == ["site-drift"]


def test_a_provider_that_keeps_clients_addresses_needs_an_open_group() -> None:
    world = World(driver=VLAN, release="2024.1")
    kuryr = world.site.kuryr.model_copy(update={"octavia_provider": OctaviaProvider.OVN})
    world.site = world.site.model_copy(update={"kuryr": kuryr})
    world.configure()
    for balancer in world.resources["loadbalancer"]:
        balancer["provider"] = "ovn"
    (found,) = (it for it in troubles(world) if it.check != "site-drift")
    assert (found.check, len(found.victims)) == ("service-subnet-rule", 4)
    world.add_rule("r-open", "g-pods")
    assert {it.check for it in troubles(world)} == {"site-drift"}


def test_a_group_of_another_project_is_unknown_and_not_closed() -> None:
    world = World()
    world.remove("security_group_rule", "r-services")
    world.remove("security_group", "g-nodes")
    found = [it for it in troubles(world) if it.check != "site-drift"]
    assert [it.status for it in found] == [Status.UNKNOWN]
    assert "another project" in found[0].evidence


def test_a_rule_with_half_a_range_of_ports_admits_nothing_and_harms_nothing() -> None:
    world = World()
    for rule in world.resources["security_group_rule"]:
        rule.update(protocol="tcp", port_range_min=1, port_range_max=None)
    assert {it.check for it in troubles(world)} == {
        "service-subnet-rule", "pod-traffic-rule", "egress",
    }  # fmt: skip
