"""Neutron and Octavia as the layers above see them: types of resources, reading and changing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.model.objects import Resource


@dataclass(frozen=True, slots=True)
class Collection:
    """The place of a type of resource in the API."""

    service: str
    path: str
    singular: str
    plural: str


COLLECTIONS: dict[str, Collection] = {
    "network": Collection("network", "/networks", "network", "networks"),
    "subnet": Collection("network", "/subnets", "subnet", "subnets"),
    "subnet_pool": Collection("network", "/subnetpools", "subnetpool", "subnetpools"),
    "port": Collection("network", "/ports", "port", "ports"),
    "router": Collection("network", "/routers", "router", "routers"),
    "security_group": Collection(
        "network", "/security-groups", "security_group", "security_groups"
    ),
    "security_group_rule": Collection(
        "network", "/security-group-rules", "security_group_rule", "security_group_rules"
    ),
    "floatingip": Collection("network", "/floatingips", "floatingip", "floatingips"),
    "trunk": Collection("network", "/trunks", "trunk", "trunks"),
    "agent": Collection("network", "/agents", "agent", "agents"),
    "extension": Collection("network", "/extensions", "extension", "extensions"),
    "loadbalancer": Collection(
        "load_balancer", "/lbaas/loadbalancers", "loadbalancer", "loadbalancers"
    ),
    "listener": Collection("load_balancer", "/lbaas/listeners", "listener", "listeners"),
    "pool": Collection("load_balancer", "/lbaas/pools", "pool", "pools"),
}


class OpenStackReader(Protocol):
    """What planning and checking may do with a cloud: read."""

    @property
    def project_id(self) -> str:
        """Id of the credentials' project."""

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        """All resources of a kind that the credentials can see, in one list call, paged."""

    def members(self, pool_id: str) -> list[Resource]:
        """The members of an Octavia pool."""


class OpenStackWriter(Protocol):
    """How applying changes a cloud."""

    def create(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Resource]:
        """Create resources of one kind, in one request; returns them as the API does."""

    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> Resource:
        """Change the given fields of a resource."""

    def delete(self, kind: str, resource_id: str) -> None:
        """Delete a resource; no error if it is gone. Waits where the service is slow."""

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Add a router interface in the subnet, at the subnet's gateway address."""

    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Remove that interface; no error if it is gone."""

    def replace_members(self, pool_id: str, members: Sequence[Mapping[str, Any]]) -> None:
        """Replace the members of the pool by these, in one request."""

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> Resource:
        """Wait until the load balancer is ACTIVE. Raises ApplyError on ERROR, DeadlineError."""

    def change_pairs(self, port_id: str, added: Pairs, removed: Pairs) -> Resource:
        """Add and remove allowed address pairs of a port; others may change it meanwhile."""

    def remove_subports(self, trunk_id: str, port_ids: Sequence[str]) -> None:
        """Remove subports from a trunk; no error if some are gone."""


Pairs = Sequence[Mapping[str, str]]


def changed_pairs(pairs: Pairs, added: Pairs, removed: Pairs) -> list[Mapping[str, str]]:
    """The pairs after the change, in their order; the same list if nothing has to change."""
    gone, there = set(map(_key, removed)), set(map(_key, pairs))
    kept = [pair for pair in pairs if _key(pair) not in gone]
    return [*kept, *(pair for pair in added if _key(pair) not in there)]


def _key(pair: Mapping[str, str]) -> tuple[str, str]:
    """Neutron returns an address with or without its prefix length, as it was given."""
    return pair["ip_address"].removesuffix("/32"), pair["mac_address"].lower()
