"""Waiting until the workload's Service carries traffic, and until nothing of it is left.

The waits for traffic do not raise: when one expires, it shows what it saw last, and the checks
find out why. The wait for removal does raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.checking.verdicts import some
from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.model.errors import DeadlineError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.phases.waits.polling import Look, wait_for
from kuryr_runbook.snapshots.cluster.objects import service_of
from kuryr_runbook.snapshots.workload.probes import read_outside
from kuryr_runbook.snapshots.workload.traces import Traces, remaining
from kuryr_runbook.snapshots.workload.workload import read_workload
from kuryr_runbook.specs.workload import (
    SERVICE,
    TRIES,
    balancer_name,
    service_manifest,
)

INGRESS_SECONDS = 120.0
ANSWER_SECONDS = 60.0
SETTLED_SECONDS = 90.0
GONE_SECONDS = 120.0
POD_SECONDS = 5.0
"""What each pod adds to a deadline: Kuryr creates and removes their ports one by one."""


def wait_for_traffic(site: Site, cluster: KubernetesReader, cloud: OpenStackReader) -> None:
    """Wait for load balancer, members, floating IP, and an answer from every pod through it."""
    waits: tuple[tuple[str, float, Look], ...] = (
        (
            f"load balancer {balancer_name(site)} with all its members",
            site.kuryr.lb_activation_seconds + POD_SECONDS * site.verification.replicas,
            lambda: _balancer(site, cloud),
        ),
        (
            f"the address of Service {SERVICE}",
            INGRESS_SECONDS,
            lambda: _ingress(site, cluster),
        ),
        (
            f"every pod's answer through the address of Service {SERVICE}",
            ANSWER_SECONDS,
            _Answers(site, cluster).look,
        ),
    )
    for what, seconds, look in waits:
        if not wait_for(what, seconds, look)[0]:
            return


def wait_unchanging(site: Site, cloud: OpenStackReader) -> None:
    """Wait until the Service's load balancer is no longer being changed.

    Kuryr follows every change of the pods' readiness, and each puts Octavia's objects into
    PENDING_UPDATE for a moment.
    """

    def look() -> tuple[bool, str]:
        found = cloud.list_resources("loadbalancer", name=balancer_name(site))
        pending = [it for it in (item["provisioning_status"] for item in found) if "PENDING" in it]
        return not pending, ", ".join(pending)

    if not look()[0]:
        what = f"the changes of load balancer {balancer_name(site)}"
        wait_for(what, site.kuryr.lb_activation_seconds, look)


def _balancer(site: Site, cloud: OpenStackReader) -> tuple[bool, str]:
    found = cloud.list_resources("loadbalancer", name=balancer_name(site))
    if not found:
        return False, "there is none yet"
    status, wanted = found[0]["provisioning_status"], site.verification.replicas
    have = sum(len(cloud.members(pool["id"])) for pool in found[0]["pools"])
    return status == "ACTIVE" and have == wanted, f"{status}, {have} of {counted(wanted, 'member')}"


def _ingress(site: Site, cluster: KubernetesReader) -> tuple[bool, str]:
    found = cluster.get(service_manifest(site))
    address = "" if found is None else service_of(found).ingress
    return bool(address), address or "its status has none yet"


class _Answers:
    """The pods that have answered so far."""

    def __init__(self, site: Site, cluster: KubernetesReader) -> None:
        self.site, self.cluster = site, cluster
        self.reached: set[str] = set()

    def look(self) -> tuple[bool, str]:
        workload = read_workload(self.site, self.cluster)
        if not workload.ingress:
            return False, "the Service has lost its address"
        answers = read_outside(workload.ingress, max(TRIES, self.site.verification.replicas))
        self.reached |= {answer.said for answer in answers if answer.ok}
        names = {pod.name for pod in workload.pods}
        silent = sorted(names - self.reached)
        errors = "; ".join(sorted({answer.said for answer in answers if not answer.ok}))
        return not silent, f"no answer from {', '.join(silent)} yet ({errors or 'others answer'})"


def wait_settled(site: Site, cluster: KubernetesReader) -> None:
    """Wait until Kuryr has noted what it created for the Service.

    Stein forgets a load balancer whose Service is deleted before that, and leaves it behind.
    Releases with finalizers keep the Service until they have cleaned up, and need no wait.
    """
    annotation = site.release.balancer_state.annotation
    if site.release.finalizers:
        return
    reference = {"apiVersion": "v1", "kind": "Endpoints"}
    endpoints = {**reference, "metadata": service_manifest(site)["metadata"]}

    def look() -> tuple[bool, str]:
        if cluster.get(service_manifest(site)) is None:
            return True, "no Service"
        found: Mapping[str, Any] = cluster.get(endpoints) or {"metadata": {}}
        noted = annotation in found["metadata"].get("annotations", {})
        return noted, f"annotation {annotation} is not there yet"

    if not look()[0]:
        wait_for(f"Kuryr to note what it made for Service {SERVICE}", SETTLED_SECONDS, look)


def wait_namespace_gone(space: Manifest, cluster: KubernetesReader) -> None:
    """Wait until a namespace that is being deleted is gone. Raises DeadlineError."""
    name = space["metadata"]["name"]

    def look() -> tuple[bool, str]:
        gone = cluster.get(space) is None
        return gone, f"namespace {name} is Terminating"

    _or_raise(f"namespace {name} to be gone", look)


def wait_traces_gone(traces: Traces, cloud: OpenStackReader) -> None:
    """Wait until Kuryr has removed what it created for the workload. Raises DeadlineError."""

    def look() -> tuple[bool, str]:
        left = remaining(traces, cloud)
        return not left, some(left)

    what = "Kuryr to remove its load balancer, floating IP, ports and address pairs"
    _or_raise(what, look, GONE_SECONDS + POD_SECONDS * len(traces.pairs))


def _or_raise(what: str, look: Look, seconds: float = GONE_SECONDS) -> None:
    done, seen = wait_for(what, seconds, look)
    if not done:
        raise DeadlineError(
            f"{what}: not within {seconds:.0f} s; left: {seen}",
            remedy="see the controller's log (is it running?); teardown removes what is left",
        )
