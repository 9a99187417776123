"""The resources of a cloud that a site file names: by name or id, and with which of its keys."""

from __future__ import annotations

from dataclasses import dataclass

from kuryr_runbook.model.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A resource that a site file names."""

    kind: str
    """`network`, `subnet`, `security_group`, ..."""
    name: str
    """Its name, or its id."""
    given_id: str | None = None
    """Its id, if the site file has a key of its own for that."""
    key: str
    """The key of the name in the site file; that of the id ends in `_id`."""

    def __str__(self) -> str:
        return f"{self.kind} {self.given_id or self.name}"


def external_network(site: Site) -> Wanted:
    """The network of floating IPs."""
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


def namespace_pool(site: Site) -> Wanted:
    """The subnet pool of namespaces' subnets."""
    name = site.network.namespace_subnets.pool
    return Wanted(kind="subnet_pool", name=name, key="network.namespace_subnets.pool")


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
    """The network of the Services, which contains that subnet."""
    name = site.network.service_subnet.network
    return Wanted(kind="network", name=name, key="network.service_subnet.network")


def router(site: Site) -> Wanted:
    """The router that connects nodes, pods and Services."""
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
