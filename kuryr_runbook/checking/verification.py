"""The acceptance checks: first the state of cluster and cloud, then the pods' requests."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.checks import Occasion, checks_on, findings_of
from kuryr_runbook.checking.subjects import QUESTIONS
from kuryr_runbook.checking.view.workload import WorkloadLook
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

CHECKS = checks_on(Occasion.VERIFICATION, *QUESTIONS)


def check_verification(snapshot: VerificationSnapshot) -> Iterator[Finding]:
    """All findings, in the order in which a person would check."""
    return findings_of(CHECKS, snapshot.site, WorkloadLook(snapshot))
