"""Finding what a site names in a cloud: one way for all who look, and one answer to 'two have it'.

Names need not be unique in OpenStack. An id stands for a name wherever one is asked for; the
project's own come before those of others, as an admin sees all; and among several of one name the
one is meant that the runbook made for this very cluster. Where that decides nothing,
nobody guesses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.site import Site


class Named(Protocol):
    """What bears a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def project_id(self) -> str:
        """Whose it is."""

    @property
    def description(self) -> str:
        """Where the runbook puts its mark."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a site file names."""

    kind: str
    """`network`, `subnet`, `security_group`, ..."""
    name: str
    """Its name, or its id."""
    given_id: str | None = None
    """Its id, where the site file has a key of its own for that."""
    key: str
    """The place of the name in the site file; that of the given id ends in `_id`."""

    def __str__(self) -> str:
        return f"{self.kind} {self.given_id or self.name}"


class SeveralError(DriftError):
    """Several resources have the name, and which one is meant shows nowhere."""


def find(items: Iterable[T], wanted: Wanted, project: str, owner: str = "") -> T | None:
    """The one that is meant, or None when there is none.

    `owner` is the mark of what the runbook made for this cluster, where that is known. Raises
    SeveralError.
    """
    if wanted.given_id:
        return next((item for item in items if item.id == wanted.given_id), None)
    named = of_name(items, wanted.name, project)
    ours = [item for item in named if owner and item.description == owner]
    found = ours or named
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        raise SeveralError(
            f"{len(found)} {wanted.kind}s are named {wanted.name} ({wanted.key}): put the id "
            f"there, in the place of the name ({ids})",
            remedy=f"put the id into {wanted.key}: {ids}",
        )
    return next(iter(found), None)


def of_name(items: Iterable[T], name: str, project: str) -> list[T]:
    """All of that name or id: the project's own, or else those of others."""
    named = [item for item in items if name in (item.name, item.id)]
    own = [item for item in named if item.project_id == project]
    return own or named


def external_network(site: Site) -> Wanted:
    """Where floating IPs come from."""
    network = site.network
    return Wanted(
        kind="network",
        name=network.external_network,
        given_id=network.external_network_id,
        key="network.external_network",
    )


def node_subnet(site: Site) -> Wanted:
    """The subnet of the nodes."""
    network = site.network
    return Wanted(
        kind="subnet",
        name=network.node_subnet,
        given_id=network.node_subnet_id,
        key="network.node_subnet",
    )


def pod_subnet(site: Site) -> Wanted:
    """The subnet of the pods."""
    network = site.network
    return Wanted(
        kind="subnet",
        name=network.pod_subnet.name,
        given_id=network.kuryr_pod_subnet_id,
        key="network.kuryr_pod_subnet",
    )


def service_subnet(site: Site) -> Wanted:
    """The subnet of the Services."""
    network = site.network
    return Wanted(
        kind="subnet",
        name=network.service_subnet.name,
        given_id=network.kuryr_service_subnet_id,
        key="network.kuryr_service_subnet",
    )


def service_network(site: Site) -> Wanted:
    """The network of the Services, in which that subnet is."""
    name = site.network.service_subnet.network
    return Wanted(kind="network", name=name, key="network.service_subnet.network")


def router(site: Site) -> Wanted:
    """The router that joins nodes, pods and Services."""
    return Wanted(kind="router", name=site.network.router, key="network.router")


def node_group(site: Site) -> Wanted:
    """The security group of the nodes' ports."""
    name = site.network.node_security_group
    return Wanted(kind="security_group", name=name, key="network.node_security_group")


def pod_group(site: Site) -> Wanted:
    """The security group of the pods' ports."""
    network = site.network
    return Wanted(
        kind="security_group",
        name=network.pod_security_group,
        given_id=network.pod_security_group_id,
        key="network.pod_security_group",
    )


def api_balancer(site: Site) -> Wanted:
    """The load balancer of the API."""
    name = site.network.api_load_balancer
    return Wanted(kind="loadbalancer", name=name, key="network.api_load_balancer")
