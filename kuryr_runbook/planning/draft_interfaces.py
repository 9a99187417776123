"""Which of the nodes' interfaces is the one in their subnet: `kuryr.link_iface`."""

from __future__ import annotations

import re
from collections.abc import Collection

from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.planning.draft_keys import DraftKey, unknown
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces
from kuryr_runbook.snapshots.reading import Unreadable

LINK_IFACE = "kuryr.link_iface"
VIRTUAL = re.compile(
    r"(lo|veth|docker|nerdctl|podman|br-|cbr|cni|virbr|lxc|lxdbr|flannel|cali|cilium|weave|tunl|"
    r"vxlan|genev|gre|ovs|tap|tun|kube-|nodelocaldns|dummy|ifb|wg)[\w.-]*|br\d*|.*[.@].*"
)
"""Interfaces of programs: pods, bridges, tunnels, VLANs; not a machine's own."""


def link_iface(seen: Collection[NodeInterfaces] | Unreadable) -> DraftKey:
    """The interface with the nodes' addresses, if it was looked at; else the only one they have.

    It has one name for all nodes.
    """
    if isinstance(seen, Unreadable):
        return unknown(LINK_IFACE, seen.reason)
    if not seen:
        return unknown(LINK_IFACE, "the cluster has no nodes")
    own = {it.own for it in seen}
    if len(own) == 1 and (name := next(iter(own))):
        because = f"it is in the network of the address of each of {counted(len(seen), 'node')}"
        return DraftKey(key=LINK_IFACE, value=name, because=because)
    if "" not in own:
        names = ", ".join(f"{it.node}: {it.own}" for it in seen)
        return unknown(LINK_IFACE, f"it has to be the same on all nodes, and is not: {names}")
    return _only(seen)


def common_interfaces(seen: Collection[NodeInterfaces]) -> list[str] | Unreadable:
    """The machines' own interfaces that all of these nodes have."""
    common: set[str] | None = None
    for it in seen:
        if isinstance(it.names, Unreadable):
            return it.names
        machine = {name for name in it.names if not VIRTUAL.fullmatch(name)}
        common = machine if common is None else common & machine
    return sorted(common or ())


def _only(seen: Collection[NodeInterfaces]) -> DraftKey:
    names = common_interfaces(seen)
    if isinstance(names, Unreadable):
        return unknown(LINK_IFACE, names.reason)
    if len(names) == 1:
        have = agreeing(len(seen), "the node has", f"all {counted(len(seen), 'node')} have")
        because = f"the only one that {have}, as their kubelets say"
        return DraftKey(key=LINK_IFACE, value=names[0], because=because)
    if not names:
        return unknown(LINK_IFACE, "the kubelets name no interface that all nodes have")
    return unknown(
        LINK_IFACE, f"all nodes have {', '.join(names)}: init --probe-nodes looks which it is"
    )
