"""Disturbances: one after the other, nothing of other people's, and no node stays cordoned."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import MemoryCluster
from worlds.memory_leases import MemoryLeases
from worlds.sites import lab_site

from kuryr_runbook.model.errors import CheckError, UnreachableError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.options import Options
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.phases.waits import polling
from kuryr_runbook.phases.workload import resilience
from kuryr_runbook.planning.resilience import CORDONED_BY
from kuryr_runbook.specs.workload import DEMO, namespace_manifest

SITE = lab_site()
SPACE = SITE.verification.namespace
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
Item = dict[str, Any]


class Cluster(MemoryCluster):
    """Two workers, Kuryr, the workload and a stranger's pod; deleted pods get successors."""

    def __init__(self) -> None:
        super().__init__(namespace_manifest(SITE), *map(worker, ("worker1", "worker2")))
        self.made = 0
        self.returns = True
        self.said: list[str] = []
        self.on_evict: Callable[[], None] = lambda: None
        for name, component, where, space in (
            ("controller-0", "kuryr-controller", "worker1", "kube-system"),
            ("daemon-1", "kuryr-daemon", "worker1", "kube-system"),
            ("daemon-2", "kuryr-daemon", "worker2", "kube-system"),
            *((f"demo-{index}", DEMO, f"worker{index % 2 + 1}", SPACE) for index in range(4)),
            ("stranger", "shop", "worker1", "shop"),
        ):
            self.objects.append(a_pod(name, component, where, space))

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Item:
        node = self._node(manifest["metadata"]["name"])
        marks, spec = manifest["metadata"].get("annotations", {}), manifest.get("spec", {})
        self.said.append(f"{'cordon' if spec else 'uncordon'} {node['metadata']['name']}")
        node["metadata"]["annotations"], node["spec"] = dict(marks), dict(spec)
        return copy.deepcopy(node)

    def delete(self, manifest: Mapping[str, Any]) -> None:
        metadata = manifest["metadata"]
        self.said.append(f"delete {metadata['namespace']}/{metadata['name']}")
        self.on_evict()
        pod = self.get(manifest)
        assert pod is not None
        super().delete(manifest)
        if self.returns:
            self.objects.append(self._successor(pod))

    def _successor(self, pod: Item) -> Item:
        self.made += 1
        labels, metadata = pod["metadata"]["labels"], pod["metadata"]
        where = pod["spec"]["nodeName"]
        if labels["name"] == DEMO:
            free = (it for it in ("worker1", "worker2") if not self._node(it)["spec"])
            where = next(free)
        return a_pod(f"new-{self.made}", labels["name"], where, metadata["namespace"])

    def _node(self, name: str) -> Item:
        return next(
            it for it in self.objects if it["kind"] == "Node" and it["metadata"]["name"] == name
        )

    @property
    def cordoned(self) -> list[str]:
        nodes = [it for it in self.objects if it["kind"] == "Node"]
        return [it["metadata"]["name"] for it in nodes if it["spec"] or marked(it)]


def marked(node: Item) -> bool:
    return CORDONED_BY in node["metadata"].get("annotations", {})


def worker(name: str) -> Item:
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": READY,
    }  # fmt: skip


