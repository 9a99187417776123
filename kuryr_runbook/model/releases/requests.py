"""The requests of the controller to Neutron and Octavia, as they are in its code.

For the handlers and drivers that the runbook sets. Reading one resource, where the code only lists
them, is here too: it grants nothing.
"""

from __future__ import annotations

from kuryr_runbook.model.releases.parts import CloudRequest

NEUTRON = "network"
OCTAVIA = "load-balancer"
"""The services' types in Keystone's catalogue."""


def _neutron(path: str, *methods: str) -> CloudRequest:
    return CloudRequest(service=NEUTRON, path=path, methods=methods)


def _octavia(path: str, *methods: str) -> CloudRequest:
    return CloudRequest(service=OCTAVIA, path=path, methods=methods)


NETWORKING = (
    # keystoneauth's discovery, where the catalogue names the version.
    _neutron("v2.0", "GET"),
    _neutron("v2.0/", "GET"),
    _neutron("/ports", "GET", "POST"),
    _neutron("/ports/*", "GET", "PUT", "DELETE"),
    _neutron("/ports/*/tags", "PUT"),
    _neutron("/networks", "GET"),
    _neutron("/networks/*", "GET"),
    _neutron("/subnets", "GET"),
    _neutron("/subnets/*", "GET"),
    _neutron("/floatingips", "GET", "POST"),
    _neutron("/floatingips/*", "GET", "PUT", "DELETE"),
    _neutron("/floatingips/*/tags", "PUT"),
    # Of load balancers' ports.
    _neutron("/security-group-rules", "GET", "POST"),
    _neutron("/security-group-rules/*", "GET", "DELETE"),
    # The readiness check's; the details are at a path below.
    _neutron("/quotas/*", "GET"),
    _neutron("/quotas/*/*", "GET"),
)

BALANCING = (
    *(_octavia(version, "GET") for version in ("v2", "v2/", "v2.0", "v2.0/")),
    *(
        request
        for collection in ("/loadbalancers", "/listeners", "/pools", "/pools/*/members")
        for request in (
            # Stein creates them at a path without `lbaas/`.
            _octavia(collection, "GET", "POST"),
            _octavia(f"{collection}/*", "GET", "DELETE"),
        )
    ),
)

OWN_GROUPS = (
    _neutron("/security-groups", "GET", "POST"),
    _neutron("/security-groups/*", "GET", "DELETE"),
    _neutron("/security-groups/*/tags", "PUT"),
)
"""Of load balancers, up to Ussuri; and of network policies."""

LISTENER_CHANGES = _octavia("/listeners/*", "PUT")

WITH_GROUPS = (
    *NETWORKING,
    *BALANCING,
    *OWN_GROUPS,
    # Of floating IPs: the code names the wrong kind, and ignores that there is no such network.
    _neutron("/networks/*/tags", "PUT"),
)

WITH_GROUPS_AND_CHANGES = (*NETWORKING, *BALANCING, *OWN_GROUPS, LISTENER_CHANGES)

WITH_CHANGES = (*NETWORKING, *BALANCING, LISTENER_CHANGES)

WITH_ALL_CHANGES = (
    *WITH_CHANGES,
    _octavia("/pools/*/members/*", "PUT"),
    # Whether Neutron takes tags with several new ports.
    _neutron("/extensions", "GET"),
    _neutron("/extensions/*", "GET"),
)

NAMESPACES = (
    _neutron("/networks", "POST"),
    _neutron("/networks/*", "DELETE"),
    _neutron("/networks/*/tags", "PUT"),
    _neutron("/subnets", "POST"),
    _neutron("/subnets/*/tags", "PUT"),
    _neutron("/subnetpools/*", "GET"),
    _neutron("/routers/*/add_router_interface", "PUT"),
    _neutron("/routers/*/remove_router_interface", "PUT"),
)
"""Of subnets for namespaces."""

TRUNKS = (
    _neutron("/trunks", "GET"),
    _neutron("/trunks/*", "GET"),
    _neutron("/trunks/*/add_subports", "PUT"),
    _neutron("/trunks/*/remove_subports", "PUT"),
)
"""Of nested-vlan, in every release."""
