"""What a step does to a part of a resource, where a plain body would not say it.

A body that is a mapping is the whole wanted resource, or its fields that change, in the API's own
words. These are the rest: each has its own call of a writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterLeg:
    """A router's leg in a subnet, to be made or taken away; ids may be known later."""

    router_id: Any
    subnet_id: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PairChanges:
    """Address pairs that come to a port or go from it; the others on it are not touched."""

    added: tuple[Fields, ...] = ()
    removed: tuple[Fields, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubportRemoval:
    """Ports that a trunk carries no longer."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMembers:
    """All members that a pool is to have."""

    members: tuple[Fields, ...]
    balancer_id: str
    """The load balancer that takes the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancerPart:
    """A listener or a pool, or its fields that change."""

    fields: Fields
    balancer_id: str
    """The load balancer that takes the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizerRemoval:
    """Finalizers that go from an object; those of others stay."""

    reference: Fields
    """What names the object."""
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDeletion:
    """One of Kuryr's own pods that is deleted, to see whether its successor goes on."""

    reference: Fields
    """What names the pod."""
    component: str
    uid: str
    """Of the pod; its successor has another."""
    node: str


OfCloud = RouterLeg | PairChanges | SubportRemoval | PoolMembers | BalancerPart
Body = Fields | OfCloud | FinalizerRemoval | ProgramDeletion


def plain(body: Body) -> Fields:
    """A body that is a whole resource, or fields of one. Raises TypeError for another."""
    if not isinstance(body, Mapping):
        raise TypeError(f"{type(body).__name__} is no plain body")
    return body
