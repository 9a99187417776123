"""Findings as a table: every status is a word and a sign, never a colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Finding, Status

SIGNS = {
    Status.PASS: "✓ pass",
    Status.WARN: "! warn",
    Status.FAIL: "✗ FAIL",
    Status.UNKNOWN: "? UNKNOWN",
    Status.SKIP: "- skip",
}


def findings_view(title: str, findings: Iterable[Finding]) -> View:
    """One row a check; below the evidence stands what to do, unless the check passed."""
    found = tuple(findings)
    rows = [(SIGNS[item.status], _question(item), _answer(item)) for item in found]
    states = [item.status for item in found]
    counts = ", ".join(f"{states.count(status)} {status}" for status in Status if status in states)
    view = table(title, ("status", "check", "evidence"), rows, f"{counts or 'no checks'}.")
    return replace(view, data={"findings": [_document(item) for item in found]})


def _document(finding: Finding) -> dict[str, str]:
    return {key: str(value) for key, value in asdict(finding).items()}


def _question(finding: Finding) -> str:
    return f"{finding.title}\n({finding.subject})" if finding.subject else finding.title


def _answer(finding: Finding) -> str:
    if finding.status is Status.PASS or not finding.remedy:
        return finding.evidence
    return f"{finding.evidence}\n-> {finding.remedy}"
