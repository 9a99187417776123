"""The nodes of the topology with their pods: a few individually, many by their states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from kuryr_runbook.checking.picture.marks import (
    Marks,
    by_state,
    chosen,
    listed,
    natural,
    span,
)
from kuryr_runbook.checking.picture.networks import blind_box
from kuryr_runbook.checking.verdicts import CouldNotLook, node_victim, pod_victim
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Victim
from kuryr_runbook.model.topology import Box, Line, Mark, summed
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.objects import Node, Pod
from kuryr_runbook.snapshots.reading import Unreadable

SHOWN = 6
"""Nodes that are shown individually."""
PODS_SHOWN = 8
"""Pods of a node that are shown individually."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where pods are: a node, or a placeholder for one."""

    name: str
    node: Node | None
    pods: Sequence[Pod]
    own: tuple[Mark, ...]
    all: tuple[Mark, ...]
    """Including those of its pods."""


def node_boxes(look: Look, marks: Marks) -> tuple[Box, ...]:
    """Every node, or those with findings and boxes that sum up the others."""
    shown, troubled, well = chosen(list(_places(look, marks)), SHOWN, lambda place: place.all)
    boxes = [
        blind_box(what, marks, CouldNotLook(read.reason))
        for what, read in (("nodes", look.cluster.nodes), ("pods", look.cluster.pods))
        if isinstance(read, Unreadable)
    ]
    boxes += [_box(look, marks, place) for place in shown]
    if troubled:
        boxes.append(_summary(look, marks, troubled, "more with findings"))
    if well:
        boxes.append(_summary(look, marks, well, "without findings"))
    return tuple(boxes)


def living(look: Look) -> list[Pod]:
    """The pods that are not finished; none if they could not be read."""
    pods = look.cluster.pods
    read = () if isinstance(pods, Unreadable) else pods
    return [pod for pod in read if not pod.is_finished]


def _places(look: Look, marks: Marks) -> Iterator[_Place]:
    """The nodes, then unknown ones that pods name."""
    pods: dict[str, list[Pod]] = defaultdict(list)
    for pod in living(look):
        pods[pod.node].append(pod)
    read = look.cluster.nodes
    nodes = {} if isinstance(read, Unreadable) else {node.name: node for node in read}
    strange = [name for name in pods if name not in nodes]
    for name in (*sorted(nodes, key=natural), *sorted(strange, key=natural)):
        here = sorted(pods.get(name, ()), key=lambda it: (it.namespace, natural(it.name)))
        own = marks.at(node_victim(name))
        every = summed([own, *(_pod_marks(marks, pod) for pod in here)])
        yield _Place(name, nodes.get(name), here, own, every)


def _pod_marks(marks: Marks, pod: Pod) -> tuple[Mark, ...]:
    return marks.at(pod_victim(pod), Victim("KuryrPort", pod.name, pod.namespace))


def _box(look: Look, marks: Marks, place: _Place) -> Box:
    if place.node is None:
        what, name = ("node", place.name) if place.name else ("pods", "not on a node yet")
        unread = isinstance(look.cluster.nodes, Unreadable)
        why = "could not look" if unread else "the cluster knows no such node"
        lines = [Line(text=why)] if place.name else []
        return Box(
            what=what, name=name, lines=(*lines, *_pod_lines(marks, place.pods)), marks=place.own
        )
    node = place.node
    state = "ready" if node.ready else "NOT ready"
    lines = [
        Line(text=node.address or "no address", end=state, hint=node.reason),
        marks.line("port", lambda: _port(look, node)),
    ]
    if not node.schedulable:
        lines.append(Line(text="takes no pods"))
    return Box(
        what="node",
        name=node.name,
        lines=(*lines, *_pod_lines(marks, place.pods)),
        marks=place.own,
    )


def _port(look: Look, node: Node) -> str:
    """What the node's port does for its pods."""
    port = look.node_ports.get(node.name)
    if port is None:
        return "none"
    if look.site.driver.needs_trunks:
        trunk = look.trunks.get(port.id)
        if trunk is None:
            return f"{port.status}, no trunk"
        return f"trunk {trunk.status}, {counted(len(trunk.sub_ports), 'subport')}"
    if look.site.driver.needs_address_pairs:
        return f"{port.status}, {counted(len(port.pairs), 'address pair')}"
    return port.status


def _pod_lines(marks: Marks, pods: Sequence[Pod]) -> Iterator[Line]:
    """Pods by namespace; of many, those with findings, and counts of the others."""
    shown, more, rest = chosen(pods, PODS_SHOWN, lambda pod: _pod_marks(marks, pod))
    shown.sort(key=lambda pod: (pod.namespace, natural(pod.name)))
    for namespace, here in groupby(shown, key=lambda pod: pod.namespace):
        yield Line(text=f"pods in {namespace}")
        for pod in here:
            state = _state(pod)
            yield Line(
                text=pod.name,
                end=(pod.address or "no address") if pod.ready else state,
                depth=1,
                hint=f"{pod}: {state}, {pod.address or 'no address'}",
                marks=_pod_marks(marks, pod),
            )
    yield from _states([*more, *rest], marks, f"{'more ' if shown else ''}pods")


def _state(pod: Pod) -> str:
    if pod.life.deleted is not None:
        return "Terminating"
    if pod.ready:
        return "ready"
    return "not ready" if pod.phase == "Running" else pod.phase or "no phase"


def _states(pods: Iterable[Pod], marks: Marks, what: str) -> Iterator[Line]:
    """How many there are in each state."""
    for state, here in by_state(pods, _state):
        seen = summed(_pod_marks(marks, pod) for pod in here)
        yield Line(text=f"{what} {state}", end=f"{len(here):,}", marks=seen)


def _summary(look: Look, marks: Marks, places: Sequence[_Place], how: str) -> Box:
    """A box for several nodes."""
    nodes = [place.node for place in places if place.node is not None]
    lines = [listed([place.name or "not on a node" for place in places])]
    for state, here in by_state(nodes, lambda it: "ready" if it.ready else "NOT ready"):
        lines.append(Line(text=f"nodes {state}", end=f"{len(here):,}"))
    lines += _pairs(look, nodes)
    lines.append(Line(text="pods a node", end=span([len(place.pods) for place in places])))
    pods = [pod for place in places for pod in place.pods]
    return Box(
        what="nodes",
        name=f"{len(places):,} {how}",
        lines=(*lines, *_states(pods, marks, "pods")),
        marks=summed(place.own for place in places),
    )


def _pairs(look: Look, nodes: Iterable[Node]) -> Iterator[Line]:
    """How many address pairs the nodes' ports have, if the driver uses them."""
    if not look.site.driver.needs_address_pairs:
        return
    try:
        ports = [look.node_ports.get(node.name) for node in nodes]
    except CouldNotLook:
        return
    if pairs := [len(port.pairs) for port in ports if port]:
        yield Line(text="address pairs a node", end=span(pairs))
