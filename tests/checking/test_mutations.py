"""Nothing that was read of a cloud is left unjudged: each field is changed, and a finding follows.

Every resource of a world where all is well gets every other value in each of its fields, is taken
away, and is there twice. What no check minds stands in HARMLESS, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot

BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)
VALUES: dict[str, tuple[Any, ...]] = {
    "status": ("ACTIVE", "DOWN", "ERROR"),
    "provisioning": ("ACTIVE", "ERROR"),
    "operating": ("ONLINE", "OFFLINE", "DEGRADED", "ERROR"),
    "direction": ("ingress", "egress"),
    "ethertype": ("IPv4", "IPv6"),
    "weight": (0, 1),
    "connection_limit": (-1, 5),
    "allowed_cidrs": ((), ("192.0.2.0/24",)),
    "protocol": ("TCP", "UDP", None),
}
"""What an API allows in fields that have a list of values, or where the number matters."""

OTHERS: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    datetime: lambda value: value + timedelta(days=400),
}
"""What else a value may be, by its type; a bool is an int, and so comes first."""

LABEL = "a name or a note: nothing is found by it, or it is found by its id"
TWICE = "listener and pool name each other, and one word is enough"
ADMIN = "only administrators see it, and it is no state of its own"
HARMLESS: dict[str, str] = {
    "networks.name": LABEL,
    "networks.description": LABEL,
    "networks.project_id": "a shared network is as good",
    "networks.external": "says what may become of it, not what passes",
    "networks.port_security": "counts for new ports alone; the nodes' own is looked at",
    "networks.mtu": "a smaller one is the router's to tell the pods' kernels of; see `pod-mtu`",
    "subnets.description": LABEL,
    "subnets.project_id": "a shared subnet is as good",
    "subnets.enable_dhcp": "pods get their addresses from Kuryr",
    "subnets.pool_id": "counts where namespaces have subnets",
    "subnets.pools": "who has an address keeps it; overlaps are a check of their own",
    "routers.description": LABEL,
    "routers.project_id": "a shared router is as good",
    "ports.hybrid_plug": "counts where network policies hold",
    "ports.name": LABEL,
    "ports.description": LABEL,
    "ports.created": "when, and not what",
    "ports.project_id": "Neutron lets nobody change it",
    "ports.network_id": "Neutron lets nobody change it; the subnets of its addresses are looked at",
    "ports.id": "Neutron lets nobody change it",
    "ports.mac": "only administrators may change it; that of pods is looked at",
    "ports.device_owner": "a word; legs and subports, where it counts, are looked at",
    "ports.device_id": "a word; by it what is left over is told from what is used",
    "ports.host": ADMIN,
    "ports.bound_by": ADMIN,
    "ports.vif_type": ADMIN,
    "ports.trunk_id": "of its trunk by that trunk's own word",
    "groups.name": LABEL,
    "groups.description": LABEL,
    "groups.project_id": "Neutron lets nobody change it",
    "groups.gone": "Neutron lets nobody delete a group in use; its rules are looked at",
    "groups.id": "see groups.gone",
    "ports.port_security": "off, all passes; nested-macvlan needs it, and has a check for that",
    "rules.port_range_min": "the rule of the API is one of several that admit pods there",
    "rules.port_range_max": "the rule of the API is one of several that admit pods there",
    "listeners.id": TWICE,
    "listeners.pool_id": TWICE,
    "pools.listeners": TWICE,
    "rules.id": LABEL,
    "rules.description": LABEL,
    "agents.id": LABEL,
    "trunks.id": LABEL,
    "trunks.name": LABEL,
    "trunks.project_id": "Neutron lets nobody change it",
    "floating_ips.id": LABEL,
    "floating_ips.description": LABEL,
    "floating_ips.created": "when, and not what",
    "floating_ips.project_id": "Neutron lets nobody change it",
    "floating_ips.fixed_address": "of its port, which is looked at",
    "floating_ips.network_id": "Neutron lets nobody change it",
    "floating_ips.router_id": "follows from port and network",
    "balancers.description": LABEL,
    "balancers.project_id": "Octavia lets nobody change it",
    "balancers.changed": "when, and not what",
    "balancers.vip_subnet_id": "Octavia lets nobody change it; the address is looked at",
    "listeners.name": LABEL,
    "listeners.client_timeout": "how long clients may be silent; of the API it is looked at",
    "listeners.member_timeout": "how long members may be silent; of the API it is looked at",
    "pools.name": LABEL,
    "pools.algorithm": "how requests are shared out, and not whether",
    "pools.protocol": "Octavia lets nobody change it; the listener's is looked at",
    "pools.balancers": "follows from its listener",
    "pools.persistence": "which member a client gets, and not whether",
    "pools.monitor_id": "what a monitor finds shows in the members' state",
}
"""By list and field; each reason is that of Neutron's or Octavia's API reference."""

LISTS = (
    "networks", "subnets", "routers", "ports", "groups", "rules", "trunks", "agents",
    "floating_ips", "balancers", "listeners", "pools",
)  # fmt: skip
WORLDS = [
    (VifDriver.NESTED_MACVLAN, "stein"),
    (VifDriver.NESTED_VLAN, "2024.1"),
    (VifDriver.NEUTRON_VIF, "2024.1"),
]
DEMANDED = 0.84
"""The share of mutants that is found at least; what it is now is printed."""


def others(name: str, value: Any) -> Iterator[Any]:
    """The values that a field may have instead of its own."""
    if name in VALUES:
        yield from (it for it in VALUES[name] if it != value)
    elif isinstance(value, str):
        yield from {f"{value}x", ""} - {value}
    elif isinstance(value, bool | int | datetime):
        yield next(other for kind, other in OTHERS.items() if isinstance(value, kind))(value)
    elif isinstance(value, tuple):
        yield from (value[:i] + value[i + 1 :] for i in range(len(value)))
    elif is_dataclass(value) and not isinstance(value, type):
        yield None
        for field in fields(value):
            for other in others(field.name, getattr(value, field.name)):
                yield replace(value, **{field.name: other})


def mutants(items: tuple[Any, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Each list with one thing changed, and what that is: a field, or that one is gone."""
    for index, item in enumerate(items):
        before, after = items[:index], items[index + 1 :]
        yield "gone", before + after
        for field in fields(item):
            for other in others(field.name, getattr(item, field.name)):
                yield field.name, (*before, replace(item, **{field.name: other}), *after)


