"""Port security: the rules of the kernel say what Neutron's rules and pairs mean."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.fabric import NODES, addresses, cluster, pair, port, rule, states

from kuryr_runbook.lab.fabric.filtering import (
    PROTOCOLS,
    Guard,
    Opening,
    guard,
    render_iptables,
    render_nft,
)
from kuryr_runbook.lab.fabric.state import NetworkState, Rule


def guarded(*rules: Rule, state: NetworkState | None = None) -> Guard:
    """The first node's guard with these rules alone."""
    known = replace(state or cluster(), rules=rules)
    return guard("p-worker1", known.ports[0], known)


def chain(name: str, item: Guard) -> list[str]:
    """The rules of one chain."""
    lines = render_iptables([item], ["b-11111111-no"]).splitlines()
    return [line.removeprefix(f"-A {name} ") for line in lines if line.startswith(f"-A {name} ")]


def test_without_rules_nothing_comes_in_and_nothing_goes_out() -> None:
    assert chain("i-p-worker1", guarded()) == ["-j DROP"]
    assert chain("o-p-worker1", guarded()) == ["-j DROP"]


@pytest.mark.parametrize(
    ("given_rule", "line"),
    [
        (rule(), "-j RETURN"),
        (rule(protocol="icmp"), "-p 1 -j RETURN"),
        (rule(protocol="icmp", port_min=8), "-p 1 -m icmp --icmp-type 8 -j RETURN"),
        (rule(protocol="icmp", port_min=3, port_max=4), "-p 1 -m icmp --icmp-type 3/4 -j RETURN"),
        (
            rule(protocol="tcp", port_min=22, port_max=22),
            "-p 6 -m multiport --dports 22 -j RETURN",
        ),
        (rule(protocol="udp", port_min=1, port_max=9), "-p 17 -m multiport --dports 1:9 -j RETURN"),
        (
            rule(protocol="6", port_min=80, port_max=81),
            "-p 6 -m multiport --dports 80:81 -j RETURN",
        ),
        (rule(protocol="vrrp"), "-p 112 -j RETURN"),
        (rule(protocol="112"), "-p 112 -j RETURN"),
        (rule(remote_prefix=IPv4Network("10.2.0.0/24")), "-s 10.2.0.0/24 -j RETURN"),
        (rule(remote_prefix=IPv4Network("0.0.0.0/0")), "-j RETURN"),
    ],
)
def test_an_ingress_rule(given_rule: Rule, line: str) -> None:
    assert chain("i-p-worker1", guarded(given_rule)) == [line, "-j DROP"]
    assert chain("o-p-worker1", guarded(given_rule)) == ["-j DROP"]


def test_an_egress_rule_looks_at_the_destination() -> None:
    item = guarded(rule("egress", protocol="tcp", remote_prefix=IPv4Network("10.0.0.0/8")))
    assert chain("o-p-worker1", item) == ["-d 10.0.0.0/8 -p 6 -j RETURN", "-j DROP"]


def test_a_remote_group_is_its_ports_addresses_and_allowed_pairs() -> None:
    assert chain("i-p-worker1", guarded(rule(remote_group="nodes"))) == [
        "-s 10.1.0.7/32 -j RETURN",
        "-s 172.18.0.11/32 -j RETURN",
        "-s 172.18.0.12/32 -j RETURN",
        "-j DROP",
    ]


def test_an_empty_remote_group_lets_nobody_in() -> None:
    assert chain("i-p-worker1", guarded(rule(remote_group="nobody"))) == ["-j DROP"]


def test_rules_of_other_groups_do_not_count() -> None:
    assert chain("i-p-worker1", guarded(rule(group_id="other"))) == ["-j DROP"]


def test_what_is_not_carried_is_named_and_opens_nothing() -> None:
    item = guarded(rule(remote_address_group="set"), rule(id="odd", protocol="carrier-pigeon"))
    assert chain("i-p-worker1", item) == ["-j DROP"]
    assert item.not_carried == (
        "security group rule odd: protocol carrier-pigeon is not known",
        "security group rule rule: remote address groups are not carried",
    )


