"""How many allowed address pairs a port may have: Neutron's max_allowed_address_pair.

No API tells it. But Neutron counts the pairs of a port before all else, and names its limit when
there are too many: so it is asked for a port that cannot come to be, with as many as may be needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Protocol

from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.snapshots.reading import Unreadable

MANY_PAIRS = 1000
"""More than any node takes pods."""
SOME_MAC = "fa:16:3e:00:00:01"
"""As a pod's port may have; there are clouds that take pairs with none but the port's own."""
AFTER_THE_PAIRS = {"SubnetNotFound", "PolicyNotAuthorized", "HTTPForbidden", "OverQuota"}
"""What Neutron says against a port once it has counted its address pairs."""


class PortAsker(Protocol):
    """A cloud that is asked for ports which it has to refuse."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port of that network in a subnet that does not exist."""


def ask_for_pairs(cloud: PortAsker, network_id: str, project: str, pairs: int) -> Refusal:
    """How Neutron refuses a port of that network with so many pairs."""
    addresses = [
        {"ip_address": str(IPv4Address("10.0.0.1") + n), "mac_address": SOME_MAC}
        for n in range(pairs)
    ]
    return cloud.refuse_port(
        network_id, {"project_id": project, "allowed_address_pairs": addresses}
    )


def limit_told(refusal: Refusal) -> int | Unreadable | None:
    """The limit; None: so many are allowed."""
    told = re.search(r"maximum (\d+)", refusal.said)
    if refusal.type == "AllowedAddressPairExhausted" and told is not None:
        return int(told[1])
    if refusal.type in AFTER_THE_PAIRS:
        return None
    return Unreadable(f"Neutron answered {refusal.status}: {refusal.said}")
