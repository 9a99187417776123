"""JUnit XML of a run: a suite for each phase, with cases for its notebook and each finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.junit import OUTCOMES, Case, document, suite
from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.running.account import CellStatus, RunStatus, read_whole_run
from kuryr_runbook.running.recorder import phase_document


def write_junit(directory: Path, path: Path) -> None:
    """Write the XML of the run in that directory. Raises RecordError."""
    account = read_whole_run(directory)
    phases = [phase_document(directory, phase) for phase in account["phases"]]
    # The CI server that reads it may run as another user.
    write_file(path, render_junit(account["site"], phases), mode=0o644, failure=RecordError)


def render_junit(site: str, phases: Iterable[Mapping[str, Any]]) -> str:
    """The XML of these phases."""
    root = ElementTree.Element("testsuites", name=f"kuryr-runbook {site}")
    for phase in phases:
        name = phase["phase"]
        cases = [_notebook(phase), *map(_finding, phase.get("findings", ()))]
        element = suite(name, f"kuryr-runbook.{name}", cases)
        if phase["started"]:
            element.set("timestamp", phase["started"])
        element.set("time", f"{phase['seconds'] or 0:.1f}")
        root.append(element)
    return document(root)


def _notebook(phase: Mapping[str, Any]) -> Case:
    """The case for how the phase's notebook ended."""
    seconds = phase["seconds"] or 0.0
    match phase["status"]:
        case RunStatus.NOT_REACHED:
            return Case(name="notebook", outcome="skipped", message="not reached", seconds=seconds)
        case RunStatus.FAILED | RunStatus.INTERRUPTED | RunStatus.RUNNING:
            step = next((c["step"] for c in phase["cells"] if c["status"] == CellStatus.FAILED), "")
            return Case(
                name="notebook",
                outcome="error",
                message=f"{phase['status']} in step '{step}'" if step else phase["status"],
                detail=phase["error"] or "",
                seconds=seconds,
            )
    return Case(name="notebook", seconds=seconds)


def _finding(finding: Mapping[str, Any]) -> Case:
    cause = finding.get("cause", "")
    lines = (
        finding["evidence"],
        f"-> {finding['remedy']}" if finding["remedy"] else "",
        f"cause: {cause}" if cause else "",
    )
    detail = "\n".join(filter(None, lines))
    outcome = OUTCOMES.get(finding["status"], "")
    return Case(
        name=" ".join(filter(None, (finding["title"], finding["subject"]))),
        outcome=outcome,
        message=finding["evidence"],
        detail=detail if outcome else f"{finding['status']}: {detail}",
    )
