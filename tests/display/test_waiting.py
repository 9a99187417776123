"""What is awaited, as lines and as an output of JupyterLab that ends."""

from __future__ import annotations

from typing import Any

import pytest

from kuryr_runbook.display import waiting
from kuryr_runbook.display.waiting import LiveWait, PlainChanges, PlainWait, begin_wait


class Handle:
    """In the place of IPython's."""

    shown: list[dict[str, str]]

    def __init__(self) -> None:
        Handle.shown = []

    def display(self, bundle: dict[str, str], **_: Any) -> None:
        self.shown.append(bundle)

    update = display


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "is_interactive", lambda: True)
    monkeypatch.setattr("IPython.display.DisplayHandle", Handle)


def test_headless_a_wait_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    wait = begin_wait("the moon", 60.0)
    wait.still("clouds", 14.0)
    wait.still("clouds", 15.0)
    wait.still("clouds", 16.0)
    wait.expired("rain", 60.0)
    assert isinstance(wait, PlainWait)
    assert capsys.readouterr().out.splitlines() == [
        "waiting for the moon, at most 60 s",
        "  still waiting: clouds",
        "the moon: not within 60 s; last seen: rain",
    ]


def test_a_rollout_says_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    wait = begin_wait("pods", 60.0, PlainChanges)
    for seen in ("0 of 2", "0 of 2", "1 of 2"):
        wait.still(seen, 1.0)
    wait.came("2 of 2", 2.0)
    assert capsys.readouterr().out.splitlines() == ["0 of 2", "1 of 2", "2 of 2"]


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(
    ("end", "word"), [("came", "✓ done"), ("expired", "✗ not in time"), ("broken", "- stopped")]
)
def test_in_jupyterlab_one_output_shows_the_state_and_ends(
    end: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wait = begin_wait("the moon", 60.0, PlainChanges)
    assert isinstance(wait, LiveWait)
    wait.still("<clouds>", 5.0)
    assert "&lt;clouds&gt;" in Handle.shown[-1]["text/html"]
    assert Handle.shown[-1]["text/plain"] == "… waiting the moon, 5 s of at most 60 s: <clouds>"
    wait.broken() if end == "broken" else getattr(wait, end)("stars", 7.0)
    assert word in Handle.shown[-1]["text/html"]
    assert 'role="status"' in Handle.shown[-1]["text/html"]
    assert capsys.readouterr().out == ""
