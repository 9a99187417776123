"""What phase 02 asks Octavia for: the API's load balancer and its parts, as requests name them."""

from __future__ import annotations

from typing import Any

from kuryr_runbook.planning.gathering import Ref
from kuryr_runbook.snapshots.cloud.resources import Listener
from kuryr_runbook.specs.openstack import HTTPS_PORT, LoadBalancerSpec

Body = dict[str, Any]
TIMEOUTS = ("timeout_client_data", "timeout_member_data")
"""Octavia's names for how long each side of a listener may be silent."""


def timeouts(spec: LoadBalancerSpec, listener: Listener) -> dict[str, tuple[object, object]]:
    """Those that a listener has and should have; nothing where provider or Octavia know none."""
    seen = zip(TIMEOUTS, (listener.client_timeout, listener.member_timeout), strict=True)
    if spec.timeout is None:
        return {}
    return {name: (old, spec.timeout) for name, old in seen if old is not None}


def part_name(spec: LoadBalancerSpec) -> str:
    """The name of the listener and of its pool."""
    return f"{spec.wanted.name}:{HTTPS_PORT}"


def whole_tree(spec: LoadBalancerSpec, services: Ref, members: list[Body]) -> Body:
    """The whole tree in one request."""
    return {
        "name": spec.wanted.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        **({"provider": spec.provider} if spec.provider else {}),
        "listeners": [listener_tree(spec, members)],
    }


def listener_tree(spec: LoadBalancerSpec, members: list[Body]) -> Body:
    """The listener with its pool and members."""
    name = part_name(spec)
    return {
        "name": name,
        "protocol": spec.protocol,
        "protocol_port": HTTPS_PORT,
        **(dict.fromkeys(TIMEOUTS, spec.timeout) if spec.timeout is not None else {}),
        "default_pool": {
            "name": name,
            "protocol": spec.protocol,
            "lb_algorithm": spec.algorithm,
            "members": members,
        },
    }
