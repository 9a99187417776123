"""Renders haproxy's configuration for a load balancer, and lists what it does not support.

All listeners are treated as TCP, so HTTP is never interpreted: HTTPS passes through untouched, no
headers are inserted, L7 policies and cookies have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kuryr_runbook.lab.compute.balancing import Listener, LoadBalancer, Member, Monitor, Pool

CARRIED = ("TCP", "HTTP", "HTTPS")
ALGORITHMS = {
    "ROUND_ROBIN": "roundrobin",
    "LEAST_CONNECTIONS": "leastconn",
    "SOURCE_IP": "source",
    "SOURCE_IP_PORT": "source",
}
CHECKED = ("TCP", "HTTP", "HTTPS", "TLS-HELLO")
"""Types of health monitors for which haproxy has checks."""

_HEAD = """\
# {id}
global
  maxconn 4000
  nbthread 1
  user nobody
  group nogroup
  stats socket {socket} mode 600 level admin expose-fd listeners
defaults
  mode tcp
  retries 3
  option redispatch
"""


def carried(load_balancer: LoadBalancer) -> tuple[Listener, ...]:
    """The listeners that haproxy serves."""
    return tuple(item for item in load_balancer.listeners if item.protocol in CARRIED)


def not_carried(load_balancer: LoadBalancer) -> tuple[str, ...]:
    """What is configured but has no effect here, in words."""
    return tuple(
        f"load balancer {load_balancer.name}: {reason}"
        for item in load_balancer.listeners
        for reason in _reasons(item)
    )


def _reasons(listener: Listener) -> Iterator[str]:
    if listener.protocol not in CARRIED:
        yield f"listener {listener.id}: {listener.protocol} is not supported"
        return
    if listener.policies:
        yield f"listener {listener.id}: L7 policies are not supported"
    pool = listener.pool
    if pool and pool.persistence not in (None, "SOURCE_IP"):
        yield f"pool {pool.id}: session persistence by {pool.persistence} is not supported"
    if pool and pool.monitor and pool.monitor.type not in CHECKED:
        yield f"pool {pool.id}: {pool.monitor.type} checks are not supported, members count as up"


def render_haproxy(load_balancer: LoadBalancer, socket: Path) -> str:
    """The whole configuration, with a frontend for each listener and its pool as the backend.

    The first line identifies the load balancer.
    """
    lines = [_HEAD.format(id=load_balancer.id, socket=socket).rstrip()]
    for item in carried(load_balancer):
        lines += _frontend(item, f"{load_balancer.vip}:{item.port}")
        if item.pool:
            lines += _backend(item, item.pool)
    return "\n".join((*lines, ""))


def backend_name(listener: Listener, pool: Pool) -> str:
    """A pool can serve several listeners, and has a backend for each."""
    return f"{pool.id}:{listener.id}"


def _frontend(listener: Listener, address: str) -> Iterator[str]:
    yield f"frontend {listener.id}"
    yield f"  bind {address}"
    yield f"  timeout client {listener.timeout_client}ms"
    if listener.connection_limit > 0:
        yield f"  maxconn {listener.connection_limit}"
    if listener.pool:
        yield f"  default_backend {backend_name(listener, listener.pool)}"


def _backend(listener: Listener, pool: Pool) -> Iterator[str]:
    yield f"backend {backend_name(listener, pool)}"
    yield f"  balance {ALGORITHMS.get(pool.algorithm, 'roundrobin')}"
    yield f"  timeout connect {listener.timeout_connect}ms"
    yield f"  timeout server {listener.timeout_member}ms"
    if pool.persistence == "SOURCE_IP":
        yield "  stick-table type ip size 10k"
        yield "  stick on src"
    monitor = pool.monitor if pool.monitor and pool.monitor.type in CHECKED else None
    if monitor:
        yield from _check(monitor)
    for member in pool.members:
        yield _server(member, monitor)


def _check(monitor: Monitor) -> Iterator[str]:
    yield f"  timeout check {monitor.timeout}s"
    if monitor.type in ("HTTP", "HTTPS"):
        yield "  option httpchk"
        yield f"  http-check send meth {monitor.method} uri {monitor.path}"
        yield f"  http-check expect status {monitor.codes.replace(' ', '')}"
    elif monitor.type == "TLS-HELLO":
        yield "  option ssl-hello-chk"


def _server(member: Member, monitor: Monitor | None) -> str:
    words = [f"  server {member.id} {member.address}:{member.port} weight {member.weight}"]
    if member.backup:
        words.append("backup")
    if monitor:
        words.append(f"check inter {monitor.delay}s rise {monitor.rise} fall {monitor.fall}")
        if monitor.type == "HTTPS":
            words.append("check-ssl verify none")
        if member.monitor_address:
            words.append(f"addr {member.monitor_address}")
        if member.monitor_port:
            words.append(f"port {member.monitor_port}")
    return " ".join(words)
