"""Findings for machines: JUnit XML, which CI systems show as tables, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree

from kuryr_runbook.display.findings import finding_document
from kuryr_runbook.display.markup import xml_text
from kuryr_runbook.model.findings import Finding, Hop, Status, worst

OUTCOMES = {Status.FAIL: "failure", Status.UNKNOWN: "error", Status.SKIP: "skipped"}
"""JUnit's names for a finding's status; a warning is not a failure."""
COUNTS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was tried."""

    name: str
    outcome: str = ""
    """`failure`, `error` or `skipped`; empty when it went well."""
    message: str = ""
    detail: str = ""
    """Shown with the outcome; if the case went well, it is its output."""
    seconds: float = 0.0


def suite(name: str, classname: str, cases: Sequence[Case]) -> ElementTree.Element:
    """A suite with its cases, counted."""
    element = ElementTree.Element("testsuite", name=name, tests=str(len(cases)))
    for kind, plural in COUNTS.items():
        element.set(plural, str(sum(case.outcome == kind for case in cases)))
    for case in cases:
        one = ElementTree.SubElement(
            element,
            "testcase",
            classname=classname,
            name=case.name,
            time=f"{case.seconds:.1f}",
        )
        if case.outcome:
            outcome = ElementTree.SubElement(one, case.outcome, message=case.message)
            outcome.text = case.detail
        elif case.detail:
            ElementTree.SubElement(one, "system-out").text = case.detail
    return element


def document(root: ElementTree.Element) -> str:
    """The text of the file."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{xml_text(root)}\n'


SUITE = "kuryr-runbook.diagnose"


def report_data(site: str, findings: Sequence[Finding], hops: Sequence[Hop]) -> dict[str, Any]:
    """Findings in their order, and the path to a pod or Service if one was requested."""
    return {
        "site": site,
        "worst": worst(findings),
        "findings": [finding_document(finding) for finding in findings],
        "path": [asdict(hop) for hop in hops],
    }


def junit(findings: Sequence[Finding]) -> str:
    """One case for each check; a warning is not a failure, but appears in the case's output."""
    return document(suite(SUITE, SUITE, [case for it in findings for case in _cases(it)]))


def _cases(finding: Finding) -> Iterator[Case]:
    outcome = OUTCOMES.get(finding.status, "")
    text = _text(finding)
    warning = f"warning: {text}" if finding.status is Status.WARN else ""
    yield Case(
        name=finding.check,
        outcome=outcome,
        message=finding.evidence,
        detail=text if outcome else warning,
    )
    for effect in finding.effects:
        message = f"{finding.status}: see {finding.check}"
        yield Case(name=effect, outcome="skipped", message=message)


def _text(finding: Finding) -> str:
    victims = [f"concerns: {', '.join(map(str, finding.victims))}"] if finding.victims else []
    remedy = [f"-> {finding.remedy}"] if finding.remedy else []
    return "\n".join([finding.title, finding.evidence, *victims, *remedy])
