"""Changes to a port's allowed address pairs, which Neutron takes as a whole list only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Pairs = Sequence[Mapping[str, str]]


def changed_pairs(pairs: Pairs, added: Pairs, removed: Pairs) -> list[Mapping[str, str]]:
    """The pairs with and without some, in their order; the same when there is nothing to change."""
    gone, there = set(map(_key, removed)), set(map(_key, pairs))
    kept = [pair for pair in pairs if _key(pair) not in gone]
    return [*kept, *(pair for pair in added if _key(pair) not in there)]


def _key(pair: Mapping[str, str]) -> tuple[str, str]:
    """Neutron writes one address with or without its prefix length, as it was told."""
    return pair["ip_address"].removesuffix("/32"), pair["mac_address"].lower()
