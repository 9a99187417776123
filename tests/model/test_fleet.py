"""Which sites are the same, in which waves they come, when to stop, and how it all ended."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.model.fleet import (
    GRAVITY,
    Member,
    SiteAnswer,
    State,
    in_waves,
    is_too_much,
    same_ones,
    worst_status,
)


def member(name: str, server: str = "") -> Member:
    return Member(file=Path(f"{name}{len(server)}.yaml"), name=name, release="stein", server=server)


def test_a_site_or_a_cluster_that_is_there_twice_is_named() -> None:
    one, again = member("a", "https://a:6443"), member("a", "https://other:6443")
    alias, other = member("b", "https://a:6443"), member("c", "https://c:443")
    found = [*same_ones([one, again, alias, other])]
    assert [it.split(":")[0] for it in found] == ["site a", "cluster https"]
    assert str(one.file) in found[0]
    assert str(again.file) in found[0]
    assert str(alias.file) in found[1]


def test_clusters_that_are_not_known_are_not_the_same() -> None:
    assert not [*same_ones([member("a"), member("b")])]


@given(st.lists(st.integers(), max_size=30), st.integers(0, 5), st.none() | st.integers(1, 7))
def test_every_site_is_in_one_wave_and_in_order(
    items: list[int], canaries: int, size: int | None
) -> None:
    waves = in_waves(items, canaries, size)
    assert [*chain.from_iterable(waves)] == items
    assert all(waves)
    rest = waves[1:] if canaries and items else waves
    assert all(len(wave) <= (size or len(items)) for wave in rest)
    if canaries and items:
        assert [*waves[0]] == items[:canaries]


@pytest.mark.parametrize(
    ("failed", "size", "tolerated", "stops"),
    [
        (0, 1, 0.0, False),
        (1, 1, 0.0, True),
        (1, 100, 0.0, True),
        (1, 10, 10.0, False),
        (2, 10, 10.0, True),
        (10, 10, 100.0, False),
    ],
)
def test_more_failures_than_tolerated_stop(
    failed: int, size: int, tolerated: float, *, stops: bool
) -> None:
    assert is_too_much(failed, size, tolerated) is stops


def test_every_exit_status_has_its_gravity() -> None:
    assert {*GRAVITY} == {*ExitCode}


@given(st.lists(st.none() | st.sampled_from([*ExitCode]) | st.just(-9)))
def test_the_exit_status_is_that_of_the_worst(statuses: list[int | None]) -> None:
    worst = worst_status(statuses)
    assert (worst is ExitCode.DONE) == ({*statuses} <= {None, 0})
    if ExitCode.INTERRUPTED in statuses:
        assert worst is ExitCode.INTERRUPTED
    elif -9 in statuses:
        assert worst is ExitCode.FAILED


@pytest.mark.parametrize(
    ("status", "state"),
    [(0, State.DONE), (3, State.CHANGES), (2, State.REFUSED), (1, State.FAILED), (-9, State.FAILED),
     (130, State.INTERRUPTED), (None, State.NOT_STARTED)],
)  # fmt: skip
def test_a_status_is_a_word(status: int | None, state: State) -> None:
    assert SiteAnswer(site="a", file=Path("a.yaml"), status=status).state is state
