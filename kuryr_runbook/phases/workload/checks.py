"""Runs the verification's checks, and looks for the cause of what fails."""

from __future__ import annotations

from collections.abc import Sequence

from kuryr_runbook.checking.explaining import explained
from kuryr_runbook.checking.verification import check_verification
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.probes import AskingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.snapshots.diagnosis import read_diagnosis
from kuryr_runbook.snapshots.workload.verification import read_verification


def checked(site: Site, cluster: KubernetesClient, cloud: AskingCloud) -> list[Finding]:
    """Read cluster and cloud, test from every pod, and check; diagnose what fails."""
    say("reading cluster and cloud; every pod asks every other, the Service and the API")
    found = list(check_verification(read_verification(site, cluster, cloud)))
    return diagnosed(site, cluster, cloud, found)


def checked_until_well(site: Site, cluster: KubernetesClient, cloud: AskingCloud) -> list[Finding]:
    """Repeat the checks until nothing is wrong, for as long as a load balancer may take."""
    found: list[Finding] = []

    def look() -> tuple[bool, str]:
        found[:] = check_verification(read_verification(site, cluster, cloud))
        bad = [it.title for it in found if it.status in (Status.FAIL, Status.UNKNOWN)]
        return not bad, "; ".join(bad)

    wait_for("all checks of the verification to pass", site.kuryr.lb_activation_seconds, look)
    return diagnosed(site, cluster, cloud, found)


def diagnosed(
    site: Site, cluster: KubernetesClient, cloud: AskingCloud, found: Sequence[Finding]
) -> list[Finding]:
    """Add the causes that diagnosis finds, if one of the findings is a failure."""
    if all(finding.status is not Status.FAIL for finding in found):
        return list(found)
    say("a check failed: diagnosis looks for its cause")
    return explained(found, Look(read_diagnosis(site, cluster, cloud)))
