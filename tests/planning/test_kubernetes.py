"""The plan of manifests: what the API server would make of them against what is there."""

import base64
import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from worlds.memory_cluster import MemoryCluster as WholeCluster
from worlds.planned_objects import planned_objects
from worlds.sites import IMAGE, lab_site

from kuryr_runbook.clients.kubernetes.api import Preview
from kuryr_runbook.clients.kubernetes.errors import FieldConflict
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import ApplyError, DriftError
from kuryr_runbook.model.plan import KNOWN_LATER, Action, Step, known_later
from kuryr_runbook.planning.kubernetes import differences
from kuryr_runbook.specs.daemon import daemon_manifests
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, RUNBOOK

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

    def list_objects(self, api_version: str, kind: str, **_: Any) -> list[Mapping[str, Any]]:
        raise AssertionError("not read")

    def each_object(self, api_version: str, kind: str, **_: Any) -> Iterator[Mapping[str, Any]]:
        raise AssertionError("not read")

    def log(self, namespace: str, pod: str, **_: Any) -> str:
        raise AssertionError("not read")


def live(**changes: Any) -> dict[str, Any]:
    item = copy.deepcopy(CONFIG) | {"immutable": False} | changes
    item["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": [{}]}
    return item


def test_what_is_missing_is_created() -> None:
    [step] = planned_objects([CONFIG], MemoryCluster(None)).steps
    assert (step.action, step.target.name) == (Action.CREATE, "ns/a")


def test_defaults_and_bookkeeping_are_no_differences() -> None:
    [step] = planned_objects([CONFIG], MemoryCluster(live())).steps
    assert step.action is Action.KEEP


def test_a_changed_field_is_named() -> None:
    changed = live(immutable=True)
    [step] = planned_objects([CONFIG], MemoryCluster(changed)).steps
    assert step.action is Action.UPDATE
    assert step.because == "1 field differs"
    assert [change.field for change in step.changes] == ["immutable"]


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


def test_of_a_secret_only_a_digest_is_reported() -> None:
    before = copy.deepcopy(SECRET)
    before["data"]["kuryr.conf"] = base64.b64encode(b"password = old").decode()
    cluster = MemoryCluster(before)
    [step] = planned_objects([SECRET], cluster).steps
    [change] = [change for change in step.changes if change.field.startswith("data")]
    assert change.field == "data.kuryr.conf"
    assert re.fullmatch(r"secret [0-9a-f]{16}", change.before)
    assert re.fullmatch(r"secret [0-9a-f]{16}", change.after)
    assert change.before != change.after
    [created] = planned_objects([SECRET], MemoryCluster(None)).steps
    reported = str([*step.changes, *created.changes])
    assert not any(word in reported for word in ("password", SECRET["data"]["kuryr.conf"]))


def test_a_secret_of_what_is_known_later_is_itself_known_later() -> None:
    later = copy.deepcopy(SECRET)
    later["data"]["kuryr.conf"] = base64.b64encode(known_later("id").encode()).decode()
    [step] = planned_objects([later], MemoryCluster(SECRET)).steps
    [change] = [change for change in step.changes if change.field.startswith("data")]
    assert KNOWN_LATER.search(change.after)


class Held(MemoryCluster):
    """Another manager holds a field."""

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        conflict = FieldConflict("kubectl-edit", ".data.key")
        return Preview(super().preview(manifest).result, (conflict,))


def test_a_field_of_another_manager_is_reported_with_its_name() -> None:
    [step] = planned_objects([CONFIG], Held(live(data={"key": "edited"}))).steps
    assert (step.action, step.conflicts) == (Action.UPDATE, (".data.key (kubectl-edit)",))


def test_pods_are_disturbed_by_a_new_template_only() -> None:
    before: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "ns"},
        "spec": {"replicas": 2, "template": {"spec": {"image": "old"}}},
        "immutable": False,
    }
    scaled, rolled = copy.deepcopy(before), copy.deepcopy(before)
    scaled["spec"]["replicas"] = 1
    rolled["spec"]["template"]["spec"]["image"] = "new"
    [step] = planned_objects([scaled], MemoryCluster(before)).steps
    assert step.disturbs == ""
    [step] = planned_objects([rolled], MemoryCluster(before)).steps
    assert "its pods are replaced" in step.disturbs
    assert [str(change) for change in step.changes] == ["spec.template.spec.image: old -> new"]


