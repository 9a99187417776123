"""Octavia's providers: what implements the load balancers of services, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class OctaviaProvider(StrEnum):
    """Octavia's names of the providers that a site may choose."""

    AMPHORA = "amphora"
    OVN = "ovn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """What a provider requires of Kuryr and of security groups."""

    is_named: bool
    """Kuryr has to name it in its requests to Octavia; the other one is Octavia's default."""
    options: Mapping[str, str]
    """What [octavia_defaults] has to contain; a release without one of these options cannot use it.
    """
    api_protocol: str
    """Protocol of the API's load balancer: Octavia passes encrypted traffic on with either."""
    api_algorithm: str
    """How that load balancer chooses an API server."""
    has_timeouts: bool
    """It closes a connection that is silent for longer than the listener's timeout."""
    keeps_client_address: bool
    """Pods see the client's address, so their group must admit the clients; otherwise load
    balancers send from an address in the service subnet."""


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
    """Whether load balancers of a provider close silent connections; an unknown provider's may."""
    known = {str(name): traits.has_timeouts for name, traits in PROVIDERS.items()}
    return known.get(provider, True)
