"""What has changed within the last minute, among what is found: it may be gone at the next look.

Lists are read one after the other, and Kuryr and Octavia take their time: while a rollout ends,
members and backends differ for some seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.checking.verdicts import CouldNotLook, pod_victim, service_victim, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.cluster import PATIENCE
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.snapshots.cluster.objects import Pod, Service


def changing(look: Look, findings: Iterable[Finding]) -> str:
    """The affected objects that have just changed, in words; empty if there are none."""
    found = {
        victim
        for finding in findings
        if finding.status in (Status.FAIL, Status.WARN)
        for victim in finding.victims
    }
    if not found:
        return ""
    try:
        fresh = found & {*_fresh(look)}
    except CouldNotLook:
        # The findings already say what could not be read.
        return ""
    return some(sorted(map(str, fresh)))


def _fresh(look: Look) -> Iterator[Victim]:
    """Pods and Services by their own times, Octavia's, and those of the controller."""
    started = _has_started(look)
    pods = {pod for pod in look.all_pods if started or _is_fresh(look, pod)}
    yield from map(pod_victim, pods)
    addresses = {pod.address for pod in pods if pod.address}
    for service in look.all_services:
        if (
            started
            or not look.is_old(service.life.made)
            or addresses.intersection(it.address for it in look.backends(service))
            or _is_being_changed(look, service)
        ):
            yield service_victim(service)


def _has_started(look: Look) -> bool:
    """Whether the controller has: it then looks at everything, one by one."""
    return any(
        it.started is not None and not look.is_old(it.started) for it in look.programs.controllers
    )


def _is_fresh(look: Look, pod: Pod) -> bool:
    """Whether it was just created, is ending, or has just ended."""
    going = pod.life.deleted
    return not look.is_old(pod.life.made) or (going is not None and not look.is_old(going))


def _is_being_changed(look: Look, service: Service) -> bool:
    balancer = look.balancer(service)
    if balancer is None:
        return False
    is_pending = balancer.provisioning.startswith("PENDING")
    patience = look.site.kuryr.lb_activation_seconds if is_pending else PATIENCE
    return not look.is_old(balancer.changed, patience)
