"""The section of a site about what Kuryr needs in Neutron and Octavia."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Self

from pydantic import Field, Strict, model_validator

from kuryr_runbook.model import addressing
from kuryr_runbook.model.site_values import (
    Address,
    Id,
    Network,
    Section,
    Text,
    checked,
)


class PodSubnet(Section):
    """The subnet of the pods' addresses."""

    name: Text = "kuryr-pod-subnet"
    """Name of the subnet."""
    cidr: Network = IPv4Network("10.1.0.0/24")
    """One address for each pod of the cluster."""
    gateway: Address | None = None
    """None: the first address."""

    @property
    def gateway_ip(self) -> IPv4Address:
        """The router's address in the subnet."""
        return self.gateway or self.cidr[1]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.cidr.prefixlen > addressing.NARROWEST_SUBNET:
            yield "cidr", f"{self.cidr} is too small: it needs a /28 or wider"
        elif self.gateway_ip not in (self.cidr[1], self.cidr[-2]):
            ends = f"{self.cidr[1]} or {self.cidr[-2]}"
            yield "gateway", f"{self.gateway_ip} is not an end of {self.cidr}: choose {ends}"


class ServiceSubnet(Section):
    """The network and subnet of services: Kubernetes has the lower half, Octavia the upper."""

    network: Text = "kuryr-service-network"
    """Name of the network."""
    name: Text = "kuryr-service-subnet"
    """Name of the subnet."""
    cidr: Network = IPv4Network("10.2.0.0/24")
    """Twice the service CIDR, which is its lower half."""


class NamespaceSubnets(Section):
    """A network and a subnet for each namespace, which Kuryr makes with the namespace's first pod,
    and removes with the namespace; from Wallaby on."""

    enabled: Annotated[bool, Strict()] = False
    """Whether each namespace has its own subnet. Pods that run already keep their addresses in
    `pod_subnet`, which stays."""
    pool: Text = "kuryr-namespace-pool"
    """Subnet pool of these subnets; created if missing. To have an address scope, create the pool
    in it beforehand."""
    cidr: Network = IPv4Network("10.3.0.0/16")
    """Range of the pool. An existing pool has to be in it."""
    prefix_length: Annotated[int, Strict(), Field(ge=8, le=addressing.NARROWEST_SUBNET)] = 24
    """Prefix length of each subnet: 24 for 253 pods in a namespace."""

    @property
    def ports(self) -> int:
        """How many ports a subnet has room for, besides that of its router."""
        return IPv4Network((0, self.prefix_length)).num_addresses - 3

    @model_validator(mode="after")
    def _fits(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.prefix_length < self.cidr.prefixlen:
            yield "prefix_length", f"a /{self.prefix_length} does not fit into {self.cidr}"


class NetworkSection(Section):
    """What Kuryr needs in Neutron and Octavia. Existing resources with a name or id are used.

    An id may replace each name, and has to if several resources have that name.
    """

    external_network: Text = "ext-net"
    """Network of the floating IPs of load balancers."""
    external_network_id: Id | None = None
    """Its id, instead of its name."""
    external_subnet_id: Id | None = None
    """The id of its subnet from which load balancers get their floating IPs; None: Neutron takes
    any. Such a subnet has no name that projects see."""
    router: Text = "k8s-router"
    """Router between nodes, pods, services and the external network; created if missing."""
    node_subnet: Text = "k8s-node-subnet"
    """Subnet that the nodes are attached to."""
    node_subnet_id: Id | None = None
    """Its id, instead of its name."""
    node_security_group: Text = "k8s-node-sg"
    """Group of the nodes' ports; created and set on them if missing."""
    pod_subnet: PodSubnet = PodSubnet()
    kuryr_pod_subnet_id: Id | None = None
    """Id of an existing pod subnet, instead of its name."""
    namespace_subnets: NamespaceSubnets = NamespaceSubnets()
    pod_security_group: Text = "kuryr-pod-sg"
    """Group that Kuryr sets on every pod's port."""
    pod_security_group_id: Id | None = None
    """Its id, instead of its name."""
    service_subnet: ServiceSubnet = ServiceSubnet()
    kuryr_service_subnet_id: Id | None = None
    """Id of an existing service subnet, instead of its name."""
    api_load_balancer: Text = "kubernetes-service"
    """Load balancer of the `kubernetes` service, which Kuryr itself does not create."""
