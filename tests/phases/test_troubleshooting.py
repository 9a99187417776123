"""Phase 90 around its checks: it only looks, draws what it read, and keeps that."""

from __future__ import annotations

from pathlib import Path

import pytest
from diagnosis_worlds import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.phases.catalogue import TROUBLESHOOTING
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.snapshots.diagnosis import load_snapshot


def phase(world: World) -> Troubleshooting:
    made = Troubleshooting(**dict(world.site))
    made.cloud, made.cluster = world, world  # type: ignore[assignment]
    return made


def unwrapped(drawing: object) -> str:
    return " ".join(str(drawing).replace("│", " ").split())


def test_it_is_in_the_catalogue_and_plans_nothing() -> None:
    assert TROUBLESHOOTING.load() is Troubleshooting
    made = phase(World())
    assert made.make_plan().steps == ()
    assert made.carry_out(made.make_plan()) == []


def test_a_finding_is_an_answer_and_no_error() -> None:
    world = World()
    world.remove("port", "port-web-1")
    view = phase(world).check()
    assert "FAIL" in view.text
    assert "pod default/web-1" in view.html


def test_the_way_is_drawn_from_what_was_read_last() -> None:
    world = World()
    made = phase(world)
    made.check()
    asked = len(world.lists)
    view = made.trace(pod="web-1")
    assert len(world.lists) == asked
    assert "allows the pair" in view.text
    assert "node's port" not in made.trace(pod="none").text
    assert "Octavia" not in made.trace().text
    assert view.data["hops"][0]["what"] == "pod"


def test_the_picture_is_drawn_from_what_was_read_last() -> None:
    world = World()
    world.remove("port", "port-web-1")
    made = phase(world)
    made.check()
    asked = len(world.lists)
    view = made.picture()
    assert len(world.lists) == asked
    assert "web-1: 10.64.0.11  ✗1" in view.text
    assert view.html.startswith("<div><svg ")


def test_it_reads_when_nothing_was_read_yet(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "snapshot.json"
    phase(world).save(file)
    assert load_snapshot(file).site == world.site


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (VifDriver.NESTED_MACVLAN, "node's port worker2 allows the pair"),
        (VifDriver.NESTED_VLAN, "trunk trunk-worker2 ACTIVE carries the pod's"),
        (VifDriver.NEUTRON_VIF, "port port-web-1"),
    ],
)
def test_the_way_is_that_of_the_driver(driver: VifDriver, said: str) -> None:
    drawn = str(phase(World(driver=driver)).trace(pod="web-1"))
    assert "FAIL" not in drawn
    assert all(word in drawn for word in said.split())
    assert ("node's port" in drawn) is (driver is not VifDriver.NEUTRON_VIF)


def test_where_the_way_ends_is_a_failure() -> None:
    world = World(driver=VifDriver.NESTED_VLAN)
    world.resource("trunk", "trunk-worker2")["sub_ports"].clear()
    world.remove("listener", "l-default/web-0")
    drawn = unwrapped(phase(world).trace(pod="web-1", service="web-0"))
    assert "does NOT carry the pod's" in drawn
    assert "there is none" in drawn
    assert "there is none of that name" in str(phase(world).trace(pod="gone"))
    assert "there is none that Kuryr serves" in str(phase(world).trace(service="gone"))


@pytest.mark.parametrize(
    "what", ["Pod", "Service", "Endpoints", "port", "loadbalancer", "listener", "pool", "member",
             "security_group_rule", "subnet"],
)  # fmt: skip
def test_what_was_not_read_is_drawn_as_unknown(what: str) -> None:
    world = World()
    world.broken = {what: AccessError(f"no {what}")}
    made = phase(world)
    drawn = f"{made.trace(pod='web-1')}\n{made.trace(service='web-0')}"
    assert f"could not look: no {what}" in unwrapped(drawn)
