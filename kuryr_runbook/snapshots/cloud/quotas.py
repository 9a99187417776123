"""Quota and usage of each resource in a project."""

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
"""Octavia's names of its quotas, old and new."""

NEARLY = 0.9
"""The part of a quota whose use is worth a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Quota and usage of a resource in a project."""

    limit: int
    """Negative: unlimited."""
    used: int
    """Includes reservations of requests in progress."""

    @property
    def free(self) -> int | None:
        """How many more are allowed; None: any number."""
        return None if self.limit < 0 else max(0, self.limit - self.used)

    @property
    def is_nearly_used_up(self) -> bool:
        """Whether there is a limit, and little below it is left."""
        return self.limit >= 0 and self.used >= NEARLY * self.limit


def network_quotas(details: Mapping[str, Any]) -> dict[str, Quota]:
    """From Neutron's quota details; resources without numbers are left out."""
    found = {}
    for resource, numbers in details.items():
        known = numbers if isinstance(numbers, Mapping) else {}
        limit, used = number(known.get("limit")), number(known.get("used"))
        if limit is not None and used is not None:
            reserved = number(known.get("reserved")) or 0
            found[resource] = Quota(limit=limit, used=used + reserved)
    return found


def balancer_quotas(limits: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Quota]:
    """From Octavia's limits, and counts of our own; resources without a count are left out.

    Octavia only shows limits.
    """
    quotas = {}
    for kind, used in counts.items():
        found = (number(limits.get(name)) for name in BALANCER_QUOTAS[kind])
        limit = next((limit for limit in found if limit is not None), None)
        if limit is not None:
            quotas[kind] = Quota(limit=limit, used=used)
    return quotas
