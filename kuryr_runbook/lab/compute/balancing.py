"""Octavia's load balancers as frozen data, without those that are being deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

Resource = Mapping[str, Any]
"""A resource in the API's JSON."""

_LEAVING = ("PENDING_DELETE", "DELETED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An enabled member of a pool."""

    id: str
    address: IPv4Address
    port: int
    weight: int
    """0 to 256; with 0 it gets no new connections."""
    backup: bool
    monitor_address: IPv4Address | None
    monitor_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """An enabled health monitor; times are in seconds."""

    type: str
    delay: int
    timeout: int
    rise: int
    fall: int
    method: str
    path: str
    codes: str
    """HTTP status codes as Octavia writes them: `200`, `200,202` or `200-204`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool with its members."""

    id: str
    algorithm: str
    persistence: str | None
    members: tuple[Member, ...]
    monitor: Monitor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An enabled listener; timeouts are in milliseconds."""

    id: str
    protocol: str
    port: int
    pool: Pool | None
    connection_limit: int
    """-1 means no limit."""
    timeout_client: int
    timeout_connect: int
    timeout_member: int
    policies: int
    """Number of L7 policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """A load balancer with its listeners."""

    id: str
    name: str
    vip: IPv4Address
    network_id: str
    listeners: tuple[Listener, ...]


def load_balancers(
    answers: Mapping[str, Sequence[Resource]], members: Mapping[str, Sequence[Resource]]
) -> tuple[LoadBalancer, ...]:
    """Load balancers from Octavia's lists, by plural name as in its answers; members by pool id."""
    monitors = {m["id"]: _monitor(m) for m in _wanted(answers["healthmonitors"])}
    pools = {}
    for answer in _wanted(answers["pools"]):
        monitor = monitors.get(answer.get("healthmonitor_id") or "")
        pools[answer["id"]] = _pool(answer, members.get(answer["id"], ()), monitor)
    listeners: dict[str, list[Listener]] = {}
    for answer in _wanted(answers["listeners"]):
        listener = _listener(answer, pools.get(answer["default_pool_id"] or ""))
        for owner in answer["loadbalancers"]:
            listeners.setdefault(owner["id"], []).append(listener)
    return tuple(
        LoadBalancer(
            id=answer["id"],
            name=answer["name"],
            vip=IPv4Address(answer["vip_address"]),
            network_id=answer["vip_network_id"],
            listeners=tuple(listeners.get(answer["id"], ())),
        )
        for answer in _wanted(answers["loadbalancers"])
        if answer["vip_address"] and ":" not in answer["vip_address"]
    )


def _wanted(answers: Iterable[Resource]) -> list[Resource]:
    """The enabled resources that are not being deleted, in an order independent of Octavia's."""
    staying = [
        answer
        for answer in answers
        if answer["admin_state_up"] and answer["provisioning_status"] not in _LEAVING
    ]
    return sorted(staying, key=lambda answer: str(answer["id"]))


def _listener(answer: Resource, pool: Pool | None) -> Listener:
    limit: Any = answer.get("connection_limit")
    return Listener(
        id=answer["id"],
        protocol=answer["protocol"],
        port=answer["protocol_port"],
        pool=pool,
        connection_limit=-1 if limit is None else limit,
        timeout_client=answer["timeout_client_data"],
        timeout_connect=answer["timeout_member_connect"],
        timeout_member=answer["timeout_member_data"],
        policies=len(answer.get("l7policies") or ()),
    )


def _pool(answer: Resource, members: Sequence[Resource], monitor: Monitor | None) -> Pool:
    persistence = answer.get("session_persistence") or {}
    return Pool(
        id=answer["id"],
        algorithm=answer["lb_algorithm"],
        persistence=persistence.get("type"),
        members=tuple(_member(m) for m in _wanted(members) if ":" not in m["address"]),
        monitor=monitor,
    )


def _member(answer: Resource) -> Member:
    monitor_address = answer.get("monitor_address")
    return Member(
        id=answer["id"],
        address=IPv4Address(answer["address"]),
        port=answer["protocol_port"],
        weight=answer["weight"],
        backup=bool(answer.get("backup")),
        monitor_address=IPv4Address(monitor_address) if monitor_address else None,
        monitor_port=answer.get("monitor_port"),
    )


def _monitor(answer: Resource) -> Monitor:
    return Monitor(
        type=answer["type"],
        delay=answer["delay"],
        timeout=answer["timeout"],
        rise=answer["max_retries"],
        fall=answer["max_retries_down"],
        method=answer.get("http_method") or "GET",
        path=answer.get("url_path") or "/",
        codes=answer.get("expected_codes") or "200",
    )
