"""What a form offers for the keys of a site file, from what cloud and cluster have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import TypeVar

from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.support import kubernetes_objections
from kuryr_runbook.planning.draft_interfaces import common_interfaces
from kuryr_runbook.snapshots.cloud.lookup import Named, of_name
from kuryr_runbook.snapshots.cloud.resources import Network, Subnet
from kuryr_runbook.snapshots.inventory import Inventory
from kuryr_runbook.snapshots.reading import Unreadable

N = TypeVar("N", bound=Named)
SHORT = 8
"""Letters of an id that tell it from others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A value that may be chosen."""

    value: str
    label: str
    others: tuple[str, ...] = ()
    """What else means the same: the id of what the value names."""


Offers = Mapping[str, Sequence[Offer]]
"""What is offered for a key, by its path. Without an entry, nobody knows what there is."""


def site_offers(found: Inventory) -> dict[str, Sequence[Offer]]:
    """Offers for all keys whose values could be read."""
    return dict(chain(_networking(found), _balancing(found), _kubernetes(found)))


def plain(values: Iterable[str]) -> tuple[Offer, ...]:
    """Offers that are called like their values."""
    return tuple(Offer(value=value, label=value) for value in values)


def releases(version: str | Unreadable) -> tuple[Offer, ...]:
    """Kuryr's releases, with the versions of Kubernetes that they run on."""
    return tuple(
        Offer(
            value=name,
            label=f"{name} (Kubernetes {release.kubernetes_window}){_unfit(name, version)}",
        )
        for name, release in RELEASES.items()
    )


def _unfit(release: str, version: str | Unreadable) -> str:
    if isinstance(version, Unreadable):
        return ""
    try:
        objections = [*kubernetes_objections(RELEASES[release], version)]
    except ValueError:
        return ""
    if not objections:
        return f" ✓ fits {version}"
    fails = any(it.status is not Status.WARN for it in objections)
    return f" ✗ not {version}" if fails else f" ! not tested with {version}"


def _networking(found: Inventory) -> Iterator[tuple[str, Sequence[Offer]]]:
    cloud, login = found.cloud, found.login
    if isinstance(cloud, Unreadable) or isinstance(login, Unreadable):
        return
    project = login.project_id
    own = Offer(value=project, label=f"{login.project} ({_short(project)}): the login's own")
    yield "openstack.k8s_project_id", (own,)
    if not isinstance(cloud.networks, Unreadable):
        outside = [it for it in cloud.networks if it.external]
        inside = [it for it in cloud.networks if not it.external]
        yield "network.external_network", _named(outside, cloud.networks, project)
        yield "network.service_subnet.network", _named(inside, cloud.networks, project)
    if not isinstance(cloud.subnets, Unreadable):
        external = _external_ids(cloud.networks)
        subnets = [it for it in cloud.subnets if it.network_id not in external]
        having = [it for it in subnets if _has_nodes(it, found)]
        others = [it for it in subnets if it not in having]

        def place(subnet: Subnet) -> str:
            return f", {subnet.cidr}{', has the nodes' if subnet in having else ''}"

        for_nodes = _named([*having, *others], cloud.subnets, project, place)
        yield "network.node_subnet", for_nodes
        for key in ("network.pod_subnet.name", "network.service_subnet.name"):
            yield key, for_nodes[len(having) :]
    if not isinstance(cloud.routers, Unreadable):
        yield "network.router", _named(cloud.routers, cloud.routers, project)
    if not isinstance(cloud.groups, Unreadable):
        for key in ("network.node_security_group", "network.pod_security_group"):
            yield key, _named(cloud.groups, cloud.groups, project)


def _external_ids(networks: Sequence[Network] | Unreadable) -> frozenset[str]:
    known = () if isinstance(networks, Unreadable) else networks
    return frozenset(it.id for it in known if it.external)


def _has_nodes(subnet: Subnet, found: Inventory) -> bool:
    """Whether the nodes' addresses are in it."""
    nodes = () if isinstance(found.nodes, Unreadable) else found.nodes
    try:
        network = ip_network(subnet.cidr)
        return any(ip_address(node.address) in network for node in nodes if node.address)
    except ValueError:
        return False


def _balancing(found: Inventory) -> Iterator[tuple[str, Sequence[Offer]]]:
    if not isinstance(found.login, Unreadable) and not isinstance(found.balancers, Unreadable):
        there, project = found.balancers, found.login.project_id
        yield "network.api_load_balancer", _named(there, there, project)
    if not isinstance(found.providers, Unreadable):
        yield (
            "kuryr.octavia_provider",
            tuple(
                Offer(
                    value=provider,
                    label=provider
                    if provider in found.providers
                    else f"{provider} ✗ this cloud does not offer it",
                )
                for provider in map(str, OctaviaProvider)
            ),
        )


def _kubernetes(found: Inventory) -> Iterator[tuple[str, Sequence[Offer]]]:
    yield "kuryr.release", releases(found.version)
    if not isinstance(found.interfaces, Unreadable):
        names = common_interfaces(found.interfaces)
        if names and not isinstance(names, Unreadable):
            yield "kuryr.link_iface", plain(names)
    if not isinstance(found.namespaces, Unreadable):
        yield "kubernetes.namespace", plain(found.namespaces)
    if not isinstance(found.api_servers, Unreadable):
        yield "kubernetes.api_root", plain(f"https://{it}" for it in found.api_servers)


def _named(
    items: Iterable[N],
    among: Sequence[N],
    project: str,
    more: Callable[[N], str] = lambda item: "",
) -> tuple[Offer, ...]:
    """Resources by their names, or by their ids where the name would not find them alone."""
    offers = []
    for item in items:
        meant = [it.id for it in of_name(among, item.name, project)] if item.name else []
        if meant == [item.id]:
            label = f"{item.name} ({_short(item.id)}){more(item)}"
            offers.append(Offer(value=item.name, label=label, others=(item.id,)))
        else:
            label = f"{item.name or 'without a name'} ({item.id}){more(item)}"
            offers.append(Offer(value=item.id, label=label))
    return tuple(offers)


def _short(identifier: str) -> str:
    return f"{identifier[:SHORT]}…" if len(identifier) > SHORT else identifier
