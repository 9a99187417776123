"""What preflight reads from a cloud: who we are there, what exists, and what it permits."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from kuryr_runbook.clients.openstack.probes import CloudProber, Login, Refusal
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.pair_limit import ask_for_pairs, reported_limit
from kuryr_runbook.snapshots.cloud.quotas import balancer_quotas, network_quotas
from kuryr_runbook.snapshots.cloud.state import (
    NEUTRON_KINDS,
    CloudState,
    node_network,
    nothing_read,
    project_of,
    read_cloud,
)
from kuryr_runbook.snapshots.reading import Unreadable, attempted

SOME_HOST = "kuryr-runbook"
"""In place of the node's name that Kuryr sends; the policy does not depend on its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutronLook:
    """A Neutron that answers."""

    url: str
    extensions: frozenset[str]
    plain_port: Refusal | Unreadable
    """How it refuses a port in the nodes' network that is valid apart from its subnet."""
    bound_port: Refusal | Unreadable
    """How it refuses the same with `binding:host_id`."""
    paired_port: Refusal | Unreadable
    """How it refuses the same with as many allowed address pairs as a node takes pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OctaviaLook:
    """An Octavia that answers."""

    url: str
    versions: tuple[tuple[int, int], ...]
    providers: tuple[str, ...] | Unreadable
    new_balancer: Refusal | Unreadable
    """How it refuses a load balancer that is valid apart from its missing address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudPermissions:
    """A cloud before anything is created in it: which services answer, and what they permit."""

    login: Login | Unreadable
    neutron: NeutronLook | Unreadable
    octavia: OctaviaLook | Unreadable
    has_access_rules: bool | Unreadable
    """Whether Keystone knows access rules; False also if the site wants none."""


def read_permissions(
    site: Site, cloud: CloudProber | Unreadable, pairs: int
) -> tuple[CloudState, CloudPermissions]:
    """Read the cloud; `pairs` is how many allowed address pairs a worker's port may need.

    A service that does not answer is tried once, and the rest is read nevertheless.
    """
    if isinstance(cloud, Unreadable):
        return _nobody(cloud, cloud)
    login = attempted(cloud.login)
    if isinstance(login, Unreadable):
        nobody = Unreadable("nothing can be read without a login", "see the check of Keystone")
        return _nobody(login, nobody)
    project = project_of(site, login.project_id)
    networks, neutron = _neutron(site, cloud, project, pairs)
    balancers, octavia = _octavia(cloud, project)
    state = replace(
        networks, balancers=balancers.balancers, balancer_quotas=balancers.balancer_quotas
    )
    return state, CloudPermissions(
        login=login,
        neutron=neutron,
        octavia=octavia,
        has_access_rules=site.kuryr.credential_access_rules and attempted(cloud.knows_access_rules),
    )


def _nobody(login: Unreadable, why: Unreadable) -> tuple[CloudState, CloudPermissions]:
    permissions = CloudPermissions(login=login, neutron=why, octavia=why, has_access_rules=why)
    return nothing_read(why), permissions


def _neutron(
    site: Site, cloud: CloudProber, project: str, pairs: int
) -> tuple[CloudState, NeutronLook | Unreadable]:
    answer = attempted(lambda: (cloud.endpoint("network"), _extensions(cloud)))
    if isinstance(answer, Unreadable):
        return replace(nothing_read(answer), project_id=project), answer
    url, extensions = answer
    quotas = attempted(lambda: network_quotas(cloud.quotas("network", project)))
    agents = ("agent",) if site.driver.plugs_into_ovs else ()
    state = read_cloud(cloud, project, kinds=(*NEUTRON_KINDS, *agents), attempt=attempted)
    network = node_network(site, state)

    def refusal(**more: object) -> Refusal | Unreadable:
        if isinstance(network, Unreadable):
            return network
        body = {"project_id": project, **more}
        return attempted(lambda: cloud.refuse_port(network, body))

    paired = network if isinstance(network, Unreadable) else attempted(
        lambda: ask_for_pairs(cloud, network, project, pairs)
    )  # fmt: skip
    limit = paired if isinstance(paired, Unreadable) else reported_limit(paired)
    return replace(state, quotas=quotas, pair_limit=limit), NeutronLook(
        url=url,
        extensions=extensions,
        plain_port=refusal(),
        bound_port=refusal(**{"binding:host_id": SOME_HOST}),
        paired_port=paired,
    )


def _extensions(cloud: CloudProber) -> frozenset[str]:
    found = cloud.list_resources("extension", fields=("alias",))
    return frozenset(str(item.get("alias")) for item in found)


def _octavia(cloud: CloudProber, project: str) -> tuple[CloudState, OctaviaLook | Unreadable]:
    answer = attempted(lambda: (cloud.endpoint("load_balancer"), cloud.octavia_versions()))
    if isinstance(answer, Unreadable):
        return nothing_read(answer), answer
    url, versions = answer
    state = read_cloud(cloud, project, kinds=("loadbalancer",), attempt=attempted)
    balancers = state.balancers
    quotas = balancers if isinstance(balancers, Unreadable) else attempted(
        lambda: balancer_quotas(
            cloud.quotas("load_balancer", project), {"loadbalancer": len(balancers)}
        )
    )  # fmt: skip
    return replace(state, balancer_quotas=quotas), OctaviaLook(
        url=url,
        versions=octavia_versions(versions),
        providers=attempted(lambda: tuple(sorted(cloud.providers()))),
        new_balancer=attempted(lambda: cloud.refuse_load_balancer(project)),
    )


def octavia_versions(ids: object) -> tuple[tuple[int, int], ...]:
    """v2.27 as (2, 27), in order; anything that is not a version is left out."""
    texts = ids if isinstance(ids, list | tuple) else ()
    found = (re.fullmatch(r"v(\d+)(?:\.(\d+))?", str(text)) for text in texts)
    return tuple(sorted((int(match[1]), int(match[2] or 0)) for match in found if match))
