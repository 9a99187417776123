"""`--watch`: again and again, at a pace, over errors, until Ctrl-C."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from worlds.mendable import MendableWorld
from worlds.sites import LAB

from kuryr_runbook.cli import lab, main
from kuryr_runbook.cli.options import Output, answer
from kuryr_runbook.cli.watching import INTERVAL_SECONDS, LEAST_SECONDS, keep_looking
from kuryr_runbook.display import terminal
from kuryr_runbook.display.terminal import CLEAR
from kuryr_runbook.lab import lifecycle
from kuryr_runbook.lab.lifecycle import Status
from kuryr_runbook.model.errors import CheckError, RunbookError, UnreachableError, UsageError
from kuryr_runbook.phases.site import reading
from kuryr_runbook.phases.sources import Sources


class Desk:
    """A clock that only goes on when somebody waits or looks; Ctrl-C comes after some waits."""

    def __init__(self, waits: int) -> None:
        self.now = 100.0
        self.waited: list[float] = []
        self._waits = waits

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds
        if len(self.waited) == self._waits:
            raise KeyboardInterrupt

    def clock(self) -> float:
        return self.now

    def watch(self, look: Callable[[], object], every: float) -> None:
        keep_looking(look, every, wait=self.wait, clock=self.clock)


def test_looks_begin_every_so_many_seconds_with_a_pause_between_them() -> None:
    desk, took = Desk(3), iter((2.0, 9.5, 30.0))

    def look() -> None:
        desk.now += next(took)

    with pytest.raises(KeyboardInterrupt):
        desk.watch(look, 10.0)
    assert desk.waited == [8.0, LEAST_SECONDS, LEAST_SECONDS]


def test_what_may_work_later_is_reported_and_tried_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    errors: list[RunbookError] = [UnreachableError("Neutron: silence"), CheckError("bad")]
    desk, seen = Desk(3), []

    def look() -> None:
        if errors:
            raise errors.pop(0)
        seen.append(True)

    with pytest.raises(KeyboardInterrupt):
        desk.watch(look, 5.0)
    assert (capsys.readouterr().err, seen) == ("error: Neutron: silence\nerror: bad\n", [True])


def test_wrong_usage_ends_it() -> None:
    def look() -> None:
        raise UsageError("no such file")

    with pytest.raises(UsageError):
        Desk(3).watch(look, 5.0)


@pytest.mark.parametrize(
    ("width", "kind", "clear"), [(80, "xterm", CLEAR), (80, "dumb", ""), (None, "xterm", "")]
)
def test_an_answer_takes_the_last_one_s_place_on_a_terminal_only(
    width: int | None,
    kind: str,
    clear: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(terminal, "_terminal_width", lambda stream: width)
    monkeypatch.setenv("TERM", kind)
    for text in ("one", "two"):
        answer(Output.TABLE, text.upper, dict, again=True)
    assert capsys.readouterr().out == f"{clear}ONE\n{clear}TWO\n"


@pytest.mark.parametrize(
    ("form", "load"),
    [
        (Output.JSON, lambda text: list(map(json.loads, text.splitlines()))),
        (Output.YAML, lambda text: list(yaml.safe_load_all(text))),
    ],
)
def test_each_document_is_one_of_its_own(
    form: Output, load: Callable[[str], object], capsys: pytest.CaptureFixture[str]
) -> None:
    documents: list[Any] = [{"a": [1, "x"]}, [], {}]
    for document in documents:
        answer(form, str, document.copy, again=True)
    assert load(capsys.readouterr().out) == documents


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Commands that watch are interrupted after the second look."""
    desk = Desk(2)
    defaults = {"wait": desk.wait, "clock": desk.clock}
    monkeypatch.setattr(keep_looking, "__kwdefaults__", defaults)
    return desk


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_a_diagnosis_is_repeated_over_the_same_connections(
    twice: Desk, own_state: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world, made = MendableWorld(), list[object]()
    begin = Sources.__init__

    def noted(self: Sources, site: Any) -> None:
        made.append(self)
        begin(self, site)

    monkeypatch.setattr(Sources, "__init__", noted)
    for name in ("cloud", "cluster"):
        monkeypatch.setattr(Sources, name, world)
    monkeypatch.setattr(reading, "read_site", lambda path: world.site)
    picture = tmp_path / "site.svg"
    result = run("diagnose", "--site", LAB, "--watch", "--json", "--picture", picture)
    assert result.exit_code == 130, result.output
    assert [json.loads(line)["worst"] for line in result.stdout.splitlines()] == ["pass", "pass"]
    assert "interrupted" in result.stderr
    assert (len(made), twice.waited) == (1, [INTERVAL_SECONDS, INTERVAL_SECONDS])
    assert picture.exists()


def test_the_lab_is_watched_also_before_there_is_one(
    twice: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter((None, Status(complete=True, programs=(), other_memory=0)))
    monkeypatch.setattr(lifecycle, "status", lambda settings: next(found))
    monkeypatch.setattr(lab, "_no_lab", lambda: ("there is no lab", "bring it up"))
    result = run("lab", "status", "--watch", "--interval", "2.5", "-o", "yaml")
    assert result.exit_code == 130, result.output
    assert "there is no lab" in result.stderr
    assert yaml.safe_load(result.stdout)["well"] is True
    assert twice.waited == [2.5, 2.5]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["diagnose", "--site", LAB, "--watch", "--fix"], "--watch"),
        (["diagnose", "--snapshot", LAB, "--watch"], "--watch"),
        (["diagnose", "--site", LAB, "--interval", "3"], "--interval"),
        (["lab", "status", "--watch", "--interval", "0.5"], "--interval"),
        (["diagnose", "--site", LAB, "--watch", "--interval", "nan"], "'nan' is not a number"),
        (["diagnose", "--site", LAB, "--watch", "--interval", "inf"], "--interval"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str | Path], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
