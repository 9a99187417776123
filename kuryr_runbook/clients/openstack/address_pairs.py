"""Changes to a port's allowed address pairs, which Neutron only accepts as a whole list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Pairs = Sequence[Mapping[str, str]]


def changed_pairs(pairs: Pairs, added: Pairs, removed: Pairs) -> list[Mapping[str, str]]:
    """The pairs after the change, in their order; the same list if nothing has to change."""
    gone, there = set(map(_key, removed)), set(map(_key, pairs))
    kept = [pair for pair in pairs if _key(pair) not in gone]
    return [*kept, *(pair for pair in added if _key(pair) not in there)]


def _key(pair: Mapping[str, str]) -> tuple[str, str]:
    """Neutron returns an address with or without its prefix length, as it was given."""
    return pair["ip_address"].removesuffix("/32"), pair["mac_address"].lower()
