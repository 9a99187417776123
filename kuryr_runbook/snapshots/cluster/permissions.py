"""What a cluster permits, and how it refuses: read by preflight, without changing anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network

from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.requirements import EVERYTHING, Right

RANGE = re.compile(r"\b\d+\.\d+\.\d+\.\d+/\d+\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPermissions:
    """What the user may do in a cluster whose API answers."""

    service_refusal: str | Unreadable
    """How the API server refuses a Service outside of its ranges; the message names them."""
    missing_rights: tuple[Right, ...] | Unreadable


def read_cluster_permissions(rights: Iterable[Right], cluster: ClusterProber) -> ClusterPermissions:
    """Probe with an impossible Service, and check each right."""
    return ClusterPermissions(
        service_refusal=attempted(cluster.refuse_service),
        missing_rights=attempted(lambda: tuple(_missing_rights(rights, cluster))),
    )


def service_range_of(refusal: str | Unreadable) -> IPv4Network | None:
    """The IPv4 range in the API server's message; None if it names none, or several."""
    if isinstance(refusal, Unreadable):
        return None
    found = set()
    for text in RANGE.findall(refusal):
        try:
            found.add(IPv4Network(text))
        except ValueError:
            continue
    return found.pop() if len(found) == 1 else None


def _missing_rights(rights: Iterable[Right], cluster: ClusterProber) -> Iterator[Right]:
    """The rights that the user does not have; for cluster-admin it takes a single request."""
    if _may(cluster, EVERYTHING):
        return
    for right in rights:
        if not _may(cluster, right):
            yield right


def _may(cluster: ClusterProber, right: Right) -> bool:
    attributes = {key: value for key, value in asdict(right).items() if value}
    resource, _, subresource = right.resource.partition("/")
    attributes["resource"] = resource
    return cluster.may(attributes | ({"subresource": subresource} if subresource else {}))
