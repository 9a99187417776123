"""haproxy's configuration says what Octavia's listeners, pools and members mean."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from kuryr_runbook.lab.compute.balancing import LoadBalancer, load_balancers
from kuryr_runbook.lab.compute.proxying import not_carried, render_haproxy

SOCKET = Path("/run/test.sock")
ON = {"admin_state_up": True, "provisioning_status": "ACTIVE"}


def answers(**changes: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Octavia's lists for one load balancer; changes by type."""
    balancer = {"id": "lb", "name": "web", "vip_address": "10.2.0.200", "vip_network_id": "net"}
    listener = {
        "id": "listener",
        "protocol": "TCP",
        "protocol_port": 80,
        "default_pool_id": "pool",
        "loadbalancers": [{"id": "lb"}],
        "connection_limit": -1,
        "timeout_client_data": 50000,
        "timeout_member_connect": 5000,
        "timeout_member_data": 60000,
        "l7policies": [],
    }
    pool = {
        "id": "pool",
        "lb_algorithm": "ROUND_ROBIN",
        "session_persistence": None,
        "healthmonitor_id": "monitor",
    }
    monitor = {"id": "monitor", "type": "TCP", "delay": 5, "timeout": 3}
    monitor |= {"max_retries": 2, "max_retries_down": 4}
    return {
        "loadbalancers": [{**balancer, **ON, **changes.get("balancer", {})}],
        "listeners": [{**listener, **ON, **changes.get("listener", {})}],
        "pools": [{**pool, **ON, **changes.get("pool", {})}],
        "healthmonitors": [{**monitor, **ON, **changes["monitor"]}] if "monitor" in changes else [],
    }


def member(name: str, address: str, **changes: Any) -> dict[str, Any]:
    known = {"id": name, "address": address, "protocol_port": 8080, "weight": 1, "backup": False}
    return {**known, "monitor_address": None, "monitor_port": None, **ON, **changes}


def balancer(*members: dict[str, Any], **changes: dict[str, Any]) -> LoadBalancer:
    (found,) = load_balancers(answers(**changes), {"pool": members})
    return found


def lines(*members: dict[str, Any], **changes: dict[str, Any]) -> list[str]:
    text = render_haproxy(balancer(*members, **changes), SOCKET)
    return [line.strip() for line in text.splitlines()]


def test_a_listener_is_bound_to_the_vip_and_leads_to_its_pool() -> None:
    found = lines(member("one", "10.1.0.5"), member("two", "10.1.0.6", weight=3))
    assert "bind 10.2.0.200:80" in found
    assert "default_backend pool:listener" in found
    assert found[found.index("backend pool:listener") :] == [
        "backend pool:listener",
        "balance roundrobin",
        "timeout connect 5000ms",
        "timeout server 60000ms",
        "server one 10.1.0.5:8080 weight 1",
        "server two 10.1.0.6:8080 weight 3",
    ]


@pytest.mark.parametrize(
    ("algorithm", "balance"),
    [("ROUND_ROBIN", "roundrobin"), ("LEAST_CONNECTIONS", "leastconn"), ("SOURCE_IP", "source")],
)
def test_algorithms(algorithm: str, balance: str) -> None:
    assert f"balance {balance}" in lines(pool={"lb_algorithm": algorithm})


@pytest.mark.parametrize(
    "change", [{"admin_state_up": False}, {"provisioning_status": "PENDING_DELETE"}]
)
def test_what_is_off_or_leaving_is_left_out(change: dict[str, Any]) -> None:
    assert load_balancers(answers(balancer=change), {}) == ()
    assert balancer(listener=change).listeners == ()
    assert balancer(pool=change).listeners[0].pool is None
    assert not [line for line in lines(member("one", "10.1.0.5", **change)) if "server one" in line]


def test_session_persistence_by_source() -> None:
    assert "stick on src" in lines(pool={"session_persistence": {"type": "SOURCE_IP"}})


def test_a_limit_of_connections() -> None:
    assert "maxconn 7" in lines(listener={"connection_limit": 7})


def test_without_a_monitor_members_are_not_checked() -> None:
    assert not [line for line in lines(member("one", "10.1.0.5")) if " check" in line]


def test_a_monitor_checks_at_its_own_address_and_port() -> None:
    one = member("one", "10.1.0.5", monitor_address="10.1.0.9", monitor_port=99, backup=True)
    found = lines(one, monitor={}, pool={"healthmonitor_id": "monitor"})
    assert "timeout check 3s" in found
    assert found[-1] == (
        "server one 10.1.0.5:8080 weight 1 backup check inter 5s rise 2 fall 4 "
        "addr 10.1.0.9 port 99"
    )


def test_an_http_monitor_asks_for_a_path_and_its_codes() -> None:
    found = lines(monitor={"type": "HTTP", "url_path": "/ok", "expected_codes": "200, 204"})
    assert "http-check send meth GET uri /ok" in found
    assert "http-check expect status 200,204" in found


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"listener": {"protocol": "UDP"}}, "listener listener: UDP is not supported"),
        (
            {"listener": {"protocol": "TERMINATED_HTTPS"}},
            "listener listener: TERMINATED_HTTPS is not supported",
        ),
        ({"listener": {"l7policies": [{"id": "x"}]}}, "listener listener: L7 policies are not"),
        (
            {"pool": {"session_persistence": {"type": "HTTP_COOKIE"}}},
            "pool pool: session persistence by HTTP_COOKIE is not supported",
        ),
        ({"monitor": {"type": "PING"}}, "pool pool: PING checks are not supported"),
    ],
)
def test_what_is_not_carried_is_named(changes: dict[str, Any], reason: str) -> None:
    (found,) = not_carried(balancer(**changes))
    assert found.startswith(f"load balancer web: {reason}")


def test_a_listener_that_is_not_carried_is_not_bound() -> None:
    assert not [line for line in lines(listener={"protocol": "UDP"}) if line.startswith("bind")]


def test_a_vip_of_ipv6_is_left_out() -> None:
    assert load_balancers(answers(balancer={"vip_address": "fd00::1"}), {}) == ()
    assert balancer().vip == IPv4Address("10.2.0.200")
