"""A Lease taken, kept, lost and released: with real threads, and a Lease in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from worlds.memory_leases import MemoryLeases, holder

from kuryr_runbook.clients.kubernetes.leases import LEASE_SECONDS
from kuryr_runbook.model.errors import LockedError, UnreachableError
from kuryr_runbook.phases.lock import lease
from kuryr_runbook.phases.lock.lease import LeaseKeeper

ME, OTHER = holder("me"), holder("other")
PATIENCE = 60.0

Keep = Callable[..., LeaseKeeper]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.01)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def keep(told: list[str]) -> Iterator[Keep]:
    keepers: list[LeaseKeeper] = []

    def keep(leases: MemoryLeases, me: object = ME) -> LeaseKeeper:
        keepers.append(LeaseKeeper(leases, me, told.append))  # type: ignore[arg-type]
        return keepers[-1]

    yield keep
    for keeper in keepers:
        keeper.release()


def await_true(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def interrupted(keeper: LeaseKeeper) -> str:
    """Wait like a long cell until the loss of the Lease interrupts it; the reason."""
    with pytest.raises(KeyboardInterrupt):
        time.sleep(PATIENCE)
    assert keeper.lost is not None
    assert keeper.lost.remedy
    return keeper.lost.message


def test_giving_up_leaves_time_to_stop_before_others_may_take_the_lease() -> None:
    assert lease.GIVE_UP_SECONDS <= LEASE_SECONDS - 10


def test_a_lease_is_made_renewed_and_deleted(keep: Keep, told: list[str]) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    held = leases.record
    assert held is not None
    assert held.holder == ME
    await_true(lambda: leases.writes > 3)
    keeper.release()
    assert leases.record is None
    ended = leases.writes
    time.sleep(0.05)
    assert leases.writes == ended
    assert told == []


def test_a_lease_that_is_renewed_is_refused_and_names_its_holder(
    keep: Keep, told: list[str]
) -> None:
    leases = MemoryLeases()
    keep(leases, OTHER).take()
    with pytest.raises(LockedError) as caught:
        keep(leases).take()
    assert str(OTHER) in caught.value.message
    assert leases.record is not None
    assert leases.record.holder == OTHER


def test_a_dead_lease_is_watched_for_its_duration_and_taken_over(
    keep: Keep, told: list[str]
) -> None:
    leases = MemoryLeases(seconds=0.2)
    leases.create(OTHER)
    began = time.monotonic()
    keep(leases).take()
    assert time.monotonic() - began >= 0.2
    assert leases.record is not None
    assert leases.record.holder == ME
    waiting, taking = told
    assert str(OTHER) in waiting
    assert "waiting" in waiting
    assert f"dead run: {OTHER}" in taking


def test_the_lease_of_a_holder_that_died_here_is_taken_at_once(keep: Keep, told: list[str]) -> None:
    leases = MemoryLeases(seconds=3600)
    leases.create(replace(OTHER, lock_file=ME.lock_file))
    keep(leases).take()
    assert len(told) == 1
    assert "dead" in told[0]


@pytest.mark.parametrize("dead", [False, True], ids=["no lease", "a dead lease"])
def test_of_several_takers_at_once_one_wins(keep: Keep, dead: bool) -> None:
    leases = MemoryLeases(seconds=0.2)
    if dead:
        leases.create(OTHER)
    leases.seconds = LEASE_SECONDS
    takers = [keep(leases, holder(f"taker{number}")) for number in range(8)]
    together = threading.Barrier(len(takers))

    def take(keeper: LeaseKeeper) -> bool:
        together.wait()
        try:
            keeper.take()
        except LockedError:
            return False
        return True

    with ThreadPoolExecutor(len(takers)) as pool:
        assert list(pool.map(take, takers)).count(True) == 1


def test_a_lease_that_is_let_go_meanwhile_is_taken(keep: Keep, told: list[str]) -> None:
    leases = MemoryLeases()
    made = leases.create(OTHER)
    assert made is not None

    def let_go() -> None:
        await_true(lambda: bool(told))
        leases.delete(made)

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    keep(leases).take()
    letting_go.join()
    assert leases.record is not None
    assert leases.record.holder == ME


def test_a_lease_that_somebody_deleted_is_made_again(keep: Keep) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    leases.record = None
    await_true(lambda: leases.record is not None)
    assert keeper.lost is None


def test_an_answer_that_was_lost_is_no_loss(keep: Keep) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    assert leases.record is not None
    leases.record = replace(leases.record, version="of the lost answer")
    seen = leases.writes
    await_true(lambda: leases.writes > seen)
    assert keeper.lost is None


def test_a_lease_that_another_one_took_stops_us(keep: Keep) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    assert leases.record is not None
    leases.record = replace(leases.record, identity=OTHER.identity, holder=OTHER, version="x")
    assert f"{OTHER} took it over" in interrupted(keeper)
    keeper.release()
    assert leases.record is not None, "the other one's Lease is not ours to delete"


def test_a_lease_that_cannot_be_renewed_stops_us_in_time(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "GIVE_UP_SECONDS", 0.2)
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    leases.error = UnreachableError("the API server does not answer: refused")
    assert "the API server does not answer: refused" in interrupted(keeper)


def test_a_renewal_that_hangs_stops_us_too(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "GIVE_UP_SECONDS", 0.2)
    monkeypatch.setattr(lease, "STOPPING_SECONDS", 0.1)
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    hanging = threading.Event()
    monkeypatch.setattr(leases, "replace", lambda *_: hanging.wait() and None)
    assert "could not be renewed" in interrupted(keeper)
    hanging.set()


def test_renewals_may_fail_for_a_while(keep: Keep) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    leases.error = UnreachableError("the API server does not answer: refused")
    time.sleep(0.1)
    leases.error = None
    seen = leases.writes
    await_true(lambda: leases.writes > seen)
    assert keeper.lost is None


def test_a_lease_that_cannot_be_deleted_is_reported_without_an_error(
    keep: Keep, told: list[str]
) -> None:
    leases = MemoryLeases()
    keeper = keep(leases)
    keeper.take()
    leases.error = UnreachableError("the API server does not answer: refused")
    keeper.release()
    assert "will expire" in told[0]


def test_a_cluster_that_does_not_answer_is_not_asked_again_at_the_release(keep: Keep) -> None:
    leases = MemoryLeases()
    leases.error = UnreachableError("the API server does not answer: refused")
    keeper = keep(leases)
    with pytest.raises(UnreachableError):
        keeper.take()
    assert not keeper.taken
    leases.error = AssertionError("asked again")
    keeper.release()
