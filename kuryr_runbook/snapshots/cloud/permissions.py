"""What preflight looks at in a cloud: who we are there, what there is, and what it permits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.openstack.probes import CloudProber, Login, Refusal
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.pair_limit import ask_for_pairs
from kuryr_runbook.snapshots.openstack import FIELDS, OpenStackSnapshot, read_snapshot
from kuryr_runbook.snapshots.parsing import number
from kuryr_runbook.snapshots.reading import Unreadable, attempted

Resource = Mapping[str, Any]

NEUTRON_FIELDS = {
    **{kind: FIELDS[kind] for kind in ("network", "subnet", "router", "security_group")},
    **{kind: FIELDS[kind] for kind in ("security_group_rule", "floatingip")},
    "port": (*FIELDS["port"], "trunk_details", "tags"),
}
SOME_HOST = "kuryr-runbook"
"""Stands for the node's name that Kuryr sends; the policy does not ask for its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much of a resource a project may have, and has."""

    limit: int
    """Negative: there is none."""
    used: int
    """With what is reserved by requests under way."""

    @property
    def free(self) -> int | None:
        """How many more there may be; None: any number."""
        return None if self.limit < 0 else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutronLook:
    """A Neutron that answers."""

    url: str
    extensions: frozenset[str]
    resources: OpenStackSnapshot | Unreadable
    quotas: Mapping[str, Quota] | Unreadable
    """By Neutron's name of the resource."""
    plain_port: Refusal | Unreadable
    """How it refuses a port on the nodes' network that lacks nothing but its subnet."""
    bound_port: Refusal | Unreadable
    """How it refuses the same with `binding:host_id`."""
    paired_port: Refusal | Unreadable
    """How it refuses the same with `pairs` allowed address pairs."""
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OctaviaLook:
    """An Octavia that answers."""

    url: str
    versions: tuple[tuple[int, int], ...]
    balancers: tuple[Resource, ...] | Unreadable
    quota: Quota | Unreadable
    """Of load balancers."""
    providers: tuple[str, ...] | Unreadable
    new_balancer: Refusal | Unreadable
    """How it refuses a load balancer that lacks nothing but its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudLook:
    """A cloud before anything is made in it."""

    login: Login | Unreadable
    neutron: NeutronLook | Unreadable
    octavia: OctaviaLook | Unreadable


def read_cloud_look(site: Site, cloud: CloudProber | Unreadable, pairs: int) -> CloudLook:
    """Look at the cloud; `pairs` is how many allowed address pairs a worker's port may need.

    What does not answer is asked once, and the rest is looked at nevertheless.
    """
    if isinstance(cloud, Unreadable):
        return CloudLook(login=cloud, neutron=cloud, octavia=cloud)
    login = attempted(cloud.login)
    if isinstance(login, Unreadable):
        nobody = Unreadable("without a login nothing can be asked", "see the check of Keystone")
        return CloudLook(login=login, neutron=nobody, octavia=nobody)
    project = site.openstack.k8s_project_id or login.project_id
    return CloudLook(
        login=login,
        neutron=attempted(lambda: _neutron(site, cloud, project, pairs)),
        octavia=attempted(lambda: _octavia(cloud, project)),
    )


def _neutron(site: Site, cloud: CloudProber, project: str, pairs: int) -> NeutronLook:
    url = cloud.endpoint("network")
    extensions = cloud.list_resources("extension", fields=("alias",))
    snapshot = attempted(lambda: read_snapshot(cloud, project, NEUTRON_FIELDS))
    network = node_network(site, snapshot)

    def refusal(**more: object) -> Refusal | Unreadable:
        if isinstance(network, Unreadable):
            return network
        body = {"project_id": project, **more}
        return attempted(lambda: cloud.refuse_port(network, body))

    return NeutronLook(
        url=url,
        extensions=frozenset(str(item.get("alias")) for item in extensions),
        resources=snapshot,
        quotas=attempted(lambda: network_quotas(cloud.quotas("network", project))),
        plain_port=refusal(),
        bound_port=refusal(**{"binding:host_id": SOME_HOST}),
        paired_port=network
        if isinstance(network, Unreadable)
        else attempted(lambda: ask_for_pairs(cloud, network, project, pairs)),
        pairs=pairs,
    )


def _octavia(cloud: CloudProber, project: str) -> OctaviaLook:
    url = cloud.endpoint("load_balancer")
    versions = octavia_versions(cloud.octavia_versions())
    balancers = attempted(lambda: tuple(cloud.list_resources("loadbalancer", project_id=project)))
    return OctaviaLook(
        url=url,
        versions=versions,
        balancers=balancers,
        quota=balancers
        if isinstance(balancers, Unreadable)
        else attempted(
            lambda: balancer_quota(cloud.quotas("load_balancer", project), len(balancers))
        ),
        providers=attempted(lambda: tuple(sorted(cloud.providers()))),
        new_balancer=attempted(lambda: cloud.refuse_load_balancer(project)),
    )


def node_subnet(site: Site, resources: OpenStackSnapshot) -> Resource | None:
    """The nodes' subnet, by the site's id or name; None when there is none, or several."""
    given, name = site.network.node_subnet_id, site.network.node_subnet
    if given:
        return resources.by_id("subnet", given)
    found = resources.named("subnet", name)
    return found[0] if len(found) == 1 else None


def node_network(site: Site, resources: OpenStackSnapshot | Unreadable) -> str | Unreadable:
    """The id of the network of the nodes' subnet."""
    if isinstance(resources, Unreadable):
        return resources
    subnet = node_subnet(site, resources)
    if subnet is None:
        name = site.network.node_subnet_id or site.network.node_subnet
        return Unreadable(f"there is no subnet {name} in whose network to ask")
    return str(subnet["network_id"])


def network_quotas(details: Mapping[str, Any]) -> dict[str, Quota]:
    """Neutron's quota details; resources whose numbers are missing are left out."""
    found = {}
    for resource, numbers in details.items():
        known = numbers if isinstance(numbers, Mapping) else {}
        limit, used = number(known.get("limit")), number(known.get("used"))
        if limit is not None and used is not None:
            reserved = number(known.get("reserved")) or 0
            found[resource] = Quota(limit=limit, used=used + reserved)
    return found


def balancer_quota(limits: Mapping[str, Any], used: int) -> Quota:
    """Octavia's quota of load balancers. Raises AccessError when it tells none."""
    limit = number(limits.get("load_balancer", limits.get("loadbalancer")))
    if limit is None:
        raise AccessError("Octavia tells no quota of load balancers")
    return Quota(limit=limit, used=used)


def octavia_versions(ids: object) -> tuple[tuple[int, int], ...]:
    """v2.27 as (2, 27), in order; what is no version is left out."""
    texts = ids if isinstance(ids, list | tuple) else ()
    found = (re.fullmatch(r"v(\d+)(?:\.(\d+))?", str(text)) for text in texts)
    return tuple(sorted((int(match[1]), int(match[2] or 0)) for match in found if match))
