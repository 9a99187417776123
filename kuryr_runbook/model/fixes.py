"""What is certain to fix a cause and harms nothing, as data.

Diagnosis finds it together with the cause, and planning turns it into steps. If there is any doubt,
there is no fix, and the finding's remedy says what a person has to check.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFix:
    """A pod's address has to be, or must not be, an allowed address pair of a worker's port."""

    node: str
    port_id: str
    address: str
    mac: str
    """In lower case."""
    allow: bool
    because: str


class Leftover(StrEnum):
    """Kinds of resources that Kuryr creates in OpenStack and may leave behind."""

    PORT = "port"
    FLOATING_IP = "floatingip"
    LOAD_BALANCER = "loadbalancer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverFix:
    """A resource that Kuryr created and that nothing needs any more has to be deleted."""

    kind: Leftover
    id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIpFix:
    """A floating IP that a Service announces has to point to its load balancer again."""

    id: str
    address: str
    port_id: str
    """The port of the load balancer's VIP."""
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFix:
    """One of Kuryr's custom resources has to be deleted; the controller then removes its parts."""

    kind: str
    namespace: str
    name: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizerFix:
    """Kuryr's finalizers keep an object whose resources are all gone."""

    kind: str
    namespace: str
    name: str
    finalizers: tuple[str, ...]
    """All of them, including those of others."""


@dataclass(frozen=True, slots=True)
class PhaseFix:
    """Something that a phase creates is not as it should be: the phase's current plan fixes it."""

    phase: str


Fix = PairFix | LeftoverFix | FloatingIpFix | ObjectFix | FinalizerFix | PhaseFix
