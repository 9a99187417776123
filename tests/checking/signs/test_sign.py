"""A line explains what came into trouble after it, and not what something newer complains of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import moments_ago
from worlds.world import World

HOUR = 3600


def line(seconds_ago: float, text: str = "ConnectTimeout: Request to https://x timed out") -> str:
    time = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return f"{time:%Y-%m-%d %H:%M:%S}.403 1 ERROR kuryr_kubernetes.handlers.logging [-] {text}"


def waiting(made: float, complained: float | None) -> World:
    """A pod without interface, made and last complained of so many seconds ago."""
    world = World()
    world.unhandle("web-1")
    (event,) = world.objects["Event"]
    if complained is None:
        world.objects["Event"].clear()
    else:
        event["lastTimestamp"] = moments_ago(complained)
    world.object("Pod", "web-1")["metadata"]["creationTimestamp"] = moments_ago(made)
    return world


@pytest.mark.parametrize(
    ("said", "made", "complained", "is_cause"),
    [
        (100, 200, 90, True),
        (100, 200, None, True),
        (HOUR, HOUR + 60, None, True),
        (HOUR, 2 * HOUR, None, False),
        (500, 2 * HOUR, None, True),
        (HOUR, 300, 90, False),
        (HOUR, 300, None, False),
        (HOUR, 2 * HOUR, 10, False),
        (HOUR, 2 * HOUR, HOUR - 60, True),
    ],
)
def test_times_decide(
    said: float, made: float, complained: float | None, *, is_cause: bool
) -> None:
    world = waiting(made, complained)
    world.logs["kuryr-controller-0"] = line(said)
    first = troubles(world)[0]
    assert (first.check == "controller-log") is is_cause
    assert tuple(map(str, first.victims)) == ("pod default/web-1",)


def test_what_is_tried_once_at_the_start_may_have_failed_long_ago() -> None:
    world = waiting(5 * HOUR, None)
    container = world.program_pod("kuryr-controller")["status"]["containerStatuses"][0]
    container["state"] = {"running": {"startedAt": moments_ago(2 * HOUR)}}
    world.logs["kuryr-controller-0"] = line(2 * HOUR - 60)
    assert troubles(world)[0].check == "controller-log"


def test_of_a_controller_that_is_not_ready_any_line_of_its_run_counts() -> None:
    world = waiting(60, 10)
    status = world.program_pod("kuryr-controller")["status"]
    status["conditions"] = []
    status["containerStatuses"][0]["state"] = {"running": {"startedAt": moments_ago(2 * HOUR)}}
    world.logs["kuryr-controller-0"] = line(HOUR)
    (found,) = troubles(world)
    assert (found.check, *map(str, found.victims)) == ("controller-log", "pod default/web-1")


@pytest.mark.parametrize("state", ["running", "terminated"])
def test_what_was_said_before_the_last_restart_is_no_cause(state: str) -> None:
    world = waiting(2 * HOUR, None)
    container = world.program_pod("kuryr-controller")["status"]["containerStatuses"][0]
    container["state"] = {state: {"startedAt": moments_ago(600)}}
    world.logs["kuryr-controller-0"] = line(HOUR)
    assert "controller-log" not in {it.check for it in troubles(world)}


def test_a_line_that_is_still_to_come_was_written_in_another_zone() -> None:
    world = waiting(200, 90)
    world.logs["kuryr-controller-0"] = line(-HOUR)
    assert troubles(world)[0].check == "controller-log"


def test_of_two_pods_a_line_explains_the_one_that_it_is_not_older_than() -> None:
    world = waiting(2 * HOUR, None)
    world.unhandle("web-2")
    world.objects["Event"].clear()
    world.object("Pod", "web-2")["metadata"]["creationTimestamp"] = moments_ago(300)
    world.logs["kuryr-controller-0"] = line(450)
    told = {it.check: tuple(map(str, it.victims)) for it in troubles(world)}
    assert told["controller-log"] == ("pod default/web-1",)
    assert told["pod-unhandled"] == ("pod default/web-2",)
