"""Nothing that preflight reads is left unjudged: each value is changed, and a finding follows.

The same is done as for diagnosis in test_mutations.py, before Kuryr is there: to cloud and cluster,
what both permit, quotas and images. What no check minds stands in HARMLESS, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from checking.test_mutations import BAD, WORLDS, mutants, others
from worlds.world import World

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.snapshots.cloud.quotas import Quota
from kuryr_runbook.snapshots.preflight import PreflightSnapshot
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.requirements import EVERYTHING

UNREAD = Unreadable("it says no", "ask its operators")
OTHER: dict[str, tuple[Any, ...]] = {
    "version": ("v1.10.0", "v1.40.0", ""),
    "service_refusal": ("The range of valid IPs is 10.0.0.0/24", ""),
    "missing_rights": ((EVERYTHING,),),
    "pair_limit": (1,),
    "image": (None,),
    "base_image": (None,),
    "objection": ("it is not signed",),
    "status": (500,),
}
"""What else stands in fields whose values are not as good as any other."""
LABEL = "a name or a note: nothing is found by it, or it is found by its id"
OWNER = "a shared one is as good"
LATER = "phase 02 creates it, or refuses what does not fit before it changes anything"
WORDS = "the refusal's status or type says it"
ANY = "any text: it is only shown"
UNSERVED = "Kuryr serves it later; what it will not do is looked at"
HARMLESS: dict[str, str] = {
    "cluster_id": "not read: it marks what phase 02 creates",
    "groups.description": LABEL,
    "groups.gone": LATER,
    "groups.id": LATER,
    "groups.name": LATER,
    "groups.project_id": LATER,
    "groups.stateful": "of a group in use diagnosis reports it: responses of nodes pass today",
    "namespaces.rules": "none: only policies have them",
    "subnets.pool_id": "counts where namespaces have subnets",
    "image": "None: phase 01 builds it",
    "interfaces.gone": "the other nodes' are alike, and a node that does not answer is not gone",
    "interfaces.node": LABEL,
    "kubernetes.ingress": "the API's Service has none",
    "kubernetes.life.made": "when, and not what",
    "kubernetes.name": LABEL,
    "kubernetes.namespace": LABEL,
    "kubernetes.ports.gone": "pods use 443; the API servers behind it are looked at",
    "kubernetes.ports.name": LABEL,
    "kubernetes.ports.port": "pods use 443; the API servers behind it are looked at",
    "kubernetes.ports.protocol": "pods use 443; the API servers behind it are looked at",
    "kubernetes.selects": "the API's Service has no selector",
    "kubernetes.self_link": "only releases up to Victoria read it",
    "kubernetes.type": "its address is looked at",
    "login.project": ANY,
    "login.project_id": "the resources are looked for in the project that was read",
    "login.roles": "what the roles permit is tried; names of roles are the cloud's",
    "login.user": ANY,
    "namespaces.gone": UNSERVED,
    "namespaces.name": UNSERVED,
    "namespaces.namespace": UNSERVED,
    "networks.description": LABEL,
    "networks.mtu": "pods get the nodes' network, and so its MTU",
    "networks.port_security": "counts for new ports alone; the nodes' own is looked at",
    "networks.project_id": OWNER,
    "neutron.bound_port.said": WORDS,
    "neutron.bound_port.status": WORDS,
    "neutron.bound_port.type": "nested-vlan does not send the host",
    "neutron.paired_port.said": WORDS,
    "neutron.paired_port.status": "its type names the refusal of a MAC, its words the limit",
    "neutron.paired_port.type": "any other refusal leaves the limit unknown, which is looked at",
    "neutron.plain_port.said": WORDS,
    "neutron.plain_port.status": WORDS,
    "neutron.url": ANY,
    "nodes.gone": "a cluster of fewer nodes",
    "nodes.name": LABEL,
    "nodes.pods": "fewer pods need fewer pairs and ports; more are looked at",
    "nodes.reason": "of one that is not ready, as all are before Kuryr",
    "nodes.runtime": "decides what the daemon is told; every runtime is served",
    "nodes.schedulable": "cordoned by intent, as long as one takes pods",
    "objection": "the site names no key; with one it is a failure",
    "octavia.new_balancer.status": WORDS,
    "octavia.new_balancer.type": WORDS,
    "octavia.url": ANY,
    "pair_limit": "only nested-macvlan needs pairs",
    "ports.created": "when, and not what",
    "ports.description": LABEL,
    "ports.device_id": LABEL,
    "ports.device_owner": LABEL,
    "ports.id": LABEL,
    "ports.mac": "the nodes work with it today",
    "ports.name": LABEL,
    "ports.network_id": "Neutron lets nobody change it; the subnets of its addresses are looked at",
    "ports.port_security": "only nested-macvlan needs it",
    "ports.project_id": "Neutron lets nobody change it",
    "project_id": "the login's, which is shown",
    "quotas.router": "the world has its router",
    "routers.description": LABEL,
    "routers.gateway": LATER,
    "routers.gone": LATER,
    "routers.id": LATER,
    "routers.name": LATER,
    "routers.project_id": OWNER,
    "rules.description": LABEL,
    "rules.id": LABEL,
    "services.cluster_ip": UNSERVED,
    "services.gone": UNSERVED,
    "services.ingress": UNSERVED,
    "services.life": UNSERVED,
    "services.name": UNSERVED,
    "services.namespace": UNSERVED,
    "services.ports": UNSERVED,
    "services.selects": UNSERVED,
    "services.self_link": "looked at where a list cannot leave it out: at default/kubernetes",
    "services.type": UNSERVED,
    "subnets.description": LABEL,
    "subnets.enable_dhcp": "the nodes' own subnet may have it",
    "subnets.gateway_ip": "the nodes use it today",
    "subnets.pools": "the nodes have their addresses",
    "subnets.project_id": OWNER,
}
"""By place; what no check minds before Kuryr is there, and why."""
SEEN_ELSEWHERE = {"cluster_id", "interfaces", "objection", "pair_limit"}
"""What may be unread: the first is, the others matter to some sites only."""

CLOUD = ("networks", "subnets", "routers", "ports", "groups", "rules", "balancers")
CLUSTER = ("nodes", "services", "endpoints", "namespaces", "deployed")
DEMANDED = 0.85
"""The share of mutants that is found at least; what it is now is recorded."""


def changed(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value with one thing in it changed, and where that is."""
    if name in OTHER:
        yield from ((name, other) for other in OTHER[name])
    elif isinstance(value, frozenset):
        yield from ((name, value - {one}) for one in sorted(value))
    elif isinstance(value, dict):
        for key, quota in value.items():
            yield f"{name}.{key}", {**value, key: Quota(limit=quota.used, used=quota.used)}
            yield f"{name}.gone", {k: v for k, v in value.items() if k != key}
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        yield from ((f"{name}.{place}", items) for place, items in mutants(value))
    elif is_dataclass(value) and not isinstance(value, type | Unreadable):
        for field in fields(value):
            for place, other in changed(field.name, getattr(value, field.name)):
                yield f"{name}.{place}", replace(value, **{field.name: other})
    else:
        yield from ((name, other) for other in others(name, value))


