"""Disturbs what the workload depends on, one thing at a time, and checks that it recovers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.questions.leftovers import JUST_NOW
from kuryr_runbook.checking.traffic.resilience import (
    Trial,
    check_trial,
    not_back,
    not_tried,
    orphans,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.probes import AskingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.bodies import ProgramDeletion
from kuryr_runbook.model.errors import ApplyError, DeadlineError
from kuryr_runbook.model.findings import Finding, Status, worst
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Plan, Step
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.phases.waits import polling
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.phases.waits.traffic import GONE_SECONDS
from kuryr_runbook.phases.workload.checks import checked_until_well
from kuryr_runbook.planning.resilience import PLAN, eviction, plan_resilience, uncordoning
from kuryr_runbook.snapshots.cluster.objects import is_ready
from kuryr_runbook.snapshots.diagnosis import read_diagnosis
from kuryr_runbook.snapshots.workload.traces import Traces, left_behind, read_footprint, remaining
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.workload import SELECTOR

BACK_SECONDS = 300.0
"""How long a deleted pod's successor may take to be ready."""
SHOWS_SECONDS = JUST_NOW + 2.0
"""How old leftovers have to be until diagnosis reports them."""


class Resilience:
    """The disturbances of one site, and their effects."""

    def __init__(self, site: Site, cluster: KubernetesClient, cloud: AskingCloud) -> None:
        self.site, self.cluster, self.cloud = site, cluster, cloud

    def plan(self) -> Plan:
        """What would be disturbed in the current state."""
        home = self.site.kubernetes.namespace
        programs = [
            pod
            for name in (CONTROLLER, DAEMON)
            for pod in self.cluster.list_objects("v1", "Pod", namespace=home, labels=f"name={name}")
        ]
        nodes = self.cluster.list_objects("v1", "Node")
        return plan_resilience(self.site, nodes, programs, self._pods())

    def uncordon(self) -> None:
        """Uncordon the nodes that this trial, or an earlier one, left cordoned."""
        plan = uncordoning(self.site, self.cluster.list_objects("v1", "Node"))
        if plan.steps:
            apply_manifests(plan, self.cluster, say)

    def findings(self) -> Iterator[Finding]:
        """Try one disturbance after the other, until one does not recover."""
        well = True
        for step in self.plan().steps:
            if step.action is Action.KEEP or not well:
                yield not_tried(step)
                continue
            found = list(self._tried(step))
            well = worst(found) not in (Status.FAIL, Status.UNKNOWN)
            yield from found

    def _tried(self, step: Step) -> Iterator[Finding]:
        before = read_footprint(self.site, self.cluster, self.cloud)
        nobodys = self._orphans()
        begin = time.monotonic()
        try:
            self._disturb(step)
        except (ApplyError, DeadlineError) as error:
            yield not_back(step, error.message)
            return
        disturbed = time.monotonic()
        findings = checked_until_well(self.site, self.cluster, self.cloud)
        seconds = time.monotonic() - begin
        after = read_footprint(self.site, self.cluster, self.cloud)
        left = self._remaining(left_behind(before, after))
        time.sleep(max(0.0, disturbed + SHOWS_SECONDS - time.monotonic()))
        yield from check_trial(
            Trial(
                step=step,
                seconds=seconds,
                findings=findings,
                before=before,
                after=after,
                remaining=left,
                orphans_before=nobodys,
                orphans_after=self._orphans(),
            )
        )

    def _disturb(self, step: Step) -> None:
        """Carry out the step, and wait until what it deleted is back. Raises DeadlineError."""
        if not isinstance(step.body, ProgramDeletion):
            with self._cordoned(step):
                self._drain(step.target.name)
            return
        apply_manifests(Plan(phase=PLAN, steps=(step,)), self.cluster, say)
        component, uid = step.body.component, step.body.uid
        home = self.site.kubernetes.namespace
        node = step.body.node if component == DAEMON else None

        def look() -> tuple[bool, str]:
            pods = self.cluster.list_objects(
                "v1", "Pod", namespace=home, labels=f"name={component}"
            )
            successors = [
                pod
                for pod in pods
                if pod["metadata"].get("uid") != uid and node in (None, pod["spec"].get("nodeName"))
            ]
            ready = any(map(_is_ready, successors))
            return ready, f"{counted(len(successors), 'successor')}, none ready"

        _wait(f"the successor of {step.target}", look)

    @contextmanager
    def _cordoned(self, step: Step) -> Iterator[None]:
        try:
            apply_manifests(Plan(phase=PLAN, steps=(step,)), self.cluster, say)
            yield
        finally:
            self.uncordon()

    def _drain(self, node: str) -> None:
        evicted = eviction(self._pods(), node)
        names = {step.target.name for step in evicted.steps}
        apply_manifests(evicted, self.cluster, say)
        space, wanted = self.site.verification.namespace, self.site.verification.replicas

        def look() -> tuple[bool, str]:
            pods = self._pods()
            here = [pod for pod in pods if f"{space}/{pod['metadata']['name']}" not in names]
            ready = sum(map(_is_ready, here))
            are = agreeing(ready, "is", "are")
            return ready >= wanted, f"{ready} of {counted(wanted, 'pod')} {are} ready"

        _wait(f"the workload's pods on other nodes than {node}", look)

    def _pods(self) -> list[Manifest]:
        """The workload's pods, without those that are being deleted."""
        space = self.site.verification.namespace
        pods = self.cluster.list_objects("v1", "Pod", namespace=space, labels=SELECTOR)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def _remaining(self, gone: Traces) -> list[str]:
        """What is left of the traces after some time."""
        left = remaining(gone, self.cloud)

        def look() -> tuple[bool, str]:
            left[:] = remaining(gone, self.cloud)
            return not left, ", ".join(left)

        if left:
            wait_for("Kuryr to clean up after pods that are gone", GONE_SECONDS, look)
        return left

    def _orphans(self) -> frozenset[str] | None:
        snapshot = read_diagnosis(self.site, self.cluster, self.cloud)
        return orphans(check_diagnosis(Look(snapshot)))


def _wait(what: str, look: polling.Look) -> None:
    done, seen = wait_for(what, BACK_SECONDS, look)
    if not done:
        raise DeadlineError(f"{what}: not within {BACK_SECONDS:.0f} s; last seen: {seen}")


def _is_ready(pod: Manifest) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and is_ready(pod)
