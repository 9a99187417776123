"""Why a check of the verification failed: what diagnosis finds for its victims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kuryr_runbook.checking.diagnosis import Place, check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Status

FEW = 2
"""Up to this many pods, the two ends of a path, are diagnosed one by one; otherwise all."""
NONE = "diagnosis finds none; it reports missing things only after a minute"


def explained(findings: Iterable[Finding], look: Look) -> list[Finding]:
    """The findings, each failure with the first cause that concerns its victims."""
    return [
        replace(finding, cause=_cause(finding, look)) if finding.status is Status.FAIL else finding
        for finding in findings
    ]


def _cause(finding: Finding, look: Look) -> str:
    found = [it for place in _places(finding, look) for it in check_diagnosis(look, place)]
    for status in (Status.FAIL, Status.WARN):
        for cause in found:
            if cause.status is status:
                # A check that diagnosis has, too, is its own cause, unless there is a deeper one.
                if cause.check == finding.check:
                    return ""
                return f"{cause.evidence} (check {cause.check}) -> {cause.remedy}"
    return NONE


def _places(finding: Finding, look: Look) -> Iterator[Place]:
    """The places to diagnose: the few pods concerned, else their Service, else all of them."""
    space = look.site.verification.namespace
    mine = [victim for victim in finding.victims if victim.namespace == space]
    pods = [it.name for it in mine if it.kind == "pod"]
    services = [it.name for it in mine if it.kind == "service"]
    if 0 < len(pods) <= FEW:
        yield from (Place(namespace=space, pod=pod) for pod in pods)
    if services:
        yield from (Place(namespace=space, service=service) for service in services)
    elif not 0 < len(pods) <= FEW:
        yield Place(namespace=space)