def is_found(snapshot: DiagnosisSnapshot) -> bool:
    """Whether diagnosis finds anything wrong, or cannot look."""
    return any(it.status in BAD for it in check_diagnosis(Look(snapshot)))


@pytest.mark.parametrize(("driver", "release"), WORLDS)
def test_whatever_is_changed_in_a_cloud_is_found(
    driver: VifDriver, release: str, record_property: Callable[[str, object], None]
) -> None:
    healthy = World(driver=driver, release=release).read()
    assert not is_found(healthy)
    found: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for name in LISTS:
        for field, changed in mutants(getattr(healthy.cloud, name)):
            of_cloud: dict[str, Any] = {name: changed}
            mutant = replace(healthy, cloud=replace(healthy.cloud, **of_cloud))
            (found if is_found(mutant) else missed)[f"{name}.{field}"] += 1
    blind = {place for place in missed if place not in found and place not in HARMLESS}
    judged = sum(found.values())
    asked = judged + sum(count for place, count in missed.items() if place not in HARMLESS)
    told = f"{driver}: {judged} of {asked} mutants are found ({judged / asked:.0%})"
    record_property("mutants", told)
    assert sorted(blind) == [], f"{told}; add a check that finds it, or a reason to HARMLESS"
    assert judged / asked > DEMANDED


def test_what_is_called_harmless_is_read() -> None:
    clouds = [
        World(driver=driver, release="2024.1").read().cloud
        for driver in (VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF)
    ]
    read = {
        f"{name}.{field.name}"
        for name in LISTS
        for cloud in clouds
        for item in getattr(cloud, name)
        for field in fields(item)
    }
    assert {place for place in HARMLESS if not place.endswith(".gone")} <= read
