"""What Kuryr and the runbook ask Octavia for that not every version of its API has.

Kuryr does without what is missing; phase 02 cannot do without timeouts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OctaviaFeature:
    """Something that not every version of Octavia's API has."""

    name: str
    api: tuple[int, int]
    """The first version of Octavia's API that has it."""

    @property
    def since(self) -> str:
        """That version, as Octavia writes it: 2.13."""
        return ".".join(map(str, self.api))

    def __str__(self) -> str:
        return f"{self.name} ({self.since})"


# Octavia API reference, listeners; its root tells 2.1 from Rocky on.
LISTENER_TIMEOUTS = OctaviaFeature(name="timeouts of listeners", api=(2, 1))
PROVIDER_CHOICE = OctaviaFeature(name="choice of the provider", api=(2, 6))
ACCESS_LISTS = OctaviaFeature(name="access lists of listeners", api=(2, 12))
# Ussuri looks for 2.11, which Victoria corrected.
BOTH_PROTOCOLS = OctaviaFeature(name="TCP and UDP on one port", api=(2, 13))
SCTP = OctaviaFeature(name="SCTP", api=(2, 23))
