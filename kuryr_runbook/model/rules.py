"""Whether the rules of a security group already admit something."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_network
from typing import Protocol


class Rule(Protocol):
    """A security group's rule, in Neutron's terms."""

    @property
    def direction(self) -> str:
        """`ingress` or `egress`."""

    @property
    def ethertype(self) -> str:
        """`IPv4` or `IPv6`."""

    @property
    def protocol(self) -> str | None:
        """None: all."""

    @property
    def port_range_min(self) -> int | None:
        """None: all ports."""

    @property
    def port_range_max(self) -> int | None:
        """None: all ports."""

    @property
    def remote_ip_prefix(self) -> str | None:
        """None: from anywhere, or from a group."""

    @property
    def remote_group_id(self) -> str | None:
        """None: from anywhere, or from a range."""

    @property
    def remote_address_group_id(self) -> str | None:
        """A list of ranges that is stored elsewhere, so they are not known here."""


def admits(
    rules: Iterable[Rule], *, source: IPv4Network | str, tcp_port: int | None = None
) -> bool:
    """Whether one of the rules admits all of this.

    `source` is a range, or the id of the senders' group; without `tcp_port` every protocol has to
    be admitted.
    """
    return any(
        rule.direction == "ingress"
        and rule.ethertype == "IPv4"
        and _covers_protocol(rule, tcp_port)
        and _covers_source(rule, source)
        for rule in rules
    )


def lets_all_out(rules: Iterable[Rule]) -> bool:
    """Whether one of the rules lets everything out, as in every new group of Neutron's."""
    return any(
        rule.direction == "egress"
        and rule.ethertype == "IPv4"
        and rule.protocol is None
        and rule.remote_group_id is None
        and rule.remote_address_group_id is None
        and rule.remote_ip_prefix in (None, "0.0.0.0/0")
        for rule in rules
    )


def _covers_protocol(rule: Rule, tcp_port: int | None) -> bool:
    if rule.protocol is None:
        return True
    if tcp_port is None or rule.protocol not in ("tcp", "6"):
        return False
    low, high = rule.port_range_min, rule.port_range_max
    return low is None or high is None or low <= tcp_port <= high


def _covers_source(rule: Rule, source: IPv4Network | str) -> bool:
    if rule.remote_address_group_id is not None:
        return False
    if rule.remote_ip_prefix is None:
        return rule.remote_group_id is None or rule.remote_group_id == source
    # A filter ignores the bits of the host.
    network = ip_network(rule.remote_ip_prefix, strict=False)
    if isinstance(source, str):
        return network.prefixlen == 0
    return isinstance(network, IPv4Network) and source.subnet_of(network)
