"""The acceptance checks, in the order in which a person would ask."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking import balancer, groups, pods
from kuryr_runbook.checking.checks import Occasion, checks_on, findings_of
from kuryr_runbook.checking.traffic import mesh, reachability
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

CHECKS = checks_on(Occasion.VERIFICATION, pods, groups, balancer, mesh, reachability)


def check_verification(snapshot: VerificationSnapshot) -> Iterator[Finding]:
    """All findings: what stands in cloud and cluster, and then what the pods reach."""
    return findings_of(CHECKS, snapshot.site, snapshot)
