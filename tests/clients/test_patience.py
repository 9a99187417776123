"""Asking again: which answers, how long, and what is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kuryr_runbook.clients.patience import (
    LONGEST_PAUSE,
    LOOK_PAUSES,
    REMIND_SECONDS,
    TransientError,
    patiently,
    polls,
    retry_after,
)
from kuryr_runbook.model.errors import ApplyError


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of each pause, which takes no time."""
    taken: list[float] = []
    clock = [1000.0]

    def sleep(seconds: float) -> None:
        taken.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    return taken


def failing(times: int, retry_after: float = 0.0) -> Callable[[], str]:
    left = [times]

    def attempt() -> str:
        if left[0]:
            left[0] -= 1
            raise TransientError(ApplyError("Neutron answered 503"), retry_after)
        return "done"

    return attempt


def test_what_works_at_once_is_asked_once(naps: list[float]) -> None:
    told: list[str] = []
    assert patiently(failing(0), seconds=10, notify=told.append) == "done"
    assert (naps, told) == ([], [])


def test_pauses_grow_and_are_told(naps: list[float]) -> None:
    told: list[str] = []
    assert patiently(failing(4), seconds=60, notify=told.append) == "done"
    assert naps == sorted(naps)
    assert len(told) == 4
    assert all("Neutron answered 503; trying again in" in line for line in told)


def test_the_server_may_ask_for_a_longer_pause(naps: list[float]) -> None:
    patiently(failing(1, retry_after=20), seconds=60, notify=lambda line: None)
    assert naps == [20]


def test_at_the_deadline_the_last_error_is_reported(naps: list[float]) -> None:
    with pytest.raises(ApplyError, match="503"):
        patiently(failing(10_000), seconds=30, notify=lambda line: None)
    assert sum(naps) <= 30


def test_other_errors_are_not_for_patience(naps: list[float]) -> None:
    def attempt() -> str:
        raise ApplyError("quota exceeded")

    with pytest.raises(ApplyError):
        patiently(attempt, seconds=30, notify=lambda line: None)
    assert naps == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 0), ("", 0), ("7", 7), ("100000", LONGEST_PAUSE), ("soon", 0), ("²", 0), ("-3", 0)],
)
def test_seconds_of_retry_after(value: str | None, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(time, "time", now.timestamp)
    assert retry_after(format_datetime(now + timedelta(seconds=9), usegmt=True)) == 9
    assert retry_after(format_datetime(now - timedelta(seconds=9), usegmt=True)) == 0


def test_what_takes_long_is_looked_at_less_often(naps: list[float]) -> None:
    moments = list(polls("it", seconds=120, notify=lambda line: None))
    assert len(naps) == len(moments)
    assert naps == sorted(naps)
    assert (naps[0], naps[-1]) == LOOK_PAUSES
    assert 120 <= sum(naps) < 120 + LOOK_PAUSES[1]


def test_what_has_come_is_looked_at_no_more(naps: list[float]) -> None:
    next(polls("it", seconds=120, notify=lambda line: None))
    assert naps == []


def test_a_long_wait_is_reported_of_now_and_then(naps: list[float]) -> None:
    told: list[str] = []
    for _ in polls("the load balancer", seconds=4 * REMIND_SECONDS, notify=told.append):
        pass
    assert len(told) == 3
    assert told[0].startswith("waiting for the load balancer: 1")
    assert told[0].endswith(" s of at most 60 s")