def reading(*volumes: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {}, "spec": {"volumes": list(volumes)}}
    metadata = {"name": "d", "namespace": "ns"}
    spec = {"template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def edited(configuration: dict[str, Any]) -> dict[str, Any]:
    metadata = configuration["metadata"] | {"resourceVersion": "7"}
    return (
        configuration
        | {"data": dict.fromkeys(configuration["data"], "ZWRpdGVk")}
        | {"metadata": metadata}
    )


@pytest.mark.parametrize(
    ("configuration", "volume"),
    [
        (SECRET, {"name": "v", "secret": {"secretName": "s"}}),
        (CONFIG, {"name": "v", "configMap": {"name": "a"}}),
    ],
)
def test_pods_that_read_what_was_edited_start_again_even_after_a_crash_between(
    configuration: dict[str, Any], volume: dict[str, Any]
) -> None:
    deployment = reading({"name": "lock", "emptyDir": {}}, volume)
    cluster = WholeCluster(edited(configuration), deployment)

    def steps() -> tuple[Step, ...]:
        return planned_objects([configuration, deployment], cluster).steps

    first, second = steps()
    assert (first.action, second.action) == (Action.UPDATE, Action.UPDATE)
    assert "its pods are replaced" in second.disturbs
    cluster.apply(plain(first.body))
    first, second = steps()
    assert (first.action, second.action) == (Action.KEEP, Action.UPDATE)
    cluster.apply(plain(second.body))
    assert [step.action for step in steps()] == [Action.KEEP, Action.KEEP]


def test_pods_that_do_not_read_what_was_edited_stay() -> None:
    deployment = reading({"name": "v", "configMap": {"name": "s"}})
    cluster = WholeCluster(edited(SECRET), deployment)
    first, second = planned_objects([SECRET, deployment], cluster).steps
    assert (first.action, second.action) == (Action.UPDATE, Action.KEEP)


def test_workloads_wait_for_what_they_use() -> None:
    deployment = reading({"secret": {"secretName": "s"}})
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
    plan = planned_objects([deployment, CONFIG, namespace], MemoryCluster(None))
    assert [step.target.kind for step in plan.steps] == ["Namespace", "ConfigMap", "Deployment"]
    assert [len(step.needs) for step in plan.steps] == [0, 1, 1]


def marked(item: dict[str, Any], site: str = "here") -> dict[str, Any]:
    labels = {MANAGED_BY: RUNBOOK, INSTANCE: site, "release": "stein"}
    return {**item, "metadata": {**item["metadata"], "labels": labels}}


def test_an_object_of_somebody_else_is_used_without_becoming_ours() -> None:
    cluster = WholeCluster(CONFIG | {"data": {"key": "another"}})
    [step] = planned_objects([marked(CONFIG)], cluster).steps
    assert step.action is Action.UPDATE
    assert step.because == "2 fields differ; somebody else's: teardown leaves it"
    cluster.apply(plain(step.body))
    assert cluster.objects[0]["metadata"]["labels"] == {"release": "stein"}
    [step] = planned_objects([marked(CONFIG)], cluster).steps
    assert (step.action, step.because) == (
        Action.KEEP,
        "is as wanted; somebody else's: teardown leaves it",
    )


def test_an_object_of_another_site_is_refused_with_its_name() -> None:
    with pytest.raises(DriftError, match="ns/a was created by the runbook for site there"):
        planned_objects([marked(CONFIG)], WholeCluster(marked(CONFIG, "there")))


class Refusing(WholeCluster):
    """An admission plugin lets nothing in."""

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        raise ApplyError(f"{manifest['kind']} {manifest['metadata']['name']}: denied")


def test_what_the_api_server_would_not_take_is_refused_before_anything_is_changed() -> None:
    with pytest.raises(ApplyError, match="ConfigMap a: denied"):
        planned_objects([CONFIG], Refusing())


def test_what_needs_what_the_same_plan_makes_is_not_tried_before() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
    binding = {"apiVersion": "v1", "kind": "ClusterRoleBinding", "metadata": {"name": "b"}}
    asked: list[str] = []

    class Noting(WholeCluster):
        def preview(self, manifest: Mapping[str, Any]) -> Preview:
            asked.append(manifest["kind"])
            return super().preview(manifest)

    planned_objects([namespace, CONFIG, binding], Noting())
    assert asked == ["Namespace"]


def test_an_installation_without_placement_gets_it_as_a_change_with_its_reason() -> None:
    site = lab_site()
    cluster, manifests = WholeCluster(), daemon_manifests(site, IMAGE, "conf")
    for item in manifests:
        cluster.apply(item)
    daemon = next(it for it in cluster.objects if it["kind"] == "DaemonSet")
    spec = daemon["spec"]["template"]["spec"]
    del spec["priorityClassName"]
    spec["tolerations"] = [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]
    [step] = planned_objects(manifests, cluster).changes
    assert (step.action, step.target.kind) == (Action.UPDATE, "DaemonSet")
    assert step.because
    shown = {it.field: it.after for it in step.changes}
    assert shown["spec.template.spec.priorityClassName"] == "system-node-critical"
    assert any(field.startswith("spec.template.spec.tolerations") for field in shown)
