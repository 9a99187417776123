"""A snapshot of the verification for checks: besides cluster and cloud, the workload."""

from __future__ import annotations

from functools import cached_property

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Victim
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Balancer
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot
from kuryr_runbook.snapshots.workload.workload import Workload
from kuryr_runbook.specs.workload import SERVICE, balancer_name


class WorkloadLook(Look):
    """A snapshot of the verification for checks. Everything raises CouldNotLook if it was not read.

    Cluster and cloud only contain the workload. It was waited for, so nothing of it is new.
    """

    is_patient = False

    def __init__(self, snapshot: VerificationSnapshot) -> None:
        super().__init__(snapshot)
        self.seen = snapshot

    @cached_property
    def workload(self) -> Workload:
        """Deployment, pods and Service."""
        return readable(self.seen.workload)

    @property
    def asked_pods(self) -> tuple[Pod, ...]:
        """The workload's pods. Raises CouldNotLook if there are fewer than the site wants."""
        pods, wanted = self.workload.pods, self.site.verification.replicas
        if len(pods) < wanted:
            raise CouldNotLook(f"there are {len(pods)} of {counted(wanted, 'pod')}")
        return pods

    @property
    def workload_balancer(self) -> Balancer:
        """The load balancer of the Service. Raises CouldNotLook if there is none."""
        name = balancer_name(self.site)
        if not (found := self.balancers_named.get(name)):
            raise CouldNotLook(f"there is no load balancer {name}")
        return found[0]

    def pod_victim(self, name: str) -> Victim:
        """One of the pods, as a victim."""
        return Victim("pod", name, self.site.verification.namespace)

    @property
    def service_victim(self) -> Victim:
        """The Service, as a victim."""
        return Victim("service", SERVICE, self.site.verification.namespace)
