"""Progress of a run as lines of JSON."""

from __future__ import annotations

import io
import json

from kuryr_runbook.display.json_lines import JsonProgress


def test_every_event_is_a_line_and_says_where() -> None:
    stream = io.StringIO()
    progress = JsonProgress(stream, clock=lambda: "now")
    progress.line("going on")
    progress.phase("04_daemon", "Deploy the daemon")
    progress.step("Plan")
    progress.step("Plan")
    progress.line("reading\nnodes")
    progress.block("a table")
    progress.phase_ended("SUCCEEDED")
    progress.ended(status="SUCCEEDED", exit_code=0)
    where = {"time": "now", "phase": "04_daemon", "step": "Plan"}
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"time": "now", "event": "line", "text": "going on"},
        {"time": "now", "event": "phase", "phase": "04_daemon", "title": "Deploy the daemon"},
        {**where, "event": "step"},
        {**where, "event": "line", "text": "reading\nnodes"},
        {**where, "event": "table", "text": "a table"},
        {**where, "event": "phase_ended", "status": "SUCCEEDED"},
        {"time": "now", "event": "ended", "status": "SUCCEEDED", "exit_code": 0},
    ]
