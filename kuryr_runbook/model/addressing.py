"""The address plan: which ranges must not overlap, and how a service subnet is divided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

RESERVED = {
    IPv4Network("0.0.0.0/8"): "0.0.0.0/8 means this network, and is never a destination (RFC 1122)",
    IPv4Network("127.0.0.0/8"): "127.0.0.0/8 is each machine's own loopback (RFC 1122)",
    IPv4Network("169.254.0.0/16"): "169.254.0.0/16 is link-local, and is not routed (RFC 3927)",
    IPv4Network("224.0.0.0/4"): "224.0.0.0/4 is multicast (RFC 5771)",
    IPv4Network("240.0.0.0/4"): "240.0.0.0/4 is reserved, and Linux does not route it (RFC 1112)",
}
"""Ranges in which no pod, service or router can have an address, and why."""
WIDEST_SERVICES = 12
"""Prefix of the widest range that API servers accept (kube-apiserver, validateServiceNetwork)."""
NARROWEST_SERVICES = 29
"""Prefix of the narrowest range: the lower half of the smallest service subnet."""
NARROWEST_SUBNET = 28


def reserved(network: IPv4Network) -> str | None:
    """Why some or all addresses of that range cannot be used; None: all can be."""
    return next((why for other, why in RESERVED.items() if other.overlaps(network)), None)


@dataclass(frozen=True, slots=True)
class Pool:
    """An allocation pool: first and last address, inclusive."""

    first: IPv4Address
    last: IPv4Address

    def __contains__(self, address: IPv4Address) -> bool:
        return self.first <= address <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def pod_pool(subnet: IPv4Network, gateway: IPv4Address) -> Pool:
    """All of the pod subnet except its gateway and the last address.

    The gateway is the first or the last usable address; the address before the broadcast address
    stays free, as in the original's plan (.2 to .253).
    """
    if gateway == subnet[1]:
        return Pool(subnet[2], subnet[-3])
    return Pool(subnet[1], gateway - 1)


def service_gateway(subnet: IPv4Network) -> IPv4Address:
    """The service subnet's gateway: its highest usable address.

    The first one belongs to the `kubernetes` service, so the gateway cannot have it.
    """
    return subnet[-2]


def service_pool(subnet: IPv4Network) -> Pool:
    """The addresses for Neutron and Octavia: the upper half, below the gateway.

    The lower half is Kubernetes' service CIDR: an amphora's port there would take a ClusterIP.
    """
    upper = list(subnet.subnets())[1]
    return Pool(upper[0], service_gateway(subnet) - 1)


def api_service_address(service_cidr: IPv4Network) -> IPv4Address:
    """The address of the `kubernetes` service: the first of the service CIDR."""
    return service_cidr[1]


def service_problems(subnet: IPv4Network, service_cidr: IPv4Network) -> Iterator[str]:
    """Why this service subnet cannot contain this service CIDR; empty if it can."""
    if subnet.prefixlen > NARROWEST_SUBNET:
        yield f"service subnet {subnet} is too small: it needs a /{NARROWEST_SUBNET} or wider"
        return
    if not WIDEST_SERVICES <= service_cidr.prefixlen <= NARROWEST_SERVICES:
        yield (
            f"service CIDR {service_cidr} cannot be the API server's: it accepts a range from "
            f"/{WIDEST_SERVICES} to /{NARROWEST_SERVICES}"
        )
        return
    lower = next(iter(subnet.subnets()))
    if not service_cidr.subnet_of(lower):
        yield (
            f"service CIDR {service_cidr} must be in the lower half of the service subnet "
            f"{subnet}, which is {lower}: the upper half is Octavia's"
        )


def overlaps(ranges: Mapping[str, IPv4Network]) -> Iterator[str]:
    """Every pair of named ranges that overlap, in words."""
    for (name_a, a), (name_b, b) in combinations(ranges.items(), 2):
        if a.overlaps(b):
            yield f"{name_a} {a} and {name_b} {b} overlap: give one of them another range"
