"""One hostile text in every field of a cluster and a cloud, through every output there is."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs.recorded import STEP as RECORDED_STEP
from runs.recorded import a_phase, recorded
from support.hostile import HOSTILE, faults, injections, spoilt
from worlds.world import World

from kuryr_runbook.checking.diagnosis import EVERYWHERE, Place, check_diagnosis
from kuryr_runbook.checking.paths import trace
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.cli import main
from kuryr_runbook.display.findings import causes_view, findings_view
from kuryr_runbook.display.json_lines import JsonProgress
from kuryr_runbook.display.junit import junit, report_data
from kuryr_runbook.display.live import LiveProgress
from kuryr_runbook.display.plans import outcomes_view, plan_view
from kuryr_runbook.display.records import differences_view, record_view
from kuryr_runbook.display.tables import table
from kuryr_runbook.display.terminal import Screen, drawn, echo_on, guard_logging
from kuryr_runbook.display.topology import topology_view
from kuryr_runbook.display.topology_svg import topology_svg
from kuryr_runbook.display.trees import path_view
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Change, Done, Outcome, Plan, Step, Target
from kuryr_runbook.model.visible import json_text
from kuryr_runbook.recording.pages.frame import part
from kuryr_runbook.recording.pages.index import comparison_data, render_index
from kuryr_runbook.recording.pages.overview import Run, render_overview
from kuryr_runbook.running.engine import shown
from kuryr_runbook.running.junit import render_junit

TEXTS = st.just(HOSTILE) | st.text(max_size=30)
OUR_COLOURS = re.compile(r"\x1b\[(0|1|3[1-5])m")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each text in the answers, as its container and its key there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(pairs):
        if isinstance(item, str):
            yield value, key
        elif isinstance(item, dict | list):
            yield from places(item)


def outputs(world: World) -> Iterator[tuple[str, str, str]]:
    """What diagnosis shows of it: name, text and HTML of each form."""
    look = Look(world.read())
    findings = check_diagnosis(look, EVERYWHERE)
    pods = [pod.name for pod in look.pods][:1]
    for view in (
        causes_view("Diagnosis", findings),
        findings_view("Findings", findings),
        topology_view(topology_of(look, findings), "Topology"),
        *(path_view("Path", trace(look, Place(pod=name))) for name in pods),
    ):
        yield "view", view.text, view.html
        coloured = drawn(view, Screen(140, has_colour=True))
        yield "terminal", OUR_COLOURS.sub("", coloured), ""
    yield "svg", topology_svg(topology_of(look, findings), f"of {HOSTILE}"), ""
    yield "junit", junit(findings), ""
    yield "json", json_text(report_data(world.site.name, findings, ()), indent=2), ""


def refuse_faults(found: Iterator[tuple[str, str, str]]) -> None:
    for name, text, html in found:
        assert faults(text) == [], name
        assert faults(html) == [], name
        assert injections(html) == [], name
        if name in ("svg", "junit"):
            ElementTree.fromstring(text)  # noqa: S314 - of our own making
            assert "<script" not in text


def test_every_field_at_once_is_hostile() -> None:
    world = World(4)
    world.objects = spoilt(world.objects, HOSTILE)
    world.resources = spoilt(world.resources, HOSTILE)
    world.pool_members = spoilt(world.pool_members, HOSTILE)
    world.logs = spoilt(world.logs, f"\n{HOSTILE}")
    refuse_faults(outputs(world))


@given(st.data(), TEXTS)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_any_one_field_is_hostile(data: st.DataObject, text: str) -> None:
    world = World(2)
    fields = [*places(world.objects), *places(world.resources)]
    container, key = fields[data.draw(st.integers(0, len(fields) - 1))]
    container[key] = f"{container[key]}{text}"
    refuse_faults(outputs(world))


FINDING = Finding(
    check="a-check",
    title=f"title {HOSTILE}",
    status=Status.FAIL,
    evidence=f"evidence {HOSTILE}",
    subject=HOSTILE,
    remedy=HOSTILE,
    source=HOSTILE,
    cause=HOSTILE,
)
STEP = Step(
    action=Action.UPDATE,
    target=Target("subnet", f"name {HOSTILE}"),
    because=HOSTILE,
    changes=(Change(f"field {HOSTILE}", HOSTILE, f"{HOSTILE}\nmore{HOSTILE}"),),
    disturbs=HOSTILE,
    conflicts=(HOSTILE,),
)


def test_plans_outcomes_and_findings_of_hostile_names() -> None:
    plan = Plan(phase="x", steps=(STEP,))
    views = [
        plan_view(plan),
        outcomes_view("x", [Outcome(step=STEP, done=Done.DONE)]),
        findings_view(HOSTILE, [FINDING]),
        causes_view(HOSTILE, [FINDING]),
        table(HOSTILE, (HOSTILE, "b"), [(HOSTILE, 1)], HOSTILE),
    ]
    refuse_faults(("view", view.text, view.html) for view in views)
    refuse_faults(iter([("junit", junit([FINDING]), "")]))
    for view in views:
        # What columns there are stays as wide as it was.
        assert max(map(len, view.text.splitlines())) <= 80


def test_progress_of_a_run_that_says_hostile_things() -> None:
    stream = io.StringIO()
    for progress in (LiveProgress(stream), JsonProgress(stream)):
        progress.phase(HOSTILE, HOSTILE)
        progress.step(HOSTILE)
        progress.line(HOSTILE)
        progress.block(HOSTILE)
        progress.phase_ended(HOSTILE)
    assert faults(stream.getvalue()) == []
    *_, last = stream.getvalue().splitlines()
    assert json.loads(last)["status"] == HOSTILE


def test_records_with_hostile_values(tmp_path: Path) -> None:
    hostile = HOSTILE.replace("\ud800", "")
    step = {**RECORDED_STEP, "name": hostile, "id": hostile}
    phase = a_phase(
        "daemon",
        plan={"counts": {hostile: 1}, "steps": [step]},
        findings=[json.loads(json.dumps(_document(FINDING)))],
    )
    phase |= {"error": hostile, "status": "FAILED"}
    record = recorded(tmp_path, "r01", phases=[phase])
    run = Run("r01", record.predicate, record.subjects)
    for page in (render_index([record]), render_overview(run, record, in_site=True)):
        # The only script is ours, which the page's policy names by its digest.
        own = f"<script>{part('records.js')}</script>"
        refuse_faults(iter([("page", "", page.replace(own, ""))]))
    refuse_faults(iter([("script", comparison_data(record.predicate), "")]))
    refuse_faults(iter([("text", record_view(record.predicate).text, "")]))
    changes = {HOSTILE: [Change(HOSTILE, HOSTILE, HOSTILE)]}
    refuse_faults(iter([("text", differences_view(HOSTILE, HOSTILE, changes).text, "")]))
    refuse_faults(iter([("junit", render_junit(HOSTILE, record.predicate["phases"]), "")]))


def _document(finding: Finding) -> dict[str, Any]:
    from kuryr_runbook.display.findings import finding_document

    values: dict[str, Any] = finding_document(finding)
    return {
        name: value.replace("\ud800", "") if isinstance(value, str) else value
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", {"name": "stdout", "text": HOSTILE}),
        ("display_data", {"data": {"text/plain": HOSTILE, "application/json": {"a": HOSTILE}}}),
        (
            "error",
            {"evalue": HOSTILE, "traceback": ["\x1b[0;31mE\x1b[0m", HOSTILE]},
        ),
    ],
)
def test_what_cells_print_is_visible_in_their_notebook(kind: str, content: dict[str, Any]) -> None:
    found = shown(kind, content)
    texts = [found.get("text", ""), found.get("evalue", ""), *found.get("traceback", ())]
    texts.append(found.get("data", {}).get("text/plain", ""))
    assert [faults(text) for text in texts if faults(text)] == []
    assert found.get("traceback", ["E"])[0] == "E"
    assert found.get("data", {}).get("application/json", {}) in ({}, {"a": HOSTILE})


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--site", f"/nowhere/{HOSTILE}"],
        ["plan", "--site", HOSTILE],
        ["diagnose", "--snapshot", HOSTILE],
        ["diagnose", "--fail-on", HOSTILE],
        ["run", "--only", HOSTILE, "--site", "x"],
        ["records", "show", HOSTILE],
        ["releases", HOSTILE],
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["run", f"--{HOSTILE}"],
        ["lab", HOSTILE],
    ],
)
def test_arguments_are_shown_visibly(arguments: list[str]) -> None:
    given = [argument.replace("\0", "").replace("\ud800", "\udcff") for argument in arguments]
    result = CliRunner().invoke(main, given)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert faults(result.output) == []


def test_a_directory_with_a_hostile_name_is_shown_visibly(tmp_path: Path) -> None:
    place = tmp_path / "\x1b[31m\u202e"
    place.mkdir()
    result = CliRunner().invoke(main, ["diagnose", "--snapshot", str(place)])
    assert result.exit_code == 2
    assert faults(result.output) == []


def test_what_libraries_log_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    guard_logging()
    record = logging.LogRecord("urllib3", logging.WARNING, "x", 1, "said %s", (HOSTILE,), None)
    assert logging.lastResort is not None
    assert faults(logging.lastResort.format(record)) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(encoding: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    echo_on(stream, f"✓ é {HOSTILE}")
    assert faults(raw.getvalue().decode(encoding)) == []
