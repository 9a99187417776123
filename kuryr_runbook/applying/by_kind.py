"""Executors that do each step of a plan by the means of what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kuryr_runbook.applying.kubernetes import ManifestExecutor
from kuryr_runbook.applying.openstack import OpenStackExecutor, is_of_cloud
from kuryr_runbook.applying.steps import Executor, Known, Say
from kuryr_runbook.clients.kubernetes.api import KubernetesWriter
from kuryr_runbook.clients.openstack.api import OpenStackWriter
from kuryr_runbook.model.bodies import Body
from kuryr_runbook.model.plan import Step


class ByKind(Executor):
    """Leaves each step to the executor of its target's kind."""

    def __init__(self, of_kind: Mapping[str, Executor], otherwise: Executor) -> None:
        self._of_kind = of_kind
        self._otherwise = otherwise

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step, as its executor does it."""
        return self._of_kind.get(step.target.kind, self._otherwise).execute(step, body, say)


class SiteExecutor(Executor):
    """Does steps about the cloud and about the cluster."""

    def __init__(self, cloud: OpenStackWriter, cluster: KubernetesWriter) -> None:
        self._openstack = OpenStackExecutor(cloud)
        self._kubernetes = ManifestExecutor(cluster)

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; waits where Octavia or the API server works on after its answer."""
        executor = self._openstack if is_of_cloud(step) else self._kubernetes
        return executor.execute(step, body, say)


class Call(Executor):
    """Calls a function with the step's body: for what takes more than a request."""

    def __init__(self, function: Callable[[Body], None]) -> None:
        self._function = function

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; nothing is known afterwards."""
        self._function(body)
        return {}
