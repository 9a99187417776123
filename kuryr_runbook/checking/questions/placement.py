"""Can Kuryr's pods start where the site wants them? Nodes, their taints, and priority classes."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import CONTROLLER_EFFECTS, passed, readable, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Region, Status, Verdict
from kuryr_runbook.model.placement import (
    BUILT_IN_CLASSES,
    CONTROLLER_TOLERATES,
    CRITICAL_ANYWHERE,
    TOLERATED_FOR_A_WHILE,
    ControllerSection,
    is_restricted,
    is_tolerated,
    priority_classes,
)
from kuryr_runbook.model.releases import minor_version
from kuryr_runbook.snapshots.cluster.objects import Node


@Check(
    "priority-class",
    "Kuryr's pods may have their priority classes",
    "kubernetes, plugin/pkg/admission/priority: pods of an unknown class are refused",
    on=(Occasion.PREFLIGHT,),
)
def check_priority_classes(look: PreflightLook) -> Iterator[Verdict]:
    """Deployment and DaemonSet would be accepted, and never get a pod."""
    home = look.site.kubernetes.namespace
    wanted = priority_classes(look.site.kuryr.controller, look.site.kuryr.daemon)
    there = {*BUILT_IN_CLASSES, *readable(look.seen.priority_classes)}
    for key, name in wanted.items():
        if name not in there:
            yield Verdict(
                status=Status.FAIL,
                evidence=f"there is no priority class {name} (kuryr.{key})",
                remedy=f"create it (kubectl create priorityclass {name} --value=1000000), or leave "
                f"out kuryr.{key}",
            )
        elif is_restricted(name, home) and minor_version(look.version) < CRITICAL_ANYWHERE:
            first = ".".join(map(str, CRITICAL_ANYWHERE))
            yield Verdict(
                status=Status.FAIL,
                evidence=f"before Kubernetes {first} {name} is only for pods in kube-system, and "
                f"refused in {home}",
                remedy=f"set kuryr.{key} to a class of your own, or kubernetes.namespace to "
                "kube-system",
            )
    yield passed(", ".join(f"{name} ({key.partition('.')[0]})" for key, name in wanted.items()))


@Check(
    "controller-node",
    "A node takes the controller",
    "kubernetes, assigning pods to nodes: labels and taints",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"controller-ready", "pods-denied", *CONTROLLER_EFFECTS},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "no node with the labels that the controller has to have, or a taint on all that do",
            "the controller is Pending, nothing new is handled",
            "`controller-node`, also in preflight",
        ),
    ),
)
def check_controller_node(look: Look) -> Iterator[Verdict]:
    """A running controller stays where it is, so only one that does not run is judged."""
    if not look.is_ahead and any(pod.ready for pod in look.programs.controllers):
        return
    section = look.site.kuryr.controller
    reasons = [(node.name, _refusal(node, section)) for node in look.nodes]
    takers = [name for name, reason in reasons if not reason]
    if reasons and not takers:
        yield Cause(
            status=Status.FAIL,
            evidence=f"none does: {some([f'{name} has {reason}' for name, reason in reasons])}",
            remedy="kuryr.controller.node_selector may only name labels that a node has, and "
            "kuryr.controller.tolerations has to name the taints of such a node; or give a node "
            "that label, or take the taint from it",
        )
    elif takers:
        yield passed(f"{len(takers)} of {len(reasons)}")


def _refusal(node: Node, section: ControllerSection) -> str:
    """Why the scheduler does not put the controller on that node; empty: it may."""
    missing = [label for label in section.node_selector if label not in node.labels]
    if missing:
        return f"no label {', '.join(missing)}"
    tolerated = (*CONTROLLER_TOLERATES, *TOLERATED_FOR_A_WHILE, *section.tolerations)
    taints = [taint for taint in node.taints if not is_tolerated(taint, tolerated)]
    return f"the taint {', '.join(taints)}" if taints else ""
