"""Carry out plans of Kubernetes manifests."""

from __future__ import annotations

from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes.api import KubernetesWriter
from kuryr_runbook.model.bodies import Body, FinalizerRemoval, ProgramDeletion, plain
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step


def apply_manifests(plan: Plan, writer: KubernetesWriter, say: Say) -> list[Outcome]:
    """Apply or delete the plan's objects. Raises ApplyError with what was done and what not."""
    return apply_plan(plan, ManifestExecutor(writer), say)


class ManifestExecutor(Executor):
    """How steps of Kubernetes objects are done."""

    def __init__(self, writer: KubernetesWriter) -> None:
        self._writer = writer

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Apply the object, with the conflicts that were shown; or delete it, until it is gone."""
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
