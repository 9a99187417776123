"""What the commands for one site print, as an entry in the table of all."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import pytest
from worlds.sites import lab_site
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.json_lines import JsonProgress
from kuryr_runbook.display.junit import report_data
from kuryr_runbook.model.approval import site_document
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.plan import Action, LeftBehind, Plan, Step, Target
from kuryr_runbook.running.fleet.answers import NAMED, Printed, diagnosed, planned, ran


def printed(stdout: str = "", stderr: str = "", status: int = 0) -> Printed:
    return Printed(status=status, stdout=stdout, stderr=stderr)


def step(action: Action, name: str) -> Step:
    return Step(action=action, target=Target("subnet", name), because="it is so")


def plan_of(steps: Sequence[Step], left: Sequence[LeftBehind] = ()) -> str:
    plan = Plan(phase="openstack_prep", steps=tuple(steps), left=tuple(left))
    return json.dumps(site_document(lab_site(), [plan], made_at="now", version="1"))


def test_a_plan_is_counted_and_its_changes_are_kept() -> None:
    left = LeftBehind(
        target=Target("group", "old"), because="another is named", remedy="delete it", id="1"
    )
    result = planned(printed(plan_of([step(Action.CREATE, "a"), step(Action.KEEP, "b")], [left])))
    assert result.summary == "1 to create, 0 to change, 0 to delete; 1 as wanted. 1 left behind."
    [phase] = result.data["plan"]["phases"]
    assert [it["name"] for it in phase["steps"]] == ["a"]
    assert result.data["plan"]["site"] == "lab"


def test_a_diagnosis_names_the_causes_and_keeps_them_whole() -> None:
    world = World(12)
    world.remove("port", "port-web-1")
    findings = check_diagnosis(Look(world.read()))
    document = report_data("lab", findings, [])
    result = diagnosed(printed(json.dumps(document), status=4))
    [cause] = [it for it in document["findings"] if it["status"] == "fail"]
    assert result.summary.startswith("1 fail:\nfail ")
    assert cause["title"] in result.summary
    assert [it["check"] for it in result.data["findings"]] == [cause["check"]]
    assert result.data["worst"] == "fail"


def test_many_causes_are_counted() -> None:
    finding = {"status": "warn", "title": "It is odd", "subject": "a"}
    document = {"worst": "warn", "findings": [finding] * (NAMED + 3)}
    lines = diagnosed(printed(json.dumps(document))).summary.splitlines()
    assert lines == [
        f"{NAMED + 3} warn:", *["warn It is odd: a"] * NAMED, "and 3 more"
    ]  # fmt: skip


def test_a_healthy_site_is_said_to_be_one() -> None:
    document = report_data("lab", check_diagnosis(Look(World(3).read())), [])
    assert diagnosed(printed(json.dumps(document))).summary == "nothing is wrong"


def test_a_run_names_its_directory_and_its_errors() -> None:
    stream = io.StringIO()
    lines = JsonProgress(stream)
    lines.phase("preflight", "Preflight")
    lines.line('it said "ended" once')
    lines.ended(status="FAILED", directory="/runs/a/1", errors=["it broke"], exit_code=1)
    result = ran(printed(stderr=stream.getvalue(), status=1))
    assert (result.summary, result.error) == ("FAILED: /runs/a/1", "it broke")
    assert result.data == {"run": {"status": "FAILED", "directory": "/runs/a/1"}}


def test_a_run_that_could_not_begin_has_no_directory() -> None:
    stream = io.StringIO()
    JsonProgress(stream).ended(errors=["another run is changing this site"], exit_code=1)
    result = ran(printed(stderr=stream.getvalue(), status=1))
    assert (result.summary, result.error) == ("", "another run is changing this site")


SAID = "error: the cloud\n  does not answer\n  -> look at\n    it\n"


@pytest.mark.parametrize("read", [planned, diagnosed, ran])
@pytest.mark.parametrize(
    ("stderr", "status", "why"),
    [
        (SAID, 6, "the cloud does not answer\n-> look at it"),
        ("", -9, "ended by SIGKILL"),
        ("", -40, "ended by signal 40"),
        ("Killed process\nout of memory\n", 137, "exit status 137\nKilled process\nout of memory"),
    ],
)
def test_without_an_answer_there_is_a_reason(
    read: object, stderr: str, status: int, why: str
) -> None:
    assert callable(read)
    assert read(printed(stderr=stderr, status=status)).error == why


@pytest.mark.parametrize("read", [planned, diagnosed])
def test_half_an_answer_is_an_error(read: object) -> None:
    assert callable(read)
    with pytest.raises(FileError):
        read(printed('{"phases": ['))
