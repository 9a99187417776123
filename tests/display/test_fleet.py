"""Many sites in one table and in one document."""

from __future__ import annotations

from pathlib import Path

import pytest

from kuryr_runbook.display.fleet import (
    SIGNS,
    fleet_document,
    fleet_view,
    standings_document,
    standings_view,
)
from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.model.fleet import SiteAnswer, Standing, State

DONE = SiteAnswer(site="a", file=Path("a.yaml"), status=0, seconds=1.25, summary="all as wanted")
REFUSED = SiteAnswer(site="", file=Path("b.yaml"), status=2, error="2 problems\n  one\n  two")
LEFT = SiteAnswer(site="c", file=Path("c.yaml"), status=None, wave=2)


def test_every_state_has_a_sign() -> None:
    assert {*SIGNS} == {*State}


def test_a_row_says_state_and_result_and_what_is_long_has_the_whole_width() -> None:
    lines = fleet_view("Plans", [DONE, REFUSED]).text.splitlines()
    assert lines[2].split() == ["site", "state", "s", "result"]
    assert lines[4].split(maxsplit=4) == ["a", "✓", "done", "1.2", "all as wanted"]
    assert lines[5].split(maxsplit=4) == ["b.yaml", "✗", "REFUSED", "-", "2 problems"]
    assert [line.strip() for line in lines[6:8]] == ["one", "two"]
    assert lines[-1] == "2 sites: 1 done, 1 refused."


def test_waves_are_shown_where_there_are_any() -> None:
    view = fleet_view("Runs", [DONE, LEFT], "wave 1: 1 of 1 site failed")
    assert "wave" in view.text.splitlines()[2]
    assert view.text.endswith("Stopped: wave 1: 1 of 1 site failed.")
    assert "wave" not in fleet_view("Runs", [DONE]).text.splitlines()[2]


def test_a_machine_gets_the_same_with_null_for_what_there_is_not() -> None:
    document = fleet_document([DONE, REFUSED, LEFT], ExitCode.USAGE)
    assert (document["exit_code"], document["stopped"]) == (2, None)
    done, refused, left = document["sites"]
    assert (done["site"], done["state"], done["error"]) == ("a", "done", None)
    assert (refused["site"], refused["exit_code"]) == (None, 2)
    assert (left["exit_code"], left["wave"]) == (None, 2)


@pytest.mark.parametrize("status", ["SUCCEEDED", ""])
def test_a_standing_names_the_newest_run(status: str) -> None:
    found = Standing(
        site="a",
        file=Path("a.yaml"),
        exit_code=ExitCode.DONE,
        release="train",
        status=status,
        started="2026-11-30T09:00:00+00:00" if status else "",
    )
    row = standings_view([found]).text.splitlines()[4].split()
    assert row[:3] == ["a", "train", status or "-"]
    [document] = standings_document([found], ExitCode.DONE)["sites"]
    assert (document["status"], document["run"]) == (status or None, None)
