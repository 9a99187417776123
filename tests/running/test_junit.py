"""JUnit's XML of a run."""

from __future__ import annotations

from xml.etree import ElementTree

from runs.recorded import FINDING, a_phase

from kuryr_runbook.running.junit import render_junit

PHASES = [
    a_phase(
        "preflight",
        findings=[
            FINDING,
            {**FINDING, "status": "fail", "evidence": "\x1b[31m503 & <down>", "remedy": "start it"},
            {**FINDING, "status": "unknown"},
            {**FINDING, "status": "warn"},
            {**FINDING, "status": "skip"},
        ],
    ),
    a_phase(
        "controller",
        status="FAILED",
        error="no answer",
        cells=[{"id": "apply", "step": "Apply", "status": "FAILED"}],
    ),
    a_phase("daemon", status="NOT_REACHED", started=None, seconds=None),
    a_phase("image_build", status="UNCHANGED"),
]


def test_phases_are_suites_and_findings_are_cases() -> None:
    root = ElementTree.fromstring(render_junit("lab", PHASES).split("\n", 1)[1])  # noqa: S314 - our own text
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["preflight", "controller", "daemon", "image_build"]
    counts = ("tests", "failures", "errors", "skipped")
    assert [suites["preflight"].get(name) for name in counts] == ["6", "1", "1", "1"]
    failure = suites["preflight"].find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == r"\x1b[31m503 & <down>"
    assert failure.text == "\\x1b[31m503 & <down>\n-> start it"
    error = suites["controller"].find("testcase/error")
    assert error is not None
    assert (error.get("message"), error.text) == ("FAILED in step 'Apply'", "no answer")
    assert suites["daemon"].find("testcase/skipped") is not None
    assert [suites["image_build"].get(name) for name in counts] == ["1", "0", "0", "0"]
