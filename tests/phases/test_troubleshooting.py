"""Phase 90 around its checks: it only looks, draws what it read, and keeps that."""

from __future__ import annotations

from pathlib import Path

import pytest
from diagnosis_worlds import World

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.phases.catalogue import TROUBLESHOOTING
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.snapshots.diagnosis import load_snapshot


def phase(world: World) -> Troubleshooting:
    made = Troubleshooting(**dict(world.site))
    made.cloud, made.cluster = world, world  # type: ignore[assignment]
    return made


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


def test_it_reads_when_nothing_was_read_yet(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "snapshot.json"
    phase(world).save(file)
    assert load_snapshot(file).site == world.site


@pytest.mark.parametrize(
    "what", ["Pod", "Service", "Endpoints", "port", "loadbalancer", "listener", "pool", "member",
             "security_group_rule", "subnet"],
)  # fmt: skip
def test_what_was_not_read_is_drawn_as_unknown(what: str) -> None:
    world = World()
    world.broken = {what: AccessError(f"no {what}")}
    made = phase(world)
    drawn = f"{made.trace(pod='web-1')}\n{made.trace(service='web-0')}"
    assert f"could not look: no {what}" in " ".join(drawn.split())
