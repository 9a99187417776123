"""Findings for machines: JSON, and the XML of JUnit that CI systems read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from kuryr_runbook.model.findings import Finding, Hop, Status, worst

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold."""
SUITE = "kuryr-runbook.diagnose"
OUTCOMES = {Status.FAIL: "failure", Status.UNKNOWN: "error", Status.SKIP: "skipped"}


def report_data(site: str, findings: Sequence[Finding], hops: Sequence[Hop]) -> dict[str, Any]:
    """Findings in their order, and the way to a pod or Service if one was asked for."""
    return {
        "site": site,
        "worst": worst(findings),
        "findings": [asdict(finding) for finding in findings],
        "path": [asdict(hop) for hop in hops],
    }


def junit(findings: Sequence[Finding]) -> str:
    """One case for each check; a warning is no failure, and says so in its output."""
    suite = ElementTree.Element("testsuite", name=SUITE)
    cases = [case for finding in findings for case in _cases(finding)]
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    ElementTree.indent(suite)
    return f"{ElementTree.tostring(suite, encoding='unicode', xml_declaration=True)}\n"


def _cases(finding: Finding) -> Iterator[ElementTree.Element]:
    case = _case(finding.check)
    outcome = OUTCOMES.get(finding.status)
    if outcome is not None:
        told = ElementTree.SubElement(case, outcome, message=_clean([finding.evidence]))
        told.text = _text(finding)
    elif finding.status is Status.WARN:
        ElementTree.SubElement(case, "system-out").text = f"warning: {_text(finding)}"
    yield case
    for effect in finding.effects:
        follower = _case(effect)
        message = f"{finding.status}: see {finding.check}"
        ElementTree.SubElement(follower, "skipped", message=message)
        yield follower


def _case(name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=SUITE, name=name)


def _text(finding: Finding) -> str:
    victims = [f"concerns: {', '.join(finding.victims)}"] if finding.victims else []
    remedy = [f"-> {finding.remedy}"] if finding.remedy else []
    return _clean([finding.title, finding.evidence, *victims, *remedy])


def _clean(lines: Iterable[str]) -> str:
    return _NO_XML.sub("?", "\n".join(lines))