def a_pod(name: str, component: str, where: str, space: str) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": space, "uid": f"uid-{name}",
            "labels": {"name": component, "app": component},
        },
        "spec": {"nodeName": where},
        "status": {**READY, "phase": "Running"},
    }  # fmt: skip


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Status]:
    """What comes of the checks after each disturbance: what is left of this list, then passes."""
    results: list[Status] = []

    def ask(*_: Any) -> list[Finding]:
        status = results.pop(0) if results else Status.PASS
        return [Finding(check="pod-to-pod", title="Pods", status=status, evidence="12 of 12")]

    monkeypatch.setattr(resilience, "checked_until_well", ask)
    monkeypatch.setattr(resilience, "SHOWS_SECONDS", 0.0)
    monkeypatch.setattr(resilience, "BACK_SECONDS", 0.0)
    monkeypatch.setattr(polling, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(resilience.Resilience, "_orphans", lambda self: frozenset())
    return results


def phase(cluster: Cluster, *, wanted: bool = True, dry_run: bool = False) -> Verification:
    made = Verification(SITE, dry_run=dry_run, options=Options(resilience=wanted))
    made.cluster, made.cloud = cluster, MemoryCloud()  # type: ignore[assignment]
    made.leases = MemoryLeases()
    return made


def test_it_is_off_unless_asked_for_and_in_a_dry_run(cluster: Cluster) -> None:
    off, dry = phase(cluster, wanted=False), phase(cluster, dry_run=True)
    for view in (off.plan_resilience(), off.try_resilience(), dry.try_resilience()):
        assert "nothing was disturbed" in view.text
    assert cluster.said == []


def test_the_plan_is_shown_first_and_disturbs_nothing(cluster: Cluster) -> None:
    view = phase(cluster).plan_resilience()
    assert "kuryr-controller on worker1" in " ".join(view.text.split())
    assert view.data == {}
    assert cluster.said == []


@pytest.mark.usefixtures("asked")
def test_everything_is_tried_in_turn_and_strangers_stay(cluster: Cluster) -> None:
    view = phase(cluster).try_resilience()
    assert cluster.said == [
        "delete kube-system/controller-0",
        "delete kube-system/daemon-1",
        "delete kube-system/daemon-2",
        "cordon worker1",
        f"delete {SPACE}/demo-0",
        f"delete {SPACE}/demo-2",
        "uncordon worker1",
    ]
    found = view.data["resilience"]
    assert [it["check"] for it in found][::2] == [
        "controller-deleted", "daemon-deleted", "daemon-deleted", "node-drained",
    ]  # fmt: skip
    assert {it["status"] for it in found} == {"pass"}
    assert cluster.cordoned == []


def test_after_a_failure_nothing_more_is_tried(cluster: Cluster, asked: list[Status]) -> None:
    asked[:] = [Status.PASS, Status.FAIL]
    with pytest.raises(CheckError, match="daemon"):
        phase(cluster).try_resilience()
    assert cluster.said == ["delete kube-system/controller-0", "delete kube-system/daemon-1"]


@pytest.mark.usefixtures("asked")
def test_the_only_node_is_skipped(cluster: Cluster) -> None:
    cluster.objects.remove(cluster._node("worker2"))
    found = phase(cluster).try_resilience().data["resilience"]
    assert (found[-1]["check"], found[-1]["status"]) == ("node-drained", "skip")
    assert not any("cordon" in said for said in cluster.said)


@pytest.mark.usefixtures("asked")
def test_what_does_not_come_back_fails_its_trial(cluster: Cluster) -> None:
    cluster.returns = False
    with pytest.raises(
        CheckError, match="the successor of Pod kube-system/controller-0: not within"
    ):
        phase(cluster).try_resilience()
    assert cluster.said == ["delete kube-system/controller-0"]


@pytest.mark.usefixtures("asked")
def test_a_drain_whose_pods_find_no_place_ends_with_the_node_given_back(cluster: Cluster) -> None:
    def from_now_on() -> None:
        if cluster.cordoned:
            cluster.returns = False

    cluster.on_evict = from_now_on
    with pytest.raises(CheckError, match="pods on other nodes than worker1"):
        phase(cluster).try_resilience()
    assert cluster.said[-1] == "uncordon worker1"
    assert cluster.cordoned == []


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), UnreachableError("no answer"), OSError()])
def test_however_it_ends_no_node_stays_cordoned(cluster: Cluster, error: BaseException) -> None:
    def interrupted() -> None:
        if cluster.cordoned:
            raise error

    cluster.on_evict = interrupted
    with pytest.raises((type(error), CheckError)):
        phase(cluster).try_resilience()
    assert cluster.said[-1] == "uncordon worker1"
    assert cluster.cordoned == []


def test_removal_gives_back_what_a_killed_run_left_cordoned(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "delete", lambda manifest: MemoryCluster.delete(cluster, manifest))
    cluster._node("worker2").update(spec={"unschedulable": True})
    cluster._node("worker2")["metadata"]["annotations"] = {CORDONED_BY: SITE.name}
    cluster._node("worker1").update(spec={"unschedulable": True})
    phase(cluster).remove()
    assert cluster.said == ["uncordon worker2"]
    assert cluster.cordoned == ["worker1"]
