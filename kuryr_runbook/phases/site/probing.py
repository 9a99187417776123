"""Probes a cluster's nodes with a pod on each, when that is asked for; nothing of it stays."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from kuryr_runbook.applying.node_probe import probe_nodes
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.wording import counted
from kuryr_runbook.planning.node_probe import image_with_shell
from kuryr_runbook.snapshots.cluster.node_probes import Probed, read_images
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.node_probe import NodeProbe, ProbedNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a probe of the nodes is for, and where its pods are created."""

    site: str
    namespace: str
    pull: str = ""
    """The image that every node should be able to pull; empty: none."""
    look: str = ""
    """The image with which to look at a node's interfaces; empty: one that the node has."""
    preferred: Sequence[str] = ()
    """Images that have a shell, if a node has one of them."""
    login: str = ""
    """The kubelets' login at the registry."""


def ask_nodes(
    question: Question, nodes: Sequence[Node], cluster: KubernetesClient
) -> tuple[Probed, ...] | Unreadable:
    """The answers of all nodes; unreadable if there can be none."""
    images = {} if question.look else attempted(lambda: read_images(cluster))
    if isinstance(images, Unreadable):
        return images
    probe = NodeProbe(
        namespace=question.namespace,
        site=question.site,
        run=secrets.token_hex(3),
        nodes=tuple(
            ProbedNode(
                name=node.name,
                pull=question.pull,
                look=question.look
                or image_with_shell(images.get(node.name, ()), question.preferred),
            )
            for node in nodes
        ),
        login=question.login,
    )
    without = [node.name for node in probe.nodes if not (node.pull or node.look)]
    if without:
        return Unreadable(f"no image that surely has a shell is on node {', '.join(without)}")
    used = sorted({it for node in probe.nodes for it in (node.pull, node.look) if it})
    say(
        f"starting a pod on each of {counted(len(probe.nodes), 'node')}, in namespace "
        f"{probe.namespace}, with "
        f"{' and '.join(used)}; they are deleted afterwards"
    )
    return attempted(lambda: probe_nodes(probe, nodes, cluster))
