"""What would mend a cause for certain, and harm nobody, as data.

Diagnosis finds it together with the cause; planning makes steps of it. Where there is doubt, there
is no fix, and the finding's remedy says what a person has to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFix:
    """A pod's address has to be among the allowed address pairs of a worker's port, or must not."""

    node: str
    port_id: str
    address: str
    mac: str
    """In lower case."""
    allow: bool
    because: str


class Leftover(StrEnum):
    """Kinds of what Kuryr makes in OpenStack and may leave behind."""

    PORT = "port"
    FLOATING_IP = "floatingip"
    LOAD_BALANCER = "loadbalancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverFix:
    """A resource that Kuryr made and that belongs to nothing any more has to go."""

    kind: Leftover
    id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIpFix:
    """A floating IP that a Service announces has to lead to its load balancer again."""

    id: str
    address: str
    port_id: str
    """The port of the load balancer's VIP."""
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFix:
    """An object of Kuryr's own kinds has to go: its controller then removes what belongs to it."""

    kind: str
    namespace: str
    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizerFix:
    """Kuryr's finalizers hold an object that nothing belongs to any more."""

    kind: str
    namespace: str
    name: str
    finalizers: tuple[str, ...]
    """All of them, also those of others."""


@dataclass(frozen=True, slots=True)
class PhaseFix:
    """What a phase makes is not as it should be: its plan, as it is now, mends it."""

    phase: str


Fix = PairFix | LeftoverFix | FloatingIpFix | ObjectFix | FinalizerFix | PhaseFix
