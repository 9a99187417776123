"""The timeline of a run."""

from __future__ import annotations

from runs.recorded import a_phase

from kuryr_runbook.recording.pages.timeline import MOST, render_timeline, spans


def at(seconds: float) -> str:
    return f"2026-11-26T10:00:{seconds:06.3f}+00:00"


CELL = {"id": "apply", "step": "Apply", "status": "RAN", "started": at(1), "ended": at(4)}
DONE = {"done": "done", "action": "create", "kind": "subnet", "name": "pods", "id": "0b1c"}


def test_phases_cells_and_steps_are_in_order_of_time() -> None:
    step = {**DONE, "started": at(2), "ended": at(3)}
    check = {**CELL, "id": "check", "step": "Check", "started": at(4), "ended": at(5)}
    found = [*spans([a_phase("prep", cells=[check, CELL], outcomes=[step])])]
    assert [(it.depth, it.name, it.seconds, it.made) for it in found] == [
        (0, "prep", 5.0, ""),
        (1, "Apply", 3.0, ""),
        (2, "create subnet pods", 1.0, "0b1c"),
        (1, "Check", 1.0, ""),
    ]


def test_what_has_no_times_is_left_out() -> None:
    never = a_phase("daemon", started=None, ended=None)
    broken = a_phase("x", cells=[{**CELL, "started": "yesterday"}, {**CELL, "ended": 3}])
    assert [span.name for span in spans([never, broken])] == ["x"]
    assert render_timeline([never]) == ""


def test_a_bar_says_no_more_than_the_numbers_beside_it() -> None:
    text = render_timeline([a_phase("prep", cells=[CELL], outcomes=[])])
    assert '<rect class="cell" x="200" width="600" height="10"/>' in text
    assert 'aria-hidden="true"' in text
    for said in ("Apply", "10:00:01", "3.0"):
        assert said in text


def test_a_long_one_says_how_much_is_left_out() -> None:
    text = render_timeline([a_phase("prep", cells=[CELL] * (MOST + 4))])
    assert "5 more are in the record" in text
