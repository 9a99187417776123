"""What has just changed is named if something is found about it; nothing else is."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import Spoil, both, change, diagnosed, member_lost, pair_lost
from worlds.objects import moments_ago
from worlds.world import World

from kuryr_runbook.checking.settling import changing
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.errors import AccessError

# The times are those of the test, not of its collection, which may be minutes earlier.


def created(pod: str) -> Spoil:
    return _at(pod, "creationTimestamp")


def ending(pod: str) -> Spoil:
    return _at(pod, "deletionTimestamp")


def _at(pod: str, field: str) -> Spoil:
    return lambda world: world.object("Pod", pod)["metadata"].update({field: moments_ago(5)})


def started(world: World) -> None:
    [container] = world.program_pod("kuryr-controller")["status"]["containerStatuses"]
    container["state"] = {"running": {"startedAt": moments_ago(5)}}


def updated(seconds: float) -> Spoil:
    return lambda world: change(*BALANCER, updated_at=moments_ago(seconds))(world)


BALANCER = ("loadbalancer", "default/web-0")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda world: None, ""),
        (both(created("web-1"), started), ""),
        (pair_lost, ""),
        (member_lost, ""),
        (both(pair_lost, created("web-1")), ""),
        (both(pair_lost, created("web-3")), "pod default/web-3"),
        (both(pair_lost, started), "pod default/web-3"),
        (both(member_lost, started), "service default/web-0"),
        (both(member_lost, created("web-0")), "service default/web-0"),
        (both(member_lost, updated(5)), "service default/web-0"),
        (both(member_lost, updated(90)), ""),
    ],
)
def test_what_has_just_changed_is_named(spoil: Spoil, what: str) -> None:
    world = World()
    spoil(world)
    assert changing(Look(world.read()), diagnosed(world)) == what


def test_a_member_of_a_pod_that_ends_is_of_its_service() -> None:
    world = World()
    both(change("listener", "l-default/web-0", admin_state_up=False), ending("web-1"))(world)
    assert changing(Look(world.read()), diagnosed(world)) == "service default/web-0"


def test_what_cannot_be_read_has_not_changed() -> None:
    world = World()
    both(pair_lost, created("web-3"))(world)
    look, found = Look(world.read()), diagnosed(world)
    world.broken["Service"] = AccessError("it says no")
    assert changing(look, found) == "pod default/web-3"
    assert changing(Look(world.read()), found) == ""
