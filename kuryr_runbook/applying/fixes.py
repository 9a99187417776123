"""Carry out plans of fixes, which are about the cloud and the cluster at once."""

from __future__ import annotations

from kuryr_runbook.applying.kubernetes import ManifestExecutor
from kuryr_runbook.applying.openstack import OpenStackExecutor
from kuryr_runbook.applying.steps import Body, Executor, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes.client import KubernetesWriter
from kuryr_runbook.clients.openstack.api import COLLECTIONS, OpenStackWriter
from kuryr_runbook.model.plan import ADDRESS_PAIRS, Outcome, Plan, Step


def apply_fixes(
    plan: Plan, cloud: OpenStackWriter, cluster: KubernetesWriter, say: Say
) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, FixExecutor(cloud, cluster), say)


class FixExecutor(Executor):
    """How steps of fixes are done: each by the means of what it is about."""

    def __init__(self, cloud: OpenStackWriter, cluster: KubernetesWriter) -> None:
        self._openstack = OpenStackExecutor(cloud)
        self._kubernetes = ManifestExecutor(cluster)

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; waits where Octavia or the API server works on after its answer."""
        of_cloud = step.target.kind in COLLECTIONS or step.target.kind == ADDRESS_PAIRS
        return (self._openstack if of_cloud else self._kubernetes).execute(step, body, say)
