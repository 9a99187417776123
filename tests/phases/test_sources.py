"""What phases share that are planned at the same time: each thing is made and read once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from worlds.sites import LAB

from kuryr_runbook.phases import sources as module
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.sources import Sources

THREADS = 4


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The connections that were made."""
    found: list[str] = []

    def kind(name: str) -> type:
        return type(name, (), {"__init__": lambda self, *where: found.append(name)})

    for name in ("AskingCloud", "KubernetesClient"):
        monkeypatch.setattr(module, name, kind(name))
    return found


def test_connections_are_made_when_needed_and_once_for_all_threads(made: list[str]) -> None:
    shared = Sources(read_site(LAB))
    assert made == []
    together = Barrier(THREADS)

    def connect(_: int) -> tuple[object, object]:
        together.wait()
        return shared.cloud, shared.cluster

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(connect, range(THREADS)))) == 1
    assert sorted(made) == ["AskingCloud", "KubernetesClient"]


@pytest.mark.parametrize(("unchanging", "times"), [(True, 1), (False, 3)])
def test_what_does_not_change_is_read_once(unchanging: bool, times: int) -> None:
    shared = Sources(read_site(LAB), unchanging=unchanging)
    seen: list[int] = []
    for _ in range(3):
        shared.read("something", lambda: seen.append(1))
    assert len(seen) == times


def test_what_could_not_be_read_is_read_again() -> None:
    shared = Sources(read_site(LAB), unchanging=True)

    def fail() -> int:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        shared.read("something", fail)
    assert shared.read("something", lambda: 1) == 1
