"""Carry out plans of Kubernetes manifests."""

from __future__ import annotations

from kuryr_runbook.applying.steps import Body, Executor, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes.client import KubernetesWriter
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step
from kuryr_runbook.planning.finalizers import FINALIZERS


def apply_manifests(plan: Plan, writer: KubernetesWriter, say: Say) -> list[Outcome]:
    """Apply or delete the plan's objects. Raises ApplyError with what was done and what not."""
    return apply_plan(plan, ManifestExecutor(writer), say)


class ManifestExecutor(Executor):
    """How steps of Kubernetes objects are done."""

    def __init__(self, writer: KubernetesWriter) -> None:
        self._writer = writer

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Apply the object, with the conflicts that were shown; or delete it, until it is gone."""
        if step.action is Action.DELETE:
            self._writer.delete(body)
            return {}
        if step.target.kind == FINALIZERS:
            self._writer.change_finalizers(body, removed=body["removed"])
            return {}
        return self._writer.apply(body, force=bool(step.conflicts))
