"""What changed between two topologies in port security and translation, a line for each port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kuryr_runbook.lab.fabric.filtering import Guard
from kuryr_runbook.lab.fabric.parts import Nat

SHOWN = 6
"""Of a longer list of differences only the number is told."""


def describe_guards(before: Iterable[Guard], after: Iterable[Guard]) -> Iterator[str]:
    """Pairs and openings that came and went."""
    known = {guard.interface: guard for guard in before}
    for guard in after:
        old = known.get(guard.interface)
        pairs = _difference(_pairs(old), _pairs(guard))
        if pairs:
            yield f"port {guard.interface} may send as {pairs}"
        openings = _difference(_openings(old), _openings(guard))
        if openings:
            yield f"port {guard.interface} is open for {openings}"


def describe_nats(before: Iterable[Nat], after: Iterable[Nat]) -> Iterator[str]:
    """Floating IPs and translated subnets that came and went."""
    difference = _difference(_translations(before), _translations(after))
    if difference:
        yield f"router translates {difference}"


def _pairs(guard: Guard | None) -> list[str]:
    return [f"{pair.network} {pair.mac}" for pair in guard.pairs] if guard else []


def _openings(guard: Guard | None) -> list[str]:
    if guard is None:
        return []
    words = []
    for direction, openings in (("from", guard.ingress), ("to", guard.egress)):
        for item in openings:
            protocol = "any" if item.protocol is None else f"protocol {item.protocol}"
            numbers = "" if item.port_min is None else f" {item.port_min}-{item.port_max}"
            words.append(f"{protocol}{numbers} {direction} {item.remote}")
    return words


def _translations(nats: Iterable[Nat]) -> list[str]:
    words = []
    for nat in nats:
        words += [f"{floating} to {fixed}" for floating, fixed in nat.floating]
        words += [f"{cidr} as {nat.address}" for cidr in nat.inside if nat.snat]
    return words


def _difference(before: Sequence[str], after: Sequence[str]) -> str:
    changes = [f"+ {word}" for word in after if word not in before]
    changes += [f"- {word}" for word in before if word not in after]
    return ", ".join(changes) if len(changes) <= SHOWN else f"{len(changes)} more or fewer"
