"""What is there of wanted objects is read, and then planned without asking again."""

from __future__ import annotations

from typing import Any

import pytest
from worlds.memory_cluster import MemoryCluster

from kuryr_runbook.clients.kubernetes.api import Preview
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.plan import Action
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.previews import read_previews


class Asked(MemoryCluster):
    """Notes what it is asked."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        super().__init__(*objects)
        self.asked: list[str] = []

    def get(self, manifest: Any) -> Any:
        self.asked.append(f"get {manifest['metadata']['name']}")
        return super().get(manifest)

    def preview(self, manifest: Any) -> Preview:
        asked = [*self.asked, f"preview {manifest['metadata']['name']}"]
        found = super().preview(manifest)
        self.asked = asked
        return found


def config(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "kuryr"},
        "data": data,
    }


def test_each_object_is_asked_for_once_and_planning_asks_nothing() -> None:
    cluster = Asked(config("there", key="old"))
    previews = read_previews([config("there", key="new"), config("missing")], cluster)
    assert sorted(cluster.asked) == ["get missing", "get there", "preview missing", "preview there"]
    cluster.asked.clear()
    actions = {step.target.name: step.action for step in plan_manifests("p", previews).steps}
    assert actions == {"kuryr/there": Action.UPDATE, "kuryr/missing": Action.CREATE}
    assert plan_manifests("p", previews) == plan_manifests("p", previews)
    assert cluster.asked == []


def test_what_the_api_server_refuses_is_refused_before_a_plan() -> None:
    class Refusing(MemoryCluster):
        def preview(self, manifest: Any) -> Preview:
            raise ApplyError("apply ConfigMap missing answered 422")

    with pytest.raises(ApplyError, match="422"):
        read_previews([config("missing")], Refusing())
