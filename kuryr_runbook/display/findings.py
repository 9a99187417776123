"""Findings as a table: every status is a word and a sign, never a colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Finding, Status

SIGNS = {
    Status.PASS: "✓ pass",
    Status.WARN: "! warn",
    Status.FAIL: "✗ FAIL",
    Status.UNKNOWN: "? UNKNOWN",
    Status.SKIP: "- skip",
}

OR_FIX = "-> or: kuryr-runbook diagnose --fix, which shows its plan first"
NAMED = 5
"""How many of a cause's victims are named; the rest is counted."""


def findings_view(title: str, findings: Iterable[Finding]) -> View:
    """One row a check; below the evidence stands what to do, unless the check passed."""
    found = tuple(findings)
    rows = [(SIGNS[item.status], _question(item), _answer(item)) for item in found]
    states = [item.status for item in found]
    counts = ", ".join(f"{states.count(status)} {status}" for status in Status if status in states)
    view = table(title, ("status", "check", "evidence"), rows, f"{counts or 'no checks'}.")
    return replace(view, data={"findings": [finding_document(item) for item in found]})


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values; of what mends it, no more than whether there is something."""
    values = asdict(finding)
    del values["fixes"]
    return {**values, "status": str(finding.status), "fixable": bool(finding.fixes)}


def causes_view(title: str, findings: Iterable[Finding]) -> View:
    """What is wrong, deepest cause first; what is in order is only counted."""
    found = tuple(findings)
    told = [item for item in found if item.status not in (Status.PASS, Status.SKIP)]
    rows = [(SIGNS[item.status], _cause(item)) for item in told]
    passed = sum(item.status is Status.PASS for item in found)
    view = table(
        title,
        ("status", "cause, evidence, remedy"),
        rows or [(SIGNS[Status.PASS], "nothing is wrong")],
        f"{passed} checks found nothing.",
    )
    return replace(view, data={"findings": [finding_document(item) for item in found]})


def _cause(finding: Finding) -> str:
    victims = list(finding.victims[:NAMED])
    if len(finding.victims) > NAMED:
        victims.append(f"and {len(finding.victims) - NAMED} more")
    lines = [f"{finding.title}: no" if finding.status is not Status.UNKNOWN else finding.title]
    lines += [finding.evidence]
    lines += [f"concerns: {', '.join(victims)}"] if victims else []
    lines += [f"-> {finding.remedy}"] if finding.remedy else []
    lines += [OR_FIX] if finding.fixes else []
    lines += [f"(known from: {finding.source})"] if finding.source else []
    return "\n".join(lines)


def _question(finding: Finding) -> str:
    return f"{finding.title}\n({finding.subject})" if finding.subject else finding.title


def _answer(finding: Finding) -> str:
    if finding.status is Status.PASS or not finding.remedy:
        return finding.evidence
    return f"{finding.evidence}\n-> {finding.remedy}"
