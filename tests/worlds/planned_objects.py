"""Objects of a cluster, planned as the phases do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.previews import read_previews


def planned_objects(manifests: Iterable[Mapping[str, Any]], cluster: KubernetesReader) -> Plan:
    return plan_manifests("p", read_previews(manifests, cluster))
