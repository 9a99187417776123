"""JUnit's XML of a run, for the tables that systems of continuous integration make of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.running.account import CellStatus, RunStatus, read_run
from kuryr_runbook.running.recorder import phase_told

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot have, such as those that colour a terminal."""

VERDICTS = {Status.FAIL: "failure", Status.UNKNOWN: "error", Status.SKIP: "skipped"}


def write_junit(directory: Path, path: Path) -> None:
    """Write the XML of the run in that directory. Raises RecordError."""
    account = read_run(directory)
    phases = [phase_told(directory, phase) for phase in account["phases"]]
    try:
        path.write_text(render_junit(account["site"], phases))
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from error


def render_junit(site: str, phases: Iterable[Mapping[str, Any]]) -> str:
    """One suite a phase: a case for its notebook, and one for each finding."""
    root = ElementTree.Element("testsuites", name=f"kuryr-runbook {site}")
    for phase in phases:
        _suite(root, phase)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(root: ElementTree.Element, phase: Mapping[str, Any]) -> None:
    name = phase["phase"]
    suite = ElementTree.SubElement(root, "testsuite", name=name)
    whole = _case(suite, name, "notebook", seconds=phase["seconds"])
    match phase["status"]:
        case RunStatus.NOT_REACHED:
            _verdict(whole, "skipped", "not reached")
        case RunStatus.FAILED | RunStatus.INTERRUPTED | RunStatus.RUNNING:
            step = next((c["step"] for c in phase["cells"] if c["status"] == CellStatus.FAILED), "")
            message = f"{phase['status']} in step '{step}'" if step else phase["status"]
            _verdict(whole, "error", message, phase["error"] or "")
    for finding in phase.get("findings", ()):
        title = " ".join(filter(None, (finding["title"], finding["subject"])))
        case = _case(suite, name, title)
        detail = f"{finding['evidence']}\n-> {finding['remedy']}".removesuffix("\n-> ")
        if kind := VERDICTS.get(finding["status"]):
            _verdict(case, kind, finding["evidence"], detail)
        else:
            _text(ElementTree.SubElement(case, "system-out"), f"{finding['status']}: {detail}")
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(plural, str(sum(case.find(kind) is not None for case in cases)))
    if phase["started"]:
        suite.set("timestamp", phase["started"])
    suite.set("time", f"{phase['seconds'] or 0:.1f}")


def _case(
    suite: ElementTree.Element, phase: str, name: str, seconds: float | None = None
) -> ElementTree.Element:
    attributes = {"classname": f"kuryr-runbook.{phase}", "name": NOT_XML.sub("", name)}
    return ElementTree.SubElement(suite, "testcase", attributes, time=f"{seconds or 0:.1f}")


def _verdict(case: ElementTree.Element, kind: str, message: str, detail: str = "") -> None:
    _text(ElementTree.SubElement(case, kind, message=NOT_XML.sub("", message)), detail)


def _text(element: ElementTree.Element, text: str) -> None:
    element.text = NOT_XML.sub("", text)
