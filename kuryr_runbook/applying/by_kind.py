"""Carry out plans of manifests, and plans with steps of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kuryr_runbook.applying.openstack import OpenStackExecutor, is_of_cloud
from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes.api import KubernetesWriter
from kuryr_runbook.clients.openstack.api import OpenStackWriter
from kuryr_runbook.model.bodies import Body, FinalizerRemoval, ProgramDeletion, plain
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step


class ByKind(Executor):
    """Leaves each step to the executor of its target's kind."""

    def __init__(self, of_kind: Mapping[str, Executor], otherwise: Executor) -> None:
        self._of_kind = of_kind
        self._otherwise = otherwise

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step, with its kind's executor."""
        return self._of_kind.get(step.target.kind, self._otherwise).execute(step, body, say)


class SiteExecutor(Executor):
    """Does steps for the cloud and for the cluster."""

    def __init__(self, cloud: OpenStackWriter, cluster: KubernetesWriter) -> None:
        self._openstack = OpenStackExecutor(cloud)
        self._kubernetes = ManifestExecutor(cluster)

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; waits if Octavia or the API server continues after its response."""
        executor = self._openstack if is_of_cloud(step) else self._kubernetes
        return executor.execute(step, body, say)


class Call(Executor):
    """Calls a function with the step's body: for steps that need more than a request."""

    def __init__(self, function: Callable[[Body], None]) -> None:
        self._function = function

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step, which has no result."""
        self._function(body)
        return {}


def apply_manifests(plan: Plan, writer: KubernetesWriter, say: Say) -> list[Outcome]:
    """Apply or delete the plan's objects. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, ManifestExecutor(writer), say)


class ManifestExecutor(Executor):
    """Does steps of Kubernetes objects."""

    def __init__(self, writer: KubernetesWriter) -> None:
        self._writer = writer

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Apply the object, with the conflicts that were shown; or delete it and wait."""
        if isinstance(body, FinalizerRemoval):
            self._writer.change_finalizers(body.reference, removed=body.removed)
            return {}
        if isinstance(body, ProgramDeletion):
            self._writer.delete(body.reference)
            return {}
        if step.action is Action.DELETE:
            self._writer.delete(plain(body))
            return {}
        return self._writer.apply(plain(body), force=bool(step.conflicts))


def apply_fixes(
    plan: Plan, cloud: OpenStackWriter, cluster: KubernetesWriter, say: Say
) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, SiteExecutor(cloud, cluster), say)
