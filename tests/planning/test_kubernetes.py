"""The plan of manifests: what the API server would make of them against what is there."""

import copy
from collections.abc import Mapping
from typing import Any

from kuryr_runbook.model.plan import Action
from kuryr_runbook.planning.kubernetes import differences, plan_manifests

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "ns"},
    "data": {"key": "value"},
}


class MemoryCluster:
    """One object, and an API server that fills in a default."""

    version = "v1.20.2"

    def __init__(self, live: dict[str, Any] | None) -> None:
        self.live = live

    def get(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        return copy.deepcopy(self.live)

    def preview(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        return {**copy.deepcopy(dict(manifest)), "immutable": False, "status": {"new": 1}}

    def list_objects(self, api_version: str, kind: str, **_: Any) -> list[dict[str, Any]]:
        raise AssertionError("not read")

    def log(self, namespace: str, pod: str, **_: Any) -> str:
        raise AssertionError("not read")


def live(**changes: Any) -> dict[str, Any]:
    item = copy.deepcopy(CONFIG) | {"immutable": False} | changes
    item["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [{}]}
    return item


def test_what_is_missing_is_created() -> None:
    [step] = plan_manifests("p", [CONFIG], MemoryCluster(None)).steps
    assert (step.action, step.target.name) == (Action.CREATE, "ns/a")


def test_defaults_and_bookkeeping_are_no_differences() -> None:
    [step] = plan_manifests("p", [CONFIG], MemoryCluster(live())).steps
    assert step.action is Action.KEEP


def test_a_changed_field_is_named_without_its_value() -> None:
    changed = live(data={"key": "s3cret"})
    [step] = plan_manifests("p", [CONFIG], MemoryCluster(changed)).steps
    assert step.action is Action.UPDATE
    assert step.because == "differs in data.key"


def test_differences_go_into_lists_of_equal_length() -> None:
    a = {"metadata": {}, "spec": {"items": [{"x": 1}, {"y": 2}]}}
    b = {"metadata": {}, "spec": {"items": [{"x": 1}, {"y": 3}]}}
    assert list(differences(a, b)) == ["spec.items[1].y"]
    assert list(differences(a, {"metadata": {}, "spec": {"items": []}})) == ["spec.items"]
