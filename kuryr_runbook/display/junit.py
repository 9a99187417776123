"""JUnit XML, which CI systems show as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from kuryr_runbook.display.markup import xml_text
from kuryr_runbook.model.findings import Status

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
