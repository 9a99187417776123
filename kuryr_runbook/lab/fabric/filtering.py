"""Port security as rules of the kernel: who may send as whom, and what reaches a port.

Anti-spoofing is nft in the bridge family. Security groups are iptables on bridged packets: they are
stateful, and connection tracking in nft's bridge family is missing from many kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from kuryr_runbook.lab.fabric.state import AddressPair, NetworkState, Port, Rule, addresses

NFT_TABLE = "port_security"

PROTOCOLS = {
    **{"icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "rsvp": 46},
    **{"gre": 47, "esp": 50, "ah": 51, "ospf": 89, "vrrp": 112, "pgm": 113, "sctp": 132},
    **{"ipv6-encap": 41, "ipv6-route": 43, "ipv6-frag": 44, "ipv6-icmp": 58, "icmpv6": 58},
    **{"ipv6-nonxt": 59, "ipv6-opts": 60, "udplite": 136},
}
"""IANA's numbers for the names that Neutron takes; /etc/protocols may be absent."""
ICMP = 1
WITH_PORTS = (6, 17, 33, 132, 136)
"""TCP, UDP, DCCP, SCTP and UDP-Lite, all of which iptables' multiport knows."""

_ANYWHERE = IPv4Network("0.0.0.0/0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a rule lets through; `remote` is where it comes from (ingress) or goes to (egress)."""

    remote: IPv4Network
    protocol: int | None
    port_min: int | None
    """ICMP: the type."""
    port_max: int | None
    """ICMP: the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Port security of one port."""

    interface: str
    pairs: tuple[AddressPair, ...]
    ingress: tuple[Opening, ...]
    egress: tuple[Opening, ...]
    not_carried: tuple[str, ...]
    """Rules that the fabric has no means for, in words."""


def guard(interface: str, port: Port, state: NetworkState) -> Guard:
    """The port's fixed IPs and pairs, and all rules of its groups, which together open it."""
    own = tuple(AddressPair(port.mac, IPv4Network(ip.address)) for ip in port.fixed_ips)
    rules = [rule for rule in state.rules if rule.group_id in port.groups]
    return Guard(
        interface=interface,
        pairs=tuple(sorted({*own, *port.pairs}, key=lambda pair: (pair.mac, pair.network))),
        ingress=_openings(rules, "ingress", state.ports),
        egress=_openings(rules, "egress", state.ports),
        not_carried=tuple(sorted(filter(None, map(_reason, rules)))),
    )


def _reason(rule: Rule) -> str | None:
    if rule.remote_address_group:
        return f"security group rule {rule.id}: remote address groups are not carried"
    if rule.protocol and _number(rule.protocol) is None:
        return f"security group rule {rule.id}: protocol {rule.protocol} is not known"
    return None


def _number(protocol: str) -> int | None:
    return int(protocol) if protocol.isdecimal() else PROTOCOLS.get(protocol)


def _openings(rules: Iterable[Rule], direction: str, ports: Sequence[Port]) -> tuple[Opening, ...]:
    found = {
        Opening(
            remote=remote,
            protocol=_number(rule.protocol) if rule.protocol else None,
            port_min=rule.port_min,
            port_max=rule.port_max,
        )
        for rule in rules
        if rule.direction == direction and _reason(rule) is None
        for remote in _remotes(rule, ports)
    }
    return tuple(sorted(found, key=_order))


def _order(opening: Opening) -> tuple[IPv4Network, int, int, int]:
    numbers = (opening.protocol, opening.port_min, opening.port_max)
    first, second, third = (-1 if number is None else number for number in numbers)
    return opening.remote, first, second, third


def _remotes(rule: Rule, ports: Sequence[Port]) -> tuple[IPv4Network, ...]:
    """A group stands for all its ports' addresses, those of allowed pairs included."""
    if rule.remote_group:
        return addresses(port for port in ports if rule.remote_group in port.groups)
    return (rule.remote_prefix or _ANYWHERE,)


def render_nft(guards: Sequence[Guard]) -> str:
    """nft's whole table, put in place of the one before in one transaction."""
    names = ", ".join(f'"{guard.interface}"' for guard in guards)
    single, wider = [], []
    for item in guards:
        for pair in item.pairs:
            if pair.network.prefixlen == 32:
                address = pair.network.network_address
                single.append(f'"{item.interface}" . {pair.mac} . {address}')
            else:
                wider.append((item.interface, pair))
    return "\n".join(
        (
            f"table bridge {NFT_TABLE}",
            f"delete table bridge {NFT_TABLE}",
            f"table bridge {NFT_TABLE} {{",
            _render_set("guarded", "ifname", names),
            _render_set("pairs", "ifname . ether_addr . ipv4_addr", ", ".join(single)),
            "  chain sending {",
            "    type filter hook prerouting priority -300; policy accept;",
            "    iifname != @guarded accept",
            "    ether type arp iifname . ether saddr . arp saddr ip @pairs "
            "iifname . arp saddr ether . arp saddr ip @pairs accept",
            "    ether type ip iifname . ether saddr . ip saddr @pairs accept",
            *(line for interface, pair in wider for line in _render_wider(interface, pair)),
            "    drop",
            "  }",
            "}",
            "",
        )
    )


def _render_set(name: str, kind: str, elements: str) -> str:
    held = f" elements = {{ {elements} }}" if elements else ""
    return f"  set {name} {{ type {kind};{held} }}"


def _render_wider(interface: str, pair: AddressPair) -> Iterator[str]:
    sender = f'iifname "{interface}" ether saddr {pair.mac}'
    yield (
        f"    {sender} ether type arp arp saddr ether {pair.mac} arp saddr ip {pair.network} accept"
    )
    yield f"    {sender} ether type ip ip saddr {pair.network} accept"


def render_iptables(guards: Sequence[Guard], bridges: Iterable[str]) -> str:
    """Input of iptables-restore: a connection tracking zone for each bridge, a chain for each port.

    A routed packet crosses two bridges; in zones of their own its two ways do not meet. Egress
    chains return what they let through, so that it still has to pass the receiver's ingress chain.
    """
    lines = ["*raw", ":PREROUTING ACCEPT", ":OUTPUT ACCEPT"]
    lines += (f"-A PREROUTING -i {name} -j CT --zone {_zone(name)}" for name in bridges)
    lines += ["COMMIT", "*filter", ":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT"]
    lines += (f":{_chain(way, item)} -" for item in guards for way in ("o", "i"))
    lines.append("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    for way, end in (("o", "in"), ("i", "out")):
        lines += (
            f"-A FORWARD -m physdev --physdev-is-bridged --physdev-{end} {item.interface} "
            f"-j {_chain(way, item)}"
            for item in guards
        )
    for item in guards:
        lines += _render_chain(_chain("o", item), "-d", item.egress)
        lines += _render_chain(_chain("i", item), "-s", item.ingress)
    return "\n".join((*lines, "COMMIT", ""))


def _zone(bridge: str) -> int:
    """Zone 0 is for what is not bridged; two bridges in one zone do no harm."""
    return int(bridge.removeprefix("b-")[:4], 16) or 1


def _chain(way: str, item: Guard) -> str:
    return f"{way}-{item.interface}"


def _render_chain(chain: str, end: str, openings: Iterable[Opening]) -> Iterator[str]:
    for opening in openings:
        yield f"-A {chain}{_match(end, opening)} -j RETURN"
    yield f"-A {chain} -j DROP"


def _match(end: str, opening: Opening) -> str:
    parts = [""]
    if opening.remote != _ANYWHERE:
        parts.append(f"{end} {opening.remote}")
    if opening.protocol is not None:
        parts.append(f"-p {opening.protocol}")
        parts.append(_match_ports(opening, opening.protocol))
    return " ".join(parts).rstrip()


def _match_ports(opening: Opening, protocol: int) -> str:
    low, high = opening.port_min, opening.port_max
    if low is None:
        return ""
    if protocol == ICMP:
        return f"-m icmp --icmp-type {low}" + ("" if high is None else f"/{high}")
    if protocol in WITH_PORTS:
        return f"-m multiport --dports {low}" + ("" if high in (None, low) else f":{high}")
    return ""
