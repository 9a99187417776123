"""Bodies of steps that change a part of a resource by an API call of its own.

A body that is a mapping is the whole wanted resource, or its changed fields, in the API's own
terms. These are the others: a writer has a method for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterLeg:
    """A router's interface in a subnet, to be added or removed; ids may be known later."""

    router_id: Any
    subnet_id: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PairChanges:
    """Address pairs to add to a port or to remove from it; its other pairs stay."""

    added: tuple[Fields, ...] = ()
    removed: tuple[Fields, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubportRemoval:
    """Subports to remove from a trunk."""

    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMembers:
    """All members that a pool should have."""

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
class AccessRuleRemoval:
    """Access rules in Keystone that no application credential uses, by their ids."""

    rules: tuple[str, ...]


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
Body = Fields | OfCloud | AccessRuleRemoval | FinalizerRemoval | ProgramDeletion


def plain(body: Body) -> Fields:
    """A body that is a whole resource, or fields of one. Raises TypeError for another."""
    if not isinstance(body, Mapping):
        raise TypeError(f"{type(body).__name__} is no plain body")
    return body
