"""With which images nodes are asked, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.phases.site import probing
from kuryr_runbook.phases.site.probing import Question, ask_nodes
from kuryr_runbook.snapshots.cluster.objects import Node, node_of
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.node_probe import NodeProbe

QUESTION = Question(site="lab", namespace="kube-system")


class Cluster:
    def __init__(self, **images: list[str]) -> None:
        self.items = [
            {"metadata": {"name": name}, "status": {"images": [{"names": names}]}}
            for name, names in images.items()
        ]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(map(node_of, self.items))

    def list_objects(self, *where: str) -> list[dict[str, Any]]:
        return self.items


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[NodeProbe]:
    made: list[NodeProbe] = []

    def probe_nodes(probe: NodeProbe, nodes: object, cluster: object) -> tuple[()]:
        made.append(probe)
        return ()

    monkeypatch.setattr(probing, "probe_nodes", probe_nodes)
    return made


def test_each_node_looks_with_an_image_that_it_has(
    probes: list[NodeProbe], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(a=["r/busybox:1", "r/pause:3"], b=["r/debian:12"])
    assert ask_nodes(QUESTION, cluster.nodes, cluster) == ()  # type: ignore[arg-type]
    [probe] = probes
    assert [(it.name, it.look, it.pull) for it in probe.nodes] == [
        ("a", "r/busybox:1", ""),
        ("b", "r/debian:12", ""),
    ]
    said = capsys.readouterr().out
    assert "a pod on each of 2 nodes, in namespace kube-system, with r/busybox:1 and r/deb" in said


def test_two_probes_are_told_apart(probes: list[NodeProbe]) -> None:
    cluster = Cluster(a=["r/busybox:1"])
    for _ in range(2):
        ask_nodes(QUESTION, cluster.nodes, cluster)  # type: ignore[arg-type]
    assert probes[0].selector != probes[1].selector


def test_a_node_without_such_an_image_is_named_and_no_pod_is_started(
    probes: list[NodeProbe],
) -> None:
    cluster = Cluster(a=["r/busybox:1"], b=["r/pause:3"])
    found = ask_nodes(QUESTION, cluster.nodes, cluster)  # type: ignore[arg-type]
    assert found == Unreadable("no image that surely has a shell is on node b")
    assert probes == []


def test_a_named_image_is_used_and_nodes_are_not_searched(probes: list[NodeProbe]) -> None:
    cluster = Cluster(a=[], b=[])
    question = Question(site="lab", namespace="kube-system", look="r/sh:1", pull="r/k:1")
    ask_nodes(question, cluster.nodes, cluster)  # type: ignore[arg-type]
    assert {(it.look, it.pull) for it in probes[0].nodes} == {("r/sh:1", "r/k:1")}


def test_what_is_refused_is_a_reason(
    probes: list[NodeProbe], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(a=["r/busybox:1"])

    def refuse(*given: object) -> None:
        raise AccessError("pods is forbidden")

    monkeypatch.setattr(probing, "probe_nodes", refuse)
    assert ask_nodes(QUESTION, cluster.nodes, cluster) == Unreadable("pods is forbidden")  # type: ignore[arg-type]
    nodes = cluster.nodes
    monkeypatch.setattr(cluster, "list_objects", refuse)
    assert ask_nodes(QUESTION, nodes, cluster) == Unreadable("pods is forbidden")  # type: ignore[arg-type]
