"""How much of each resource a project may have, and has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.snapshots.parsing import number

BALANCER_QUOTAS = {
    "loadbalancer": ("load_balancer", "loadbalancer"),
    "listener": ("listener",),
    "pool": ("pool",),
    "member": ("member",),
}
"""Octavia's names of its quotas, which changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much of a resource a project may have, and has."""

    limit: int
    """Negative: there is none."""
    used: int
    """With what is reserved by requests under way."""

    @property
    def free(self) -> int | None:
        """How many more there may be; None: any number."""
        return None if self.limit < 0 else max(0, self.limit - self.used)


def network_quotas(details: Mapping[str, Any]) -> dict[str, Quota]:
    """Neutron's quota details; resources whose numbers are missing are left out."""
    found = {}
    for resource, numbers in details.items():
        known = numbers if isinstance(numbers, Mapping) else {}
        limit, used = number(known.get("limit")), number(known.get("used"))
        if limit is not None and used is not None:
            reserved = number(known.get("reserved")) or 0
            found[resource] = Quota(limit=limit, used=used + reserved)
    return found


def balancer_quotas(limits: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Quota]:
    """Octavia's limits, and what was counted; what was not counted is left out.

    Octavia tells limits alone.
    """
    quotas = {}
    for kind, used in counts.items():
        told = (number(limits.get(name)) for name in BALANCER_QUOTAS[kind])
        limit = next((limit for limit in told if limit is not None), None)
        if limit is not None:
            quotas[kind] = Quota(limit=limit, used=used)
    return quotas
