"""The plan of manifests: what the API server would make of them against what is there."""

import base64
import copy
import re
from collections.abc import Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes import Preview
from kuryr_runbook.clients.kubernetes_errors import FieldConflict
from kuryr_runbook.model.plan import KNOWN_LATER, Action, known_later
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

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        return Preview({**copy.deepcopy(dict(manifest)), "immutable": False, "status": {"new": 1}})

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


def test_a_changed_field_is_named() -> None:
    changed = live(data={"key": "s3cret"})
    [step] = plan_manifests("p", [CONFIG], MemoryCluster(changed)).steps
    assert step.action is Action.UPDATE
    assert step.because == "1 field differs"
    assert [change.field for change in step.changes] == ["data.key"]


def test_differences_go_into_lists_of_equal_length() -> None:
    a = {"metadata": {}, "spec": {"items": [{"x": 1}, {"y": 2}]}}
    b = {"metadata": {}, "spec": {"items": [{"x": 1}, {"y": 3}]}}
    assert [str(change) for change in differences(a, b)] == ["spec.items[1].y: 2 -> 3"]
    [change] = differences(a, {"metadata": {}, "spec": {"items": []}})
    assert (change.field, change.after) == ("spec.items", "[]")


SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "ns"},
    "data": {"kuryr.conf": base64.b64encode(b"password = new").decode()},
}


def test_of_a_secret_only_a_digest_is_told() -> None:
    before = copy.deepcopy(SECRET)
    before["data"]["kuryr.conf"] = base64.b64encode(b"password = old").decode()
    cluster = MemoryCluster(before)
    [step] = plan_manifests("p", [SECRET], cluster).steps
    [change] = [change for change in step.changes if change.field.startswith("data")]
    assert change.field == "data.kuryr.conf"
    assert re.fullmatch(r"secret [0-9a-f]{16}", change.before)
    assert re.fullmatch(r"secret [0-9a-f]{16}", change.after)
    assert change.before != change.after
    [created] = plan_manifests("p", [SECRET], MemoryCluster(None)).steps
    told = str([*step.changes, *created.changes])
    assert not any(word in told for word in ("password", SECRET["data"]["kuryr.conf"]))


def test_a_secret_of_what_is_known_later_is_itself_known_later() -> None:
    later = copy.deepcopy(SECRET)
    later["data"]["kuryr.conf"] = base64.b64encode(known_later("id").encode()).decode()
    [step] = plan_manifests("p", [later], MemoryCluster(SECRET)).steps
    [change] = [change for change in step.changes if change.field.startswith("data")]
    assert KNOWN_LATER.search(change.after)


class Held(MemoryCluster):
    """Another manager holds a field."""

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        conflict = FieldConflict("kubectl-edit", ".data.key")
        return Preview(super().preview(manifest).result, (conflict,))


def test_a_field_of_another_manager_is_told_with_its_name() -> None:
    [step] = plan_manifests("p", [CONFIG], Held(live(data={"key": "edited"}))).steps
    assert (step.action, step.conflicts) == (Action.UPDATE, (".data.key (kubectl-edit)",))


def test_pods_are_disturbed_by_a_new_template_only() -> None:
    before = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "ns"},
        "spec": {"replicas": 2, "template": {"image": "old"}},
        "immutable": False,
    }
    scaled = copy.deepcopy(before) | {"spec": {"replicas": 1, "template": {"image": "old"}}}
    rolled = copy.deepcopy(before) | {"spec": {"replicas": 2, "template": {"image": "new"}}}
    [step] = plan_manifests("p", [scaled], MemoryCluster(before)).steps
    assert step.disturbs == ""
    [step] = plan_manifests("p", [rolled], MemoryCluster(before)).steps
    assert "its pods are replaced" in step.disturbs
    assert [str(change) for change in step.changes] == ["spec.template.image: old -> new"]


def test_workloads_wait_for_what_they_use() -> None:
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
    plan = plan_manifests("p", [deployment, CONFIG, namespace], MemoryCluster(None))
    assert [step.target.kind for step in plan.steps] == ["Namespace", "ConfigMap", "Deployment"]
    assert [len(step.needs) for step in plan.steps] == [0, 1, 1]
