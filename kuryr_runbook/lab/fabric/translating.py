"""The routers' address translation as input of iptables-restore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kuryr_runbook.lab.fabric.parts import Nat


def render_nat(nats: Sequence[Nat]) -> str:
    """The whole table: floating IPs both ways, then source addresses of what leaves."""
    gateways = tuple(nat.device for nat in nats)
    lines = ["*nat"]
    lines += (f":{chain} ACCEPT" for chain in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"))
    for nat in nats:
        lines += _floating(nat, gateways)
    for nat in nats:
        lines += _source(nat, gateways)
    return "\n".join((*lines, "COMMIT", ""))


def _floating(nat: Nat, gateways: Iterable[str]) -> Iterator[str]:
    for floating, fixed in nat.floating:
        yield f"-A PREROUTING -d {floating}/32 -j DNAT --to-destination {fixed}"
        for device in gateways:
            yield f"-A POSTROUTING -s {fixed}/32 -o {device} -j SNAT --to-source {floating}"


def _source(nat: Nat, gateways: Iterable[str]) -> Iterator[str]:
    for cidr in nat.inside:
        if nat.snat:
            for device in gateways:
                yield f"-A POSTROUTING -s {cidr} -o {device} -j SNAT --to-source {nat.address}"
        # From inside to a floating IP: the answer has to come back by way of the router.
        yield (
            f"-A POSTROUTING -s {cidr} -m conntrack --ctstate DNAT -j SNAT "
            f"--to-source {nat.address}"
        )
