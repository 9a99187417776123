"""Carry out plans of fixes, which are about the cloud and the cluster at once."""

from __future__ import annotations

from kuryr_runbook.applying.kubernetes import ManifestExecutor
from kuryr_runbook.applying.openstack import OpenStackExecutor, is_of_cloud
from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes.client import KubernetesWriter
from kuryr_runbook.clients.openstack.api import OpenStackWriter
from kuryr_runbook.model.bodies import Body
from kuryr_runbook.model.plan import Outcome, Plan, Step


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
        executor = self._openstack if is_of_cloud(step) else self._kubernetes
        return executor.execute(step, body, say)
