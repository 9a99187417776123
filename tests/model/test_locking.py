"""Who may have a site's lock: the truth table, and what holds for any history of a Lease."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.memory_leases import holder

from kuryr_runbook.model.locking import Holder, LeaseRecord, Sighting, Verdict, judge

SECONDS = 30.0
ME, OTHER = holder("me"), holder("other")
LEASE = LeaseRecord(identity=OTHER.identity, holder=OTHER, seconds=SECONDS, uid="u", version="7")
DIED_HERE = replace(LEASE, holder=replace(OTHER, lock_file=ME.lock_file))
MINE = replace(LEASE, identity=ME.identity, holder=ME)
RELEASED = replace(LEASE, identity="")
FOREIGN = replace(LEASE, identity="somebody", holder=None)

durations = st.floats(min_value=0, max_value=1e6)


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("watched", [0.0, SECONDS - 0.1, SECONDS, 10 * SECONDS])
@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (None, Verdict.FREE),
        (RELEASED, Verdict.FREE),
        (MINE, Verdict.OURS),
        (DIED_HERE, Verdict.DEAD),
    ],
    ids=["none", "released", "mine", "its lock file is mine now"],
)
def test_what_needs_no_watching(
    record: LeaseRecord | None, verdict: Verdict, watched: float, changed: bool
) -> None:
    assert judge(Sighting(record, 100.0, changed), ME, 100.0 + watched) is verdict


@pytest.mark.parametrize("record", [LEASE, FOREIGN], ids=["ours", "not of the runbook"])
@pytest.mark.parametrize(
    ("changed", "watched", "verdict"),
    [
        (False, 0.0, Verdict.UNSURE),
        (False, SECONDS - 0.1, Verdict.UNSURE),
        (False, SECONDS, Verdict.DEAD),
        (True, 0.0, Verdict.HELD),
        (True, SECONDS, Verdict.HELD),
    ],
)
def test_a_lease_of_another_machine(
    record: LeaseRecord, changed: bool, watched: float, verdict: Verdict
) -> None:
    assert judge(Sighting(record, 100.0, changed), ME, 100.0 + watched) is verdict


@given(
    began=durations,
    renewals=st.lists(st.floats(min_value=0.01, max_value=SECONDS - 0.01), max_size=20),
    pauses=st.lists(st.floats(min_value=0.01, max_value=100.0), min_size=1, max_size=40),
)
def test_a_lease_that_is_renewed_is_never_taken(
    began: float, renewals: list[float], pauses: list[float]
) -> None:
    """However the two clocks differ, and however the looks fall between the renewals."""
    renewed_at = [0.0]
    for pause in renewals:
        renewed_at.append(renewed_at[-1] + pause)

    def lease(at: float) -> LeaseRecord:
        return replace(LEASE, version=str(sum(time <= at for time in renewed_at)))

    now, sighting = 0.0, Sighting(lease(0.0), began)
    for pause in pauses:
        now += pause
        if now >= renewed_at[-1]:
            return
        sighting = sighting.then(lease(now), began + now)
        assert judge(sighting, ME, began + now) in (Verdict.UNSURE, Verdict.HELD)


@given(
    began=durations,
    pauses=st.lists(st.floats(min_value=0.01, max_value=SECONDS), max_size=40),
)
def test_a_lease_that_is_not_renewed_is_dead_after_its_duration(
    began: float, pauses: list[float]
) -> None:
    now, sighting = began, Sighting(LEASE, began)
    for pause in pauses:
        now += pause
        sighting = sighting.then(LEASE, now)
        dead = now - began >= SECONDS
        assert judge(sighting, ME, now) is (Verdict.DEAD if dead else Verdict.UNSURE)


@given(before=st.sampled_from([None, LEASE, FOREIGN, RELEASED]), later=durations)
def test_what_appears_while_we_look_is_held(before: LeaseRecord | None, later: float) -> None:
    taken = replace(LEASE, version="8")
    sighting = Sighting(before, 0.0).then(taken, later)
    assert judge(sighting, ME, later + 10 * SECONDS) is Verdict.HELD


@given(before=st.sampled_from([LEASE, FOREIGN, DIED_HERE]), later=durations)
def test_what_is_let_go_while_we_look_is_free(before: LeaseRecord, later: float) -> None:
    assert judge(Sighting(before, 0.0).then(None, later), ME, later) is Verdict.FREE


@given(user=st.text(), host=st.text(), pid=st.integers(), command=st.text(), directory=st.text())
def test_a_holder_survives_its_text(
    user: str, host: str, pid: int, command: str, directory: str
) -> None:
    one = replace(ME, user=user, host=host, pid=pid, command=command, directory=directory)
    assert Holder.from_text(one.as_text()) == one


@given(st.text() | st.sampled_from(["{}", "[]", "null", '{"user": 1, "more": 2}']))
def test_a_text_that_is_no_holder_is_none(text: str) -> None:
    assert Holder.from_text(text) is None


@given(st.integers(min_value=0, max_value=len(ME.as_text()) - 1))
def test_half_a_holder_is_none(length: int) -> None:
    assert Holder.from_text(ME.as_text()[:length]) is None


def test_a_holder_is_named_in_full() -> None:
    assert str(LEASE) == (
        "alice@host-other, pid 4711, since 2026-11-25T03:40:00+00:00, `kuryr-runbook run` in "
        "/runs/lab/1"
    )
    assert str(FOREIGN) == "somebody"
