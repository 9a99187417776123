"""The preflight checks, in the order in which one would fix what they find."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kuryr_runbook.checking.checks import Check, Occasion, checks_on, findings_of
from kuryr_runbook.checking.subjects import QUESTIONS
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.snapshots.preflight import PreflightSnapshot

LOOK_YOURSELF = (
    "if it cannot be found out from here, check it yourself, then run the other phases by name: "
    "kuryr-runbook run --only NAME --only NAME ..."
)

CHECKS = checks_on(Occasion.PREFLIGHT, *QUESTIONS)


def check_preflight(
    snapshot: PreflightSnapshot, checks: Sequence[Check] = CHECKS
) -> Iterator[Finding]:
    """All findings; each that did not pass has a remedy."""
    for finding in findings_of(checks, snapshot.site, PreflightLook(snapshot)):
        if finding.status is Status.UNKNOWN and not finding.remedy:
            yield replace(finding, remedy=LOOK_YOURSELF)
        else:
            yield finding
