"""Octavia's providers: who carries the load balancers of services, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OctaviaProvider(StrEnum):
    """Octavia's names for the providers that a site may choose."""

    AMPHORA = "amphora"
    OVN = "ovn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """What a provider asks of Kuryr and of security groups."""

    is_named: bool
    """Kuryr has to name it to Octavia; the other is what Octavia takes by itself."""
    options: Mapping[str, str]
    """What [octavia_defaults] has to hold; a release that does not know one of them cannot use it.
    """
    api_protocol: str
    """Protocol of the API's load balancer: Octavia passes on what it cannot read in either."""
    api_algorithm: str
    """How that one chooses an API server."""
    has_timeouts: bool
    """It closes a connection on which nothing was sent for as long as its listener says."""
    keeps_client_address: bool
    """Pods see the client's address, so their group must admit the clients; otherwise load
    balancers ask from an address of the service subnet."""


PROVIDERS: Mapping[OctaviaProvider, ProviderTraits] = {
    OctaviaProvider.AMPHORA: ProviderTraits(
        is_named=False,
        options={"member_mode": "L3"},
        api_protocol="HTTPS",
        api_algorithm="ROUND_ROBIN",
        # octavia, common/jinja/haproxy: timeout client, timeout server.
        has_timeouts=True,
        keeps_client_address=False,
    ),
    # kuryr-kubernetes, doc/source/installation/devstack/ovn-octavia.rst; ovn-octavia-provider,
    # driver.py: TCP, UDP and SCTP, one algorithm; listener_create does not read timeouts.
    OctaviaProvider.OVN: ProviderTraits(
        is_named=True,
        options={
            "member_mode": "L2",
            "lb_algorithm": "SOURCE_IP_PORT",
            "enforce_sg_rules": "false",
        },
        api_protocol="TCP",
        api_algorithm="SOURCE_IP_PORT",
        has_timeouts=False,
        keeps_client_address=True,
    ),
}


def has_timeouts(provider: str) -> bool:
    """Whether load balancers of a provider close silent connections; unknown ones may."""
    known = {str(name): traits.has_timeouts for name, traits in PROVIDERS.items()}
    return known.get(provider, True)
