"""What could not be read, or not soon enough, is marked and not absent."""

from __future__ import annotations

import threading

import pytest

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known, within


def refused() -> int:
    raise AccessError("no right", remedy="get one")


@pytest.mark.parametrize("attempt", [attempted, within(60)])
def test_an_answer_or_the_reason_why_there_is_none(attempt: object) -> None:
    assert callable(attempt)
    assert attempt(lambda: 1) == 1
    found = attempt(refused)
    assert found == Unreadable("no right", "get one")
    with pytest.raises(AccessError, match="no right"):
        known(found)


def test_what_takes_too_long_could_not_be_read() -> None:
    ended = threading.Event()
    assert within(0.01)(ended.wait) == Unreadable("no complete answer in 0 s")
    ended.set()