def parts(seen: PreflightSnapshot) -> Iterator[tuple[str, Any, Callable[[Any], PreflightSnapshot]]]:
    """Everything that was read: its place, its value, and the snapshot with another one."""

    def within(part: str, field: str) -> Callable[[Any], PreflightSnapshot]:
        changes: dict[str, Any] = {}

        def put(value: Any) -> PreflightSnapshot:
            changes[part] = replace(getattr(seen, part), **{field: value})
            return replace(seen, **changes)

        return put

    def whole(field: str) -> Callable[[Any], PreflightSnapshot]:
        return lambda value: replace(seen, **{field: value})

    for part, names in {
        "cloud": (*CLOUD, "quotas", "balancer_quotas", "pair_limit", "project_id"),
        "permissions": ("login", "neutron", "octavia"),
        "cluster": (*CLUSTER, "version", "kubernetes", "cluster_id"),
        "rights": ("service_refusal", "missing_rights"),
    }.items():
        for name in names:
            yield name, getattr(getattr(seen, part), name), within(part, name)
    for name in ("installed", "image", "base_image", "objection", "interfaces"):
        yield name, getattr(seen, name), whole(name)


def is_found(snapshot: PreflightSnapshot) -> bool:
    """Whether preflight finds anything wrong, or cannot look."""
    return any(it.status in BAD for it in check_preflight(snapshot))


@pytest.mark.parametrize(("driver", "release"), WORLDS)
def test_whatever_is_changed_before_kuryr_is_found(
    driver: VifDriver, release: str, record_property: Callable[[str, object], None]
) -> None:
    healthy = World(driver=driver, release=release, installed=False).before()
    assert not is_found(healthy)
    found: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for name, value, put in parts(healthy):
        for place, other in changed(name, value):
            (found if is_found(put(other)) else missed)[place] += 1
    blind = missed.keys() - found.keys() - HARMLESS.keys()
    asked = found.total() + sum(n for place, n in missed.items() if place not in HARMLESS)
    share = f"{driver}: {found.total()} of {asked} mutants are found ({found.total() / asked:.0%})"
    record_property("mutants", share)
    assert sorted(blind) == [], f"{share}; add a check that finds it, or a reason to HARMLESS"
    assert found.total() / asked > DEMANDED


@pytest.mark.parametrize(("driver", "release"), WORLDS)
def test_whatever_cannot_be_read_before_kuryr_is_unknown(driver: VifDriver, release: str) -> None:
    healthy = World(driver=driver, release=release, installed=False).before()
    silent = {name for name, _, put in parts(healthy) if not is_found(put(UNREAD))}
    assert silent <= SEEN_ELSEWHERE


def test_what_is_called_harmless_is_read_before_kuryr() -> None:
    healthy = World(driver=VifDriver.NESTED_MACVLAN, installed=False).before()
    read = {place for name, value, _ in parts(healthy) for place, _ in changed(name, value)}
    assert HARMLESS.keys() <= read
