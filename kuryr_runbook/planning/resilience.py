"""The disturbances that Kuryr has to survive: restarts of its own pods, and a drained node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from kuryr_runbook.model.bodies import ProgramDeletion
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Change, Plan, Step, Target
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.kubernetes import deletion, reference_to
from kuryr_runbook.snapshots.cluster.objects import is_ready
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON

PLAN = "resilience"
CORDONED_BY = "kuryr-runbook/cordoned-by"
"""Annotation of a node that the runbook cordoned; its value is the site's name."""


def plan_resilience(
    site: Site, nodes: Sequence[Manifest], programs: Sequence[Manifest], pods: Sequence[Manifest]
) -> Plan:
    """The disturbances, one after the other.

    `programs` are Kuryr's own pods, `pods` those of the workload. A daemon is restarted if the
    workload has a pod on its node; the node with most of them is drained, if another node can take
    them.
    """
    used = Counter(pod["spec"].get("nodeName", "") for pod in pods)
    controllers = [_of(CONTROLLER, pod) for pod in programs if _component(pod) == CONTROLLER]
    daemons = [
        _of(DAEMON, pod)
        for pod in sorted(programs, key=lambda pod: str(pod["spec"].get("nodeName")))
        if _component(pod) == DAEMON and used[pod["spec"].get("nodeName", "")]
    ]
    return Plan(phase=PLAN, steps=(*controllers, *daemons, *_drain(site, nodes, used)))


def cordon(site: Site, node: str) -> Manifest:
    """Marks a node as unschedulable and as ours; applying it without both undoes that."""
    return {
        **_node(node),
        "metadata": {"name": node, "annotations": {CORDONED_BY: site.name}},
        "spec": {"unschedulable": True},
    }


def uncordoning(site: Site, nodes: Iterable[Manifest]) -> Plan:
    """Uncordon the nodes that the runbook cordoned for this site, and no others."""
    return Plan(
        phase=PLAN,
        steps=tuple(
            Step(
                action=Action.UPDATE,
                target=Target("Node", node["metadata"]["name"]),
                because="the runbook cordoned it",
                # Server-side apply removes fields that were applied before and are missing now.
                body=_node(node["metadata"]["name"]),
                changes=(Change("spec.unschedulable", "true", "absent"),),
            )
            for node in nodes
            if node["metadata"].get("annotations", {}).get(CORDONED_BY) == site.name
        ),
    )


def eviction(pods: Iterable[Manifest], node: str) -> Plan:
    """Delete the workload's pods on a node; those of other namespaces stay."""
    return Plan(
        phase=PLAN,
        steps=tuple(
            deletion(pod, f"{node} is drained")
            for pod in pods
            if pod["spec"].get("nodeName") == node
        ),
    )


def _component(pod: Manifest) -> str:
    return str(pod["metadata"].get("labels", {}).get("name", ""))


def _of(component: str, pod: Manifest) -> Step:
    """The deletion of one of Kuryr's pods, whose successor has to continue where it stopped."""
    node = pod["spec"].get("nodeName", "no node")
    disturbs = {
        CONTROLLER: "until its successor is ready no pod gets a network, no Service an address",
        DAEMON: f"until its successor is ready no pod starts on {node}",
    }
    return replace(
        deletion(pod, f"{component} on {node}: its successor has to continue where it stopped"),
        body=ProgramDeletion(
            reference=reference_to(pod),
            component=component,
            uid=str(pod["metadata"].get("uid", "")),
            node=node,
        ),
        disturbs=f"{disturbs[component]}; what runs keeps its network",
    )


def _drain(site: Site, nodes: Sequence[Manifest], used: Counter[str]) -> Iterator[Step]:
    taking = [
        node["metadata"]["name"]
        for node in nodes
        if not node["spec"].get("unschedulable") and is_ready(node)
    ]
    name = max(sorted(taking), key=lambda node: used[node], default="")
    if not used[name]:
        return
    target = Target("Node", name)
    if len(taking) == 1:
        because = "is not drained: no other node takes pods"
        yield Step(action=Action.KEEP, target=target, because=because)
        return
    space = site.verification.namespace
    yield Step(
        action=Action.UPDATE,
        target=target,
        because=f"cordoned, its {used[name]} pods of namespace {space} deleted, and uncordoned",
        body=cordon(site, name),
        changes=(Change("spec.unschedulable", "absent", "true"),),
        disturbs="meanwhile no pod of anybody is scheduled there; those of other namespaces stay",
    )


def _node(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
