"""The order of a take-over: never two controllers or daemons, and a way back."""

from __future__ import annotations

import pytest
from worlds.installed import SECRET, SHAPES, installed
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.planning.takeover import Move, losses, moves, refusal
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, read_found_kuryr

POSSIBLE = [it for it in SHAPES if "OpenShift" not in it]


def found(world: World) -> FoundKuryr:
    kuryr = read_found_kuryr(world)
    assert kuryr is not None
    return kuryr


def at(order: tuple[Move, ...], command: str) -> int:
    """The position of the first step with a command that begins so."""
    return next(n for n, it in enumerate(order) if any(c.startswith(command) for c in it.commands))


@pytest.mark.parametrize("shape", POSSIBLE)
def test_what_is_there_goes_before_the_runbooks_programs_come(shape: str) -> None:
    kuryr = found(SHAPES[shape]())
    order = moves(kuryr)
    run = next(n for n, it in enumerate(order) if "kuryr-runbook run --site FILE" in it.commands)
    for program in kuryr.programs:
        kind = program.kind.lower()
        saved = at(order, f"kubectl -n kube-system get {kind} {program.name} -o yaml")
        gone = at(order, f"kubectl -n kube-system delete {kind} {program.name}")
        back = at(order, f"kubectl replace --force -f {kind}-{program.name}.yaml")
        assert saved < gone < run < back


@pytest.mark.parametrize("shape", POSSIBLE)
def test_whatever_has_a_login_is_saved_and_put_back(shape: str) -> None:
    kuryr = found(SHAPES[shape]())
    order = moves(kuryr)
    for login in kuryr.logins:
        kind, _, place = login.where.partition(" ")
        name = f"{kind.lower()}-{place.partition('/')[2]}.yaml"
        saved = next(it for it in order if any(name in command for command in it.commands))
        assert saved.commands[0] == "umask 077"
        assert any(name in command for command in order[-1].commands)
    assert SECRET not in repr(order)


def test_an_old_configuration_goes_unless_the_phases_replace_it() -> None:
    commands = [c for it in moves(found(SHAPES["upstream's manifests, yoga"]())) for c in
                it.commands]  # fmt: skip
    assert "kubectl -n kube-system delete configmap kuryr-config" in commands
    commands = [c for it in moves(found(SHAPES["the original's role"]())) for c in it.commands]
    assert "kubectl -n kube-system delete secret kuryr-config" not in commands


def test_the_operators_and_the_runbooks_own_are_not_taken_over() -> None:
    theirs = found(SHAPES["OpenShift's operator"]())
    assert "puts back" in refusal(theirs)
    assert moves(theirs) == ()
    own = found(installed(VifDriver.NESTED_MACVLAN, "yoga"))
    assert "nothing to take over" in refusal(own)
    assert moves(own) == ()


def test_what_would_be_lost_is_named() -> None:
    lost = " ".join(losses(found(SHAPES["OpenShift's operator"]())))
    for words in ("policies are enforced now", "subnets of their own", "made in advance"):
        assert words in lost
    assert [*losses(found(SHAPES["the original's role"]()))] == []
