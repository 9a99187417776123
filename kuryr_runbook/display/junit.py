"""The XML of JUnit, which systems of continuous integration make tables of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from kuryr_runbook.display.markup import xml_text
from kuryr_runbook.model.findings import Status

OUTCOMES = {Status.FAIL: "failure", Status.UNKNOWN: "error", Status.SKIP: "skipped"}
"""How JUnit calls what a finding says; a warning is no failure."""
COUNTS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was tried."""

    name: str
    outcome: str = ""
    """`failure`, `error` or `skipped`; empty when it went well."""
    message: str = ""
    detail: str = ""
    """With the outcome; of what went well, it is the case's output."""
    seconds: float = 0.0


def suite(name: str, classname: str, cases: Sequence[Case]) -> ElementTree.Element:
    """A suite with its cases, counted."""
    element = ElementTree.Element("testsuite", name=name, tests=str(len(cases)))
    for outcome, plural in COUNTS.items():
        element.set(plural, str(sum(case.outcome == outcome for case in cases)))
    for case in cases:
        one = ElementTree.SubElement(
            element,
            "testcase",
            classname=classname,
            name=case.name,
            time=f"{case.seconds:.1f}",
        )
        if case.outcome:
            told = ElementTree.SubElement(one, case.outcome, message=case.message)
            told.text = case.detail
        elif case.detail:
            ElementTree.SubElement(one, "system-out").text = case.detail
    return element


def document(root: ElementTree.Element) -> str:
    """The text of the file."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{xml_text(root)}\n'