def test_connections_are_followed_and_egress_is_asked_before_ingress() -> None:
    lines = render_iptables([guarded(rule())], ["b-11111111-no"]).splitlines()
    forward = [line for line in lines if line.startswith("-A FORWARD")]
    assert [line.rpartition(" ")[2] for line in forward] == ["ACCEPT", "o-p-worker1", "i-p-worker1"]
    assert "--ctstate RELATED,ESTABLISHED" in forward[0]


def test_each_bridge_has_a_zone_of_its_own() -> None:
    lines = render_iptables([], ["b-0000aaaa-no", "b-ffffaaaa-no"]).splitlines()
    assert lines[3:5] == [
        "-A PREROUTING -i b-0000aaaa-no -j CT --zone 1",
        "-A PREROUTING -i b-ffffaaaa-no -j CT --zone 65535",
    ]


def test_single_addresses_are_a_set_and_prefixes_are_rules() -> None:
    node = port("worker1", NODES, "172.18.0.11", pairs=(pair("10.1.0.7/32"), pair("10.3.0.0/24")))
    text = render_nft([guard("p-worker1", node, NetworkState(ports=(node,)))])
    assert '"p-worker1" . fa:16:3e:00:00:0b . 172.18.0.11' in text
    assert '"p-worker1" . fa:16:3e:99:00:01 . 10.1.0.7' in text
    assert '"p-worker1" . fa:16:3e:99:00:01 . 10.3.0.0' not in text
    assert (
        'iifname "p-worker1" ether saddr fa:16:3e:99:00:01 ether type ip ip saddr 10.3.0.0/24'
        in (text)
    )


def test_without_guards_the_sets_are_empty() -> None:
    assert "elements" not in render_nft([])


def admits(openings: tuple[Opening, ...], remote: IPv4Address, protocol: int, number: int) -> bool:
    """What the rendered chain does with a packet, by the openings that it is made of."""
    return any(
        remote in opening.remote
        and opening.protocol in (None, protocol)
        and (
            opening.port_min is None
            or protocol not in (6, 17)
            or opening.port_min <= number <= (opening.port_max or 0)
        )
        for opening in openings
    )


def rule_admits(item: Rule, state: NetworkState, packet: tuple[IPv4Address, int, int]) -> bool:
    """What Neutron says a rule means."""
    remote, protocol, number = packet
    if item.remote_address_group:
        return False
    if item.protocol and (PROTOCOLS.get(item.protocol) or int(item.protocol)) != protocol:
        return False
    if item.port_min is not None and not item.port_min <= number <= (item.port_max or 0):
        return False
    if item.remote_group:
        members = [p for p in state.ports if item.remote_group in p.groups]
        fixed = any(remote == ip.address for p in members for ip in p.fixed_ips)
        return fixed or any(remote in a.network for p in members for a in p.pairs)
    return item.remote_prefix is None or remote in item.remote_prefix


@given(states(), addresses, st.sampled_from((6, 17)), st.integers(1, 65535))
def test_a_guard_admits_what_a_rule_of_its_groups_admits(
    state: NetworkState, remote: IPv4Address, protocol: int, number: int
) -> None:
    packet = (remote, protocol, number)
    for item in state.ports:
        found = guard("p-any", item, state)
        for direction, openings in (("ingress", found.ingress), ("egress", found.egress)):
            rules = [r for r in state.rules if r.group_id in item.groups]
            wanted = any(rule_admits(r, state, packet) for r in rules if r.direction == direction)
            assert admits(openings, *packet) == wanted


@given(states())
def test_a_port_may_send_as_itself_and_as_its_pairs_and_as_no_one_else(
    state: NetworkState,
) -> None:
    for item in state.ports:
        allowed = {(p.mac, p.network) for p in guard("p-any", item, state).pairs}
        own = {(item.mac, IPv4Network(ip.address)) for ip in item.fixed_ips}
        assert allowed == own | {(p.mac, p.network) for p in item.pairs}
