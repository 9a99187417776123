"""Does a security group admit something already, by whichever rule?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any


def admits(
    rules: Iterable[Mapping[str, Any]],
    *,
    source: IPv4Network | str,
    tcp_port: int | None = None,
) -> bool:
    """Whether one of the rules lets all of this in.

    `source` is a range, or the id of a group whose members send; without `tcp_port` every
    protocol has to be let in.
    """
    return any(
        rule["direction"] == "ingress"
        and rule["ethertype"] == "IPv4"
        and _covers_protocol(rule, tcp_port)
        and _covers_source(rule, source)
        for rule in rules
    )


def lets_all_out(rules: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the rules lets everything out, as one does that Neutron makes with a group."""
    return any(
        rule["direction"] == "egress"
        and rule["ethertype"] == "IPv4"
        and rule["protocol"] is None
        and rule["remote_group_id"] is None
        and rule["remote_ip_prefix"] in (None, "0.0.0.0/0")
        for rule in rules
    )


def _covers_protocol(rule: Mapping[str, Any], tcp_port: int | None) -> bool:
    if rule["protocol"] is None:
        return True
    if tcp_port is None or str(rule["protocol"]) not in ("tcp", "6"):
        return False
    low, high = rule["port_range_min"], rule["port_range_max"]
    return low is None or bool(low <= tcp_port <= high)


def _covers_source(rule: Mapping[str, Any], source: IPv4Network | str) -> bool:
    prefix, group = rule["remote_ip_prefix"], rule["remote_group_id"]
    if prefix is None:
        return group is None or group == source
    network = ip_network(prefix)
    if isinstance(source, str):
        return network.prefixlen == 0
    return network.version == 4 and source.subnet_of(network)
