"""A probe of the nodes: every answer is awaited, and nothing of it stays, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from worlds.memory_cluster import MemoryCluster

from kuryr_runbook.applying.node_probe import probe_nodes
from kuryr_runbook.model.errors import AccessError, RunbookError, UnreachableError
from kuryr_runbook.snapshots.cluster.node_probes import Probed
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.node_probe import NODE_PROBE, NodeProbe, ProbedNode

ROUTES = "ens3 000012AC 0000FFFF"
Status = dict[str, Any]


def node(name: str, address: str = "172.18.0.5") -> Node:
    return Node(
        name=name,
        address=address,
        ready=False,
        reason="",
        schedulable=True,
        pods=9,
        runtime="",
        labels=(),
        taints=(),
    )


def state(**found: dict[str, Any]) -> Status:
    return {"phase": "Running", "containerStatuses": [{"name": "pull", "state": found}]}


PULLED = state(terminated={"exitCode": 0, "message": ROUTES})
REFUSED = state(waiting={"reason": "ErrImagePull", "message": "401"})
AGAIN = state(waiting={"reason": "ImagePullBackOff", "message": "Back-off"})
STARTING = state(waiting={"reason": "ContainerCreating"})


class Cluster(MemoryCluster):
    """One whose kubelets go through these statuses, by node."""

    def __init__(self, *objects: dict[str, Any], **statuses: list[Status]) -> None:
        super().__init__(*objects)
        self.statuses = statuses
        self.refuses: Callable[[str], Exception | None] = lambda name: None
        self.created: list[str] = []

    def apply(self, manifest: Any, *, force: bool = False) -> Any:
        self.created.append(manifest["metadata"]["name"])
        if error := self.refuses(manifest["metadata"]["name"]):
            raise error
        return super().apply(manifest, force=force)

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        seconds: float,
        until: Callable[[dict[str, Any]], bool],
    ) -> dict[str, Any]:
        for round_ in range(max(map(len, self.statuses.values()))):
            for pod in self.objects:
                statuses = self.statuses.get(pod.get("spec", {}).get("nodeName", ""), [])
                if statuses:
                    pod["status"] = statuses[min(round_, len(statuses) - 1)]
            seen = {
                it["metadata"]["name"]: it
                for it in self.list_objects("v1", kind, namespace=namespace, labels=labels)
            }
            if until(seen):
                break
        return seen


def probe(*nodes: str, login: str = "") -> NodeProbe:
    return NodeProbe(
        namespace="kube-system",
        site="lab",
        run="abc",
        nodes=[ProbedNode(name=name, pull="r/k:1", look="") for name in nodes],
        login=login,
    )


def ask(cluster: Cluster, *nodes: str, login: str = "") -> tuple[Probed, ...] | Unreadable:
    return probe_nodes(probe(*nodes, login=login), [node(name) for name in nodes], cluster)


def test_all_answers_are_awaited_and_everything_is_deleted() -> None:
    cluster = Cluster(a=[STARTING, STARTING, PULLED], b=[STARTING, REFUSED, AGAIN])
    assert ask(cluster, "a", "b", login="{}") == (
        Probed(node="a", pull="", own="ens3"),
        Probed(node="b", pull="401", own=Unreadable("the probe could not look: 401")),
    )
    assert cluster.objects == []
    assert sorted(cluster.deleted) == sorted(cluster.created)
    assert len(cluster.created) == 3, "two pods and the login"


def test_a_node_that_does_not_start_its_pod_leaves_the_others() -> None:
    cluster = Cluster(a=[PULLED], b=[STARTING])
    found = ask(cluster, "a", "b")
    assert isinstance(found, tuple)
    assert found[0].pull == ""
    assert "did not start" in str(found[1].pull)
    assert cluster.objects == []


def test_who_may_not_create_pods_gets_the_reason_once() -> None:
    cluster = Cluster(a=[PULLED])
    cluster.refuses = lambda name: AccessError("pods is forbidden")
    assert ask(cluster, "a", "b") == Unreadable("pods is forbidden")
    cluster.refuses = lambda name: AccessError("no secrets") if "abc-" not in name else None
    assert ask(cluster, "a", "b", login="{}") == Unreadable("no secrets")
    assert cluster.objects == []


def test_a_pod_that_cannot_be_created_leaves_the_others() -> None:
    cluster = Cluster(a=[PULLED])
    cluster.refuses = lambda name: AccessError("no") if name.endswith("-1") else None
    found = ask(cluster, "a", "b")
    assert isinstance(found, tuple)
    assert (found[0].own, found[1].own) == ("ens3", Unreadable("no"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UnreachableError("gone"), ValueError("x")])
def test_nothing_stays_when_it_is_interrupted(error: BaseException) -> None:
    cluster = Cluster(a=[STARTING])

    def watch(*where: Any, **how: Any) -> dict[str, Any]:
        raise error

    cluster.watch = watch  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        ask(cluster, "a", login="{}")
    assert len(cluster.created) == 2
    assert cluster.objects == []


def test_ended_pods_of_a_killed_probe_are_deleted_and_running_ones_are_not() -> None:
    def old(name: str, phase: str) -> dict[str, Any]:
        labels = {"app.kubernetes.io/name": NODE_PROBE}
        return {
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
            "status": {"phase": phase},
        }

    cluster = Cluster(old("killed", "Failed"), old("of-another", "Running"), a=[PULLED])
    ask(cluster, "a")
    assert [it["metadata"]["name"] for it in cluster.objects] == ["of-another"]


def test_what_could_not_be_deleted_is_said_with_the_command() -> None:
    cluster = Cluster(a=[PULLED])

    def delete(manifest: Any) -> None:
        raise UnreachableError("the API server is gone")

    cluster.delete = delete  # type: ignore[method-assign]
    with pytest.raises(
        RunbookError, match="could not be deleted: the API server is gone"
    ) as caught:
        ask(cluster, "a")
    assert "kubectl -n kube-system delete pod,secret -l kuryr-runbook/probe=abc" in str(
        caught.value
    )
