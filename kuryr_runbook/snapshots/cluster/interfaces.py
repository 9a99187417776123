"""The nodes' network interfaces, as their kubelets or a probe's pods report them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.parsing import part, parts, text
from kuryr_runbook.snapshots.reading import Unreadable, attempted

AT_ONCE = 16
"""Kubelets that are asked at the same time."""


class KubeletReader(Protocol):
    """What is needed of a cluster."""

    def node_statistics(self, node: str) -> Manifest:
        """What a node's kubelet has measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeInterfaces:
    """A node's interfaces."""

    node: str
    names: tuple[str, ...] | Unreadable
    """All of them, also those that are not the node's way to its network."""
    own: str = ""
    """The one in the network of the node's address; empty: nobody has looked."""


def read_interfaces(cluster: KubeletReader, nodes: Iterable[Node]) -> tuple[NodeInterfaces, ...]:
    """The names of each node's interfaces, from its kubelet's statistics, which have no addresses.

    Virtual ones may be missing: those of pods, bridges and tunnels.
    """

    def read(node: Node) -> NodeInterfaces:
        statistics = attempted(lambda: cluster.node_statistics(node.name))
        if isinstance(statistics, Unreadable):
            return NodeInterfaces(node=node.name, names=statistics)
        return NodeInterfaces(node=node.name, names=interface_names(statistics))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(read, nodes))


def interface_names(statistics: Manifest) -> tuple[str, ...] | Unreadable:
    """The interfaces in a kubelet's summary (kubelet, pkg/apis/stats/v1alpha1)."""
    interfaces = parts(part(statistics, "node", "network"), "interfaces")
    names = tuple(sorted({name for it in interfaces if (name := text(it, "name"))}))
    return names or Unreadable("the statistics of its kubelet name no interface")
