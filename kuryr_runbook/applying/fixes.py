"""Carry out plans of fixes, which are about the cloud and the cluster at once."""

from __future__ import annotations

from kuryr_runbook.applying.by_kind import SiteExecutor
from kuryr_runbook.applying.steps import Say, apply_plan
from kuryr_runbook.clients.kubernetes.api import KubernetesWriter
from kuryr_runbook.clients.openstack.api import OpenStackWriter
from kuryr_runbook.model.plan import Outcome, Plan


def apply_fixes(
    plan: Plan, cloud: OpenStackWriter, cluster: KubernetesWriter, say: Say
) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, SiteExecutor(cloud, cluster), say)
