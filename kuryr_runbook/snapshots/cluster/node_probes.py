"""What the pods of a node probe found out, from their status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.snapshots.cluster.objects import FINISHED, name_of
from kuryr_runbook.snapshots.parsing import part, parts, text, texts
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.node_probe import LOOK, PULL

NOT_PULLED = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
    }
)
"""Reasons of a waiting container whose image could not be pulled (kubelet, pkg/kubelet/images)."""
NOT_STARTED = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}
)
"""Reasons of a waiting container that has its image, and nevertheless does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What the probe on one node found out."""

    node: str
    pull: str | Unreadable
    """Why the kubelet could not pull the image, in its words; empty: it could."""
    own: str | Unreadable
    """The interface in the network of the node's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """The answers of all nodes, and what they were asked to pull."""

    image: str
    is_there: bool
    """Whether the registry has that image, as this machine sees it."""
    answers: tuple[Probed, ...]


def own_interfaces(answers: Iterable[Probed]) -> dict[str, str]:
    """The interface of each node that its probe has seen, by the node's name."""
    return {it.node: it.own for it in answers if isinstance(it.own, str)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    pulled: bool
    said: str
    """What it wrote, or why it did not start."""
    looked: bool
    """Whether it has ended, with its result."""


def read_images(cluster: KubernetesReader) -> dict[str, tuple[str, ...]]:
    """The images that each node has, by its name; a kubelet reports the 50 largest."""
    return {
        name_of(node): tuple(
            name
            for image in parts(part(node, "status"), "images")
            for name in texts(image, "names")
        )
        for node in cluster.list_objects("v1", "Node")
    }


def is_settled(pod: Manifest) -> bool:
    """Whether each of its containers has ended, or will not start."""
    wanted = {text(it, "name") for it in parts(part(pod, "spec"), "containers")}
    return is_over(pod) or wanted <= {name for name, _ in _containers(pod)}


def is_over(pod: Manifest) -> bool:
    """Whether the pod has ended."""
    return part(pod, "status").get("phase") in FINISHED


def probed(node: str, address: str, pod: Manifest | None) -> Probed:
    """The answer in the status of a node's pod; None: it could not be created, or is gone."""
    found = {} if pod is None else dict(_containers(pod))
    silent = _silence(node, pod)
    pull, look = found.get(PULL), found.get(LOOK) or found.get(PULL)
    return Probed(
        node=node,
        pull=silent if pull is None else ("" if pull.pulled else pull.said),
        own=silent if look is None else _own(look, address),
    )


def _silence(node: str, pod: Manifest | None) -> Unreadable:
    status = part(pod, "status")
    said = text(status, "message") or text(status, "reason")
    return Unreadable(said or f"the kubelet of node {node} did not start the probe in time")


def _containers(pod: Manifest) -> Iterator[tuple[str, _Container]]:
    """Those with a result, by name."""
    for status in parts(part(pod, "status"), "containerStatuses"):
        waiting, ended = part(status, "state", "waiting"), part(status, "state", "terminated")
        reason = text(waiting, "reason")
        if ended:
            done = ended.get("exitCode") == 0
            said = text(ended, "message") or text(ended, "reason")
            yield text(status, "name"), _Container(pulled=True, said=said, looked=done)
        elif reason in NOT_PULLED | NOT_STARTED:
            said = text(waiting, "message") or reason
            pulled = reason not in NOT_PULLED
            yield text(status, "name"), _Container(pulled=pulled, said=said, looked=False)


def _own(look: _Container, address: str) -> str | Unreadable:
    if not look.looked:
        return Unreadable(f"the probe could not look: {look.said}")
    return own_interface(look.said, address)


def own_interface(routes: str, address: str) -> str | Unreadable:
    """The interface in whose network the address is, from lines of name, network and mask.

    Network and mask are as in /proc/net/route. If the address is in none, it is the interface of
    the default route: the node's address may be alone in its network.
    """
    try:
        own, found = IPv4Address(address), list(_networks(routes))
    except ValueError as error:
        return Unreadable(f"the probe's answer cannot be read: {error}")
    around = [(net.prefixlen, name) for name, net in found if own in net]
    if not around:
        return Unreadable(f"no interface is in a network with {address}")
    return max(around)[1]


def _networks(routes: str) -> Iterator[tuple[str, IPv4Network]]:
    for line in routes.splitlines():
        name, network, mask = line.split()
        yield name, IPv4Network(f"{_address(network)}/{_address(mask)}")


def _address(text: str) -> IPv4Address:
    """An address of the kernel's table: hexadecimal digits of its bytes, the last one first."""
    return IPv4Address(bytes.fromhex(text)[::-1])
