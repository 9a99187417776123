"""To what a path can be drawn: all pods and Services, those with findings first."""

from __future__ import annotations

from worlds.objects import service
from worlds.world import World

from kuryr_runbook.checking.places import Targets, places_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import Status


def places(world: World) -> dict[str, Targets]:
    return places_of(Look(world.read()))


def test_all_are_there_in_the_order_of_people() -> None:
    world = World(12)
    world.objects["Service"].append(service("web", "10.96.0.77", namespace="shop"))
    found = places(world)
    assert found.keys() == {"default", "shop"}
    assert [it.name for it in found["default"].pods] == [f"web-{index}" for index in range(12)]
    assert [it.name for it in found["default"].services] == ["web-0"]
    assert [it.name for it in found["shop"].services] == ["web"]


def test_those_with_findings_are_first() -> None:
    world = World(12)
    world.remove("port", "port-web-7")
    found = places(world)
    first, second, *_ = found["default"].pods
    assert (first.name, first.status) == ("web-7", Status.FAIL)
    assert (second.name, second.status) == ("web-0", Status.PASS)
    assert found["default"].findings == 1


def test_a_pod_that_has_ended_has_no_path() -> None:
    world = World(2)
    world.object("Pod", "web-0")["status"]["phase"] = "Succeeded"
    assert [it.name for it in places(world)["default"].pods] == ["web-1"]


def test_what_was_not_read_is_left_out() -> None:
    world = World(2)
    world.broken = {"Pod": AccessError("no")}
    assert places(world)["default"].pods == ()
    assert places(world)["default"].services
