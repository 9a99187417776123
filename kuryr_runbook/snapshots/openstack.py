"""What Neutron and Octavia hold for a site, read in one list call per type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kuryr_runbook.clients.openstack.api import OpenStackReader

FIELDS: dict[str, tuple[str, ...]] = {
    "loadbalancer": (),
    "listener": (),
    "pool": (),
    "network": (
        "id", "name", "description", "mtu", "router:external", "port_security_enabled",
        "project_id",
    ),
    "subnet": (
        "id", "name", "description", "network_id", "cidr", "gateway_ip", "enable_dhcp",
        "allocation_pools", "project_id",
    ),
    "router": ("id", "name", "description", "external_gateway_info", "project_id"),
    "port": (
        "id", "name", "description", "network_id", "fixed_ips", "mac_address", "device_owner",
        "device_id", "security_groups", "allowed_address_pairs", "port_security_enabled",
        "status", "binding:host_id", "project_id",
    ),
    "security_group": ("id", "name", "description", "project_id"),
    "security_group_rule": (
        "id", "description", "security_group_id", "direction", "ethertype", "protocol",
        "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id",
    ),
    "floatingip": ("id", "description", "floating_ip_address", "fixed_ip_address", "port_id"),
}  # fmt: skip
"""The types that are read, with the fields asked for; Octavia's trees are read whole, and first,
as there is more to ask then."""

AT_ONCE = 10
"""Lists that are read at the same time; the SDK keeps as many connections to a service."""

SHARED_KINDS = ("network", "subnet")
"""Types of which other projects' resources matter too: the external network, shared networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStackSnapshot:
    """The resources by type, as they were at one time."""

    taken_at: datetime
    project_id: str
    resources: Mapping[str, tuple[Mapping[str, Any], ...]]
    members: Mapping[str, tuple[Mapping[str, Any], ...]]
    """The members of each pool that was asked for, by the pool's id."""

    def of(self, kind: str) -> tuple[Mapping[str, Any], ...]:
        """All resources of a type."""
        return self.resources[kind]

    def by_id(self, kind: str, resource_id: str | None) -> Mapping[str, Any] | None:
        """The resource with that id, or None."""
        return next((item for item in self.of(kind) if item["id"] == resource_id), None)

    def named(self, kind: str, name: str) -> tuple[Mapping[str, Any], ...]:
        """The resources with that name, or the one with that id; the project's own before others'.

        Names need not be unique in OpenStack: an id stands for a name wherever one is asked for.
        """
        named = tuple(item for item in self.of(kind) if name in (item["name"], item["id"]))
        own = tuple(item for item in named if item["project_id"] == self.project_id)
        return own or named


Rows = tuple[Mapping[str, Any], ...]


@contextmanager
def _begun(
    reader: OpenStackReader, project: str, kinds: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[ThreadPoolExecutor, dict[str, Future[Rows]]]]:
    """The lists of these types, all on their way."""

    def listed(kind: str) -> Rows:
        own = {} if kind in SHARED_KINDS else {"project_id": project}
        return tuple(reader.list_resources(kind, fields=kinds[kind], **own))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool, {kind: pool.submit(listed, kind) for kind in kinds}


def read_resources(
    reader: OpenStackReader, project: str, kinds: Mapping[str, tuple[str, ...]]
) -> dict[str, Rows]:
    """The project's resources of these types, with the fields asked for."""
    with _begun(reader, project, kinds) as (_, lists):
        return {kind: found.result() for kind, found in lists.items()}


def read_snapshot(
    reader: OpenStackReader, project: str, kinds: Mapping[str, tuple[str, ...]]
) -> OpenStackSnapshot:
    """Read these types alone, without members of pools."""
    taken_at = datetime.now(UTC)
    resources = read_resources(reader, project, kinds)
    return OpenStackSnapshot(taken_at=taken_at, project_id=project, resources=resources, members={})


def read_openstack(
    reader: OpenStackReader, project_id: str | None = None, *, pools_of: Iterable[str] = ()
) -> OpenStackSnapshot:
    """Read the project's resources; `pools_of` names load balancers, or gives their ids, whose
    members are read too.
    """
    project = project_id or reader.project_id
    taken_at = datetime.now(UTC)
    with _begun(reader, project, FIELDS) as (pool, lists):
        named = set(pools_of)
        balancers = lists["loadbalancer"].result()
        wanted = {lb["id"] for lb in balancers if named & {lb["id"], lb["name"]}}
        members = {
            item["id"]: pool.submit(reader.members, item["id"])
            for item in lists["pool"].result()
            if any(lb["id"] in wanted for lb in item["loadbalancers"])
        }
        return OpenStackSnapshot(
            taken_at=taken_at,
            project_id=project,
            resources={kind: found.result() for kind, found in lists.items()},
            members={pool_id: tuple(found.result()) for pool_id, found in members.items()},
        )
