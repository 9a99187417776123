"""Is Kuryr itself healthy? Its controller, its daemons, and the nodes that wait for them."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.remedies import restart_daemon
from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    CouldNotLook,
    node_victim,
    passed,
    phase,
    some,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Verdict
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.programs import ProgramPod
from kuryr_runbook.snapshots.reading import Unreadable

MANY_RESTARTS = 3
RECENT = 3600.0
"""Seconds for which restarts still matter."""


@Check(
    "controller-replicas",
    "The controller is deployed, once",
    "kuryr-kubernetes: only the controller makes ports and load balancers, and it does not share "
    "the work unless [kubernetes] controller_ha is set",
    explains={"controller-ready", *CONTROLLER_EFFECTS},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "controller scaled to 0, or its Deployment deleted",
            "new pods hang in ContainerCreating, new services get no load balancer; existing ones "
            "keep working",
        ),
        Fault("more than one controller", "pods get two ports, and the quota fills up"),
    ),
)
def check_replicas(look: Look) -> Iterator[Cause]:
    """Running pods keep working without it; nothing new gets a port or a load balancer."""
    place, replicas = look.places.controller, look.programs.replicas
    scale = f"kubectl -n {place.namespace} scale {place.kind.lower()} {place.name} --replicas=1"
    if replicas is None:
        yield Cause(
            status=Status.FAIL,
            evidence=f"there is no {place}",
            remedy=phase("controller"),
            fixes=(PhaseFix("controller"),),
        )
    elif replicas == 0:
        yield Cause(
            status=Status.FAIL,
            evidence=f"{place} is scaled to 0",
            remedy=f"{scale}, or {phase('controller')}",
            fixes=(PhaseFix("controller"),),
        )
    elif replicas > 1:
        yield Cause(
            status=Status.WARN,
            evidence=f"{place} is scaled to {replicas}: each of them makes a port for every pod",
            remedy=f"{scale}, or {phase('controller')}",
            explains={"port-twice", "port-orphaned"},
            fixes=(PhaseFix("controller"),),
        )


@Check(
    "controller-ready",
    "The controller is ready",
    "kuryr-kubernetes, controller/managers/health.py: /ready: Kubernetes, Keystone and Neutron",
    explains=CONTROLLER_EFFECTS,
    depth=Depth.PROGRAMS,
    region=Region.PROGRAMS,
)
def check_controller(look: Look) -> Iterator[Cause]:
    """A controller that starts over and over does not do its work either."""
    place, programs = look.places.controller, look.programs
    pods = [pod for pod in programs.controllers if not pod.going]
    if programs.replicas is None or any(pod.ready for pod in pods):
        return
    details = [_words(pod) for pod in pods]
    evidence = some(details) if details else f"its {place.kind} has made no pod"
    yield Cause(
        status=Status.FAIL,
        evidence=f"no controller is ready: {evidence}",
        remedy=f"kubectl -n {place.namespace} describe {place.pods}; kubectl -n {place.namespace} "
        f"logs {place.argument} --previous; then {phase('controller')}",
        fixes=(PhaseFix("controller"),),
    )


@Check(
    "controller-restarts",
    "The controller does not restart over and over",
    "kuryr-kubernetes, controller/managers/health.py: /alive fails for good after an error that "
    "a handler did not expect",
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "controller restarts over and over",
            "some pods start late, ports are left over",
            "`controller-restarts`, or what makes it restart",
        ),
    ),
)
def check_restarts(look: Look) -> Iterator[Cause]:
    """Between restarts it is ready, and does part of its work."""
    for pod in look.programs.controllers:
        is_recent = pod.restarted is not None and not look.is_old(pod.restarted, RECENT)
        if pod.restarts >= MANY_RESTARTS and is_recent:
            yield Cause(
                status=Status.WARN,
                evidence=f"{_words(pod)}: {counted(pod.restarts, 'restart')}, the last less than "
                "an hour ago",
                remedy=f"kubectl -n {look.places.controller.namespace} logs {pod.name} --previous",
            )


@Check(
    "daemon-there",
    "Every worker has a daemon",
    "kuryr-kubernetes, cni/daemon: the CNI plugin only passes on to the daemon of its node",
    explains={"daemon-ready", *DAEMON_EFFECTS},
    depth=Depth.PROGRAMS,
    region=Region.PROGRAMS,
    faults=(
        Fault("no daemon on a node: taint, selector, DaemonSet deleted", "pods on that node hang"),
        Fault("DaemonSet deleted, its pods left", "nothing, until one of them ends"),
    ),
)
def check_daemons_there(look: Look) -> Iterator[Cause]:
    """Running pods keep working without it; none can start or end."""
    programs, place = look.programs, look.places.daemon
    served = {pod.node for pod in programs.daemons if not pod.going}
    bare = [node.name for node in look.nodes if node.schedulable and node.name not in served]
    gone = f"there is no {place}"
    if not bare and not programs.daemon_set:
        yield Cause(
            status=Status.WARN,
            evidence=f"{gone}: its pods go on, and no pod is made again where one ends",
            remedy=phase("daemon"),
            explains=frozenset(),
            fixes=(PhaseFix("daemon"),),
        )
    if not bare:
        return
    missing = f"no pod of {place} on {some(bare)}"
    yield Cause(
        status=Status.FAIL,
        evidence=missing if programs.daemon_set else gone,
        remedy=f"kubectl -n {place.namespace} describe daemonset {place.name}, for taints and node "
        "selectors"
        if programs.daemon_set
        else phase("daemon"),
        victims=tuple(map(node_victim, bare)),
        nodes=frozenset(bare),
        fixes=(PhaseFix("daemon"),),
    )


@Check(
    "daemon-ready",
    "Every daemon is ready",
    "kuryr-kubernetes, cni/health.py: /ready checks NET_ADMIN and Kubernetes",
    explains=DAEMON_EFFECTS,
    depth=Depth.PROGRAMS,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "daemon not ready",
            "pods on that node hang: `cannot be reached`",
            "`daemon-ready`, or `daemon-log` with the reason",
        ),
    ),
)
def check_daemons(look: Look) -> Iterator[Cause]:
    """One finding for each reason, not for each node."""
    home = look.places.daemon.namespace
    by_reason: dict[str, list[ProgramPod]] = {}
    for pod in look.programs.daemons:
        if not pod.ready and not pod.going:
            by_reason.setdefault(pod.reason, []).append(pod)
    for pods in by_reason.values():
        nodes = [pod.node for pod in pods]
        yield Cause(
            status=Status.FAIL,
            evidence=some([_words(pod) for pod in pods]),
            remedy=f"kubectl -n {home} describe pod {pods[0].name}; kubectl -n {home} logs "
            f"{pods[0].name} --all-containers; then {phase('daemon')}",
            victims=tuple(map(node_victim, nodes)),
            nodes=frozenset(nodes),
            fixes=(PhaseFix("daemon"),),
        )


@Check(
    "node-ready",
    "All nodes are Ready",
    "kubelet: a node is ready once it finds a CNI configuration",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    explains={"pod-plugged"},
    depth=Depth.PROGRAMS,
    faults=(
        Fault("CNI configuration missing on a node", "node NotReady, `cni config uninitialized`"),
    ),
)
def check_nodes(look: Look) -> Iterator[Verdict]:
    """The kubelet reports whether it is the network that is missing."""
    by_reason: dict[str, list[str]] = {}
    if not look.nodes:
        raise CouldNotLook("the cluster shows no node")
    for node in look.nodes:
        if not node.ready:
            by_reason.setdefault(node.reason, []).append(node.name)
    for reason, names in by_reason.items():
        lacks_network = "cni" in reason.lower() or "network" in reason.lower()
        remedy = (
            f"{restart_daemon(look, names[0])}; its init container installs the CNI configuration"
            if lacks_network
            else f"kubectl describe node {names[0]}, and the kubelet's log there: the network is "
            "not the problem"
        )
        yield Cause(
            status=Status.FAIL,
            evidence=f"{some(names)}: {reason}",
            remedy=remedy,
            victims=tuple(map(node_victim, names)),
            nodes=frozenset(names),
        )
    yield passed(f"{len(look.nodes)} of {len(look.nodes)}")


def _words(pod: ProgramPod) -> str:
    """One of Kuryr's pods, why it is not ready, and its last log record."""
    last = "" if isinstance(pod.log, Unreadable) or not pod.log else f"; it logged: {pod.log[-1]}"
    where = f"{pod.name} on {pod.node or 'no node'}"
    return f"{where}: {pod.reason}{last}" if pod.reason else f"{where}{last}"
