"""What is disturbed: Kuryr's own pods, one node, and of other people's nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worlds.sites import lab_site

from kuryr_runbook.model.bodies import ProgramDeletion, plain
from kuryr_runbook.model.plan import Action, Plan
from kuryr_runbook.planning.resilience import (
    CORDONED_BY,
    cordon,
    eviction,
    plan_resilience,
    uncordoning,
)

SITE = lab_site()
SPACE = SITE.verification.namespace


def node(name: str, *, ready: bool = True, cordoned: bool = False, by: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {CORDONED_BY: by} if by else {}},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def pod(name: str, where: str, component: str = "", namespace: str = SPACE) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": namespace, "uid": f"uid-{name}",
            "labels": {"name": component},
        },
        "spec": {"nodeName": where},
    }  # fmt: skip


NODES = [node("worker1"), node("worker2"), node("worker3")]
PROGRAMS = [
    pod("kuryr-daemon-c", "worker3", "kuryr-daemon", "kube-system"),
    pod("kuryr-daemon-b", "worker2", "kuryr-daemon", "kube-system"),
    pod("kuryr-daemon-a", "worker1", "kuryr-daemon", "kube-system"),
    pod("kuryr-controller-x", "worker1", "kuryr-controller", "kube-system"),
]
PODS = [pod("demo-a", "worker1"), pod("demo-b", "worker2"), pod("demo-c", "worker2")]


def targets(plan: Plan) -> list[str]:
    return [f"{step.action} {step.target}" for step in plan.steps]


def test_the_controller_then_daemons_where_the_workload_is_then_the_fullest_node() -> None:
    plan = plan_resilience(SITE, NODES, PROGRAMS, PODS)
    assert targets(plan) == [
        "delete Pod kube-system/kuryr-controller-x",
        "delete Pod kube-system/kuryr-daemon-a",
        "delete Pod kube-system/kuryr-daemon-b",
        "update Node worker2",
    ]
    assert all(step.disturbs and step.because for step in plan.steps)
    controller, drain = plan.steps[0], plan.steps[-1]
    assert controller.body == ProgramDeletion(
        reference={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "kuryr-controller-x", "namespace": "kube-system"},
        },
        component="kuryr-controller",
        uid="uid-kuryr-controller-x",
        node="worker1",
    )
    assert f"its 2 pods of namespace {SPACE} deleted" in drain.because
    assert "other namespaces stay" in drain.disturbs
    assert drain.body == cordon(SITE, "worker2")


def test_the_only_node_is_not_drained() -> None:
    for others in ([], [node("worker2", ready=False)], [node("worker2", cordoned=True)]):
        plan = plan_resilience(SITE, [NODES[0], *others], PROGRAMS, PODS)
        assert targets(plan)[-1] == "keep Node worker1"
        assert "no other node takes pods" in plan.steps[-1].because


def test_a_node_that_takes_no_pods_is_left_alone() -> None:
    nodes = [NODES[0], node("worker2", cordoned=True), NODES[2]]
    assert targets(plan_resilience(SITE, nodes, PROGRAMS, PODS))[-1] == "update Node worker1"


def test_without_a_workload_no_node_is_drained() -> None:
    assert targets(plan_resilience(SITE, NODES, PROGRAMS, [])) == [
        "delete Pod kube-system/kuryr-controller-x"
    ]


def test_what_is_cordoned_bears_our_mark_and_only_that_is_given_back() -> None:
    ours = cordon(SITE, "worker1")
    assert ours["spec"] == {"unschedulable": True}
    assert ours["metadata"]["annotations"] == {CORDONED_BY: SITE.name}
    nodes = [
        node("worker1", cordoned=True, by=SITE.name),
        node("worker2", cordoned=True),
        node("worker3", cordoned=True, by="other"),
        node("worker4"),
    ]
    [step] = uncordoning(SITE, nodes).steps
    assert step.action is Action.UPDATE
    assert step.body == {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker1"}}


names = st.lists(st.sampled_from(["worker1", "worker2", "worker3", ""]), max_size=12)


@given(names, st.sampled_from(["worker1", "worker2"]))
def test_only_the_pods_of_the_node_go(where: list[str], drained: str) -> None:
    pods = [pod(f"demo-{index}", it) for index, it in enumerate(where)]
    steps = eviction(pods, drained).steps
    assert {step.action for step in steps} <= {Action.DELETE}
    assert [plain(step.body)["metadata"]["name"] for step in steps] == [
        f"demo-{index}" for index, it in enumerate(where) if it == drained
    ]
