"""Findings for machines: as JSON, and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from kuryr_runbook.display.findings import finding_document
from kuryr_runbook.display.junit import OUTCOMES, Case, document, suite
from kuryr_runbook.model.findings import Finding, Hop, Status, worst

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
