"""Carry out plans of Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.applying.steps import Execute, Known, Say, apply_plan
from kuryr_runbook.clients.kubernetes import KubernetesWriter
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step


def apply_manifests(plan: Plan, writer: KubernetesWriter, say: Say) -> list[Outcome]:
    """Apply or delete the plan's objects. Raises ApplyError with what was done and what not."""
    return apply_plan(plan, manifest_steps(writer), say)


def manifest_steps(writer: KubernetesWriter) -> Execute:
    """How steps of Kubernetes objects are done."""

    def execute(step: Step, body: Mapping[str, Any]) -> Known:
        if step.action is Action.DELETE:
            writer.delete(body)
            return {}
        return writer.apply(body)

    return execute
