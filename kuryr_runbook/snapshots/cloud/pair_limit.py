"""How many allowed address pairs a port may have: Neutron's max_allowed_address_pair.

No API shows it. But Neutron counts a port's pairs before anything else, and its refusal of too many
names the limit: so the probe is an impossible port with as many pairs as may be needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Protocol

from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.snapshots.reading import Unreadable

MANY_PAIRS = 1000
"""More than the pods of any node."""
SOME_MAC = "fa:16:3e:00:00:01"
"""Like that of a pod's port; some clouds only accept pairs with the port's own MAC."""
AFTER_THE_PAIRS = {"SubnetNotFound", "PolicyNotAuthorized", "HTTPForbidden", "OverQuota"}
"""Neutron's errors for a port after it has counted the address pairs."""


class PortAsker(Protocol):
    """A cloud that can be probed with an impossible port."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port in that network and in a subnet that does not exist."""


def ask_for_pairs(cloud: PortAsker, network_id: str, project: str, pairs: int) -> Refusal:
    """How Neutron refuses a port in that network with that many pairs."""
    addresses = [
        {"ip_address": str(IPv4Address("10.0.0.1") + n), "mac_address": SOME_MAC}
        for n in range(pairs)
    ]
    return cloud.refuse_port(
        network_id, {"project_id": project, "allowed_address_pairs": addresses}
    )


def reported_limit(refusal: Refusal) -> int | Unreadable | None:
    """The limit in a refusal; None: that many pairs are allowed."""
    limit = re.search(r"maximum (\d+)", refusal.said)
    if refusal.type == "AllowedAddressPairExhausted" and limit is not None:
        return int(limit[1])
    if refusal.type in AFTER_THE_PAIRS:
        return None
    return Unreadable(f"Neutron answered {refusal.status}: {refusal.said}")
