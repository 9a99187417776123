"""Who is at work in an engine's storage, and what becomes of what killed builds left there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kuryr_runbook.clients.images.workplace import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path / "storage")


def tidied(place: Workplace) -> bool:
    """Whether somebody who comes now tidies."""
    done: list[bool] = []
    with Workplace(place.folder).at_work(lambda: done.append(True)):
        return bool(done)


def test_who_is_alone_tidies_before_the_work(place: Workplace) -> None:
    assert tidied(place)
    assert tidied(place)


def test_nobody_tidies_where_another_run_is_at_work(place: Workplace) -> None:
    with place.at_work(lambda: None):
        assert not tidied(place)
    assert tidied(place)


def test_the_engine_of_a_run_that_was_killed_is_at_work_until_it_ends(place: Workplace) -> None:
    with place.at_work(lambda: None):
        engine = subprocess.Popen(["sleep", "600"], pass_fds=place.descriptors)
    try:
        assert not tidied(place)
    finally:
        engine.kill()
        engine.wait()
    assert tidied(place)
