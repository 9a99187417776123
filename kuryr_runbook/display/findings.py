"""Findings as a table: every status is shown as a word and a sign, never by colour alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from html import escape
from typing import Any

from kuryr_runbook.display.tables import Coloured, Folded, View, table
from kuryr_runbook.model.findings import Finding, Region, Status, Victim
from kuryr_runbook.model.wording import counted

SIGNS = {
    Status.PASS: "✓ pass",
    Status.WARN: "! warn",
    Status.FAIL: "✗ FAIL",
    Status.UNKNOWN: "? UNKNOWN",
    Status.SKIP: "- skip",
}

COLOURS = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "red",
    Status.UNKNOWN: "magenta",
    Status.SKIP: "",
}

OR_FIX = "-> or: kuryr-runbook diagnose --fix, which shows its plan first"
NAMED = 5
"""How many of a cause's victims are named; the rest are counted."""


def findings_view(title: str, findings: Iterable[Finding], key: str = "findings") -> View:
    """One row per check: the evidence, and below it what to do, and the cause if it is known.

    In HTML what to do can be folded, and a list above the table links to it. `key` is the findings'
    key in the view's data.
    """
    found = tuple(findings)
    rows = [
        (_sign(item.status), _question(item), _answer(item, f"{title}-{number}-{item.check}"))
        for number, item in enumerate(found, 1)
    ]
    states = [item.status for item in found]
    counts = ", ".join(f"{states.count(status)} {status}" for status in Status if status in states)
    view = table(
        title,
        ("status", "check", "evidence"),
        rows,
        f"{counts or 'no checks'}.",
        prose=("check", "evidence"),
    )
    html = f"{_to_do(found, [answer for _, _, answer in rows])}{view.html}"
    return replace(view, html=html, data={key: [finding_document(item) for item in found]})


def _sign(status: Status) -> Coloured:
    return Coloured(SIGNS[status], COLOURS[status])


def _to_do(findings: Sequence[Finding], answers: Sequence[str | Folded]) -> str:
    links = [
        f'<li>{escape(SIGNS[finding.status])} <a href="#{escape(answer.anchor)}">'
        f"{escape(finding.title)}</a></li>"
        for finding, answer in zip(findings, answers, strict=True)
        if isinstance(answer, Folded)
    ]
    return f"<p><b>To do</b></p><ul>{''.join(links)}</ul>" if links else ""


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values; instead of its fixes, only whether it has any."""
    values = asdict(finding)
    del values["fixes"]
    return {**values, "status": str(finding.status), "fixable": bool(finding.fixes)}


def finding_anchors(checks: Iterable[str]) -> Iterator[str]:
    """The ids that lead to findings of these checks; a check may have several."""
    counts: Counter[str] = Counter()
    for check in checks:
        counts[check] += 1
        again = f"-{counts[check]}" if counts[check] > 1 else ""
        yield f"finding-{check}{again}"


def finding_of(document: Mapping[str, Any]) -> Finding:
    """The finding with that document, but for its fixes, which are not in it."""
    values = {name: value for name, value in document.items() if name != "fixable"}
    return Finding(
        **{
            **values,
            "status": Status(document["status"]),
            "region": Region(document["region"]) if document["region"] else None,
            "victims": tuple(Victim(**victim) for victim in document["victims"]),
            "effects": tuple(document["effects"]),
        }
    )


def causes_view(title: str, findings: Iterable[Finding], *, anchored: bool = False) -> View:
    """What is wrong, deepest cause first; checks that passed are only counted.

    `anchored`: a picture on the same page leads to the causes, so no other table there may be.
    """
    found = tuple(findings)
    wrong = [item for item in found if item.status not in (Status.PASS, Status.SKIP)]
    anchors = finding_anchors(it.check for it in wrong)
    rows: list[tuple[Coloured, str | Folded]] = [
        (_sign(it.status), _folded_cause(it, anchor if anchored else ""))
        for it, anchor in zip(wrong, anchors, strict=True)
    ]
    passed = sum(item.status is Status.PASS for item in found)
    view = table(
        title,
        ("status", "cause, evidence, remedy"),
        rows or [(_sign(Status.PASS), "nothing is wrong")],
        f"{counted(passed, 'check')} found nothing.",
    )
    return replace(view, data={"findings": [finding_document(item) for item in found]})


def _folded_cause(finding: Finding, anchor: str) -> Folded:
    first, *others = _cause(finding).splitlines()
    return Folded(
        text="\n".join([first, *others]),
        summary=first,
        details=f'<div style="white-space: pre-line">{escape(chr(10).join(others))}</div>',
        is_open=True,
        anchor=anchor,
    )


def _cause(finding: Finding) -> str:
    victims = [*map(str, finding.victims[:NAMED])]
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


def _answer(finding: Finding, anchor: str) -> str | Folded:
    if finding.status is Status.PASS or not (finding.remedy or finding.cause):
        return finding.evidence
    lines, details = [finding.evidence], []
    if finding.remedy:
        lines.append(f"-> {finding.remedy}")
        details.append(f"<div>To do: {escape(finding.remedy)}</div>")
    if finding.cause:
        lines.append(f"cause: {finding.cause}")
        details.append(f"<div>Cause: {escape(finding.cause)}</div>")
    return Folded(
        text="\n".join(lines),
        summary=finding.evidence,
        details="".join(details),
        is_open=True,
        anchor=anchor,
    )
