"""Do the allowed address pairs of the workers' ports fit the pods? For nested-macvlan alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from kuryr_runbook.checking.diagnosis_causes import (
    Cause,
    Victim,
    node_victim,
    pod_victim,
    question,
)
from kuryr_runbook.checking.diagnosis_look import Look, ipv4, ipv4_range
from kuryr_runbook.checking.diagnosis_nodes import needs_pairs
from kuryr_runbook.checking.verdicts import CouldNotLook, some
from kuryr_runbook.model.findings import Status
from kuryr_runbook.snapshots.vif import PodVif

DEFAULT_PAIRS = 10
"""Neutron's max_allowed_address_pair, unless somebody raised it; no API tells."""
NEARLY = 8
FROM_DRIVER = "kuryr-kubernetes, controller/drivers/nested_macvlan_vif.py, nested_vif.py"


@question(
    "pair-limit",
    "No worker's port is near the limit of address pairs",
    "neutron, max_allowed_address_pair, 10 by default; seen: the pod beyond it makes the "
    "controller restart, and leaves a port each time",
    {"address-pair", "pod-unhandled", "controller-ready", "controller-restarts", "port-orphaned"},
    arises=needs_pairs,
)
def check_pair_limit(look: Look) -> Iterator[Cause]:
    """Any port that has more tells that the default was raised."""
    counts = {name: len(port.pairs) for name, port in look.workers.items()}
    if max(counts.values(), default=0) > DEFAULT_PAIRS:
        return
    waiting = {pod.node for pod in look.pods if look.vif(pod) is None and look.is_overdue(pod)}
    full = [name for name, count in counts.items() if count == DEFAULT_PAIRS and name in waiting]
    near = [name for name, count in counts.items() if count >= NEARLY and name not in full]
    raising = (
        "have max_allowed_address_pair in neutron.conf raised to the pods of a worker, or more"
    )
    if full:
        yield Cause(
            status=Status.FAIL,
            evidence=f"{some(full)}: {DEFAULT_PAIRS} pairs, Neutron's default limit, and pods wait",
            remedy=raising,
            victims=tuple(map(node_victim, full)),
        )
    if near:
        told = [f"{name} {counts[name]}" for name in near]
        yield Cause(
            status=Status.WARN,
            evidence=f"near Neutron's default of {DEFAULT_PAIRS}: {some(told)}; no port has more, "
            "so it may not have been raised",
            remedy=raising,
            victims=tuple(map(node_victim, near)),
            explains=frozenset(),
        )


@question(
    "address-pair",
    "Every pod stands in the allowed address pairs of its worker's port",
    f"{FROM_DRIVER}; stein 1.0.1 loses pairs when two pods start at once",
    arises=needs_pairs,
)
def check_pairs(look: Look) -> Iterator[Cause]:
    """Without its pair Neutron drops a nested pod's packets, though the pod is Ready."""
    lost = [
        (pod, vif)
        for pod, vif in look.plugged
        if pod.node in look.pairs
        and not any(look.is_paired(pod.node, address, vif.mac) for address in vif.addresses)
    ]
    if lost:
        pod, vif = lost[0]
        port = look.workers.get(pod.node) or look.node_ports[pod.node]
        pair = f"ip-address={', '.join(vif.addresses)},mac-address={vif.mac}"
        yield Cause(
            status=Status.FAIL,
            evidence=f"{len(lost)} of {len(look.plugged)} pods do not: the first, {pod}, is not "
            f"allowed on port {port.id if port else ''} of {pod.node}",
            remedy=f"openstack port set --allowed-address {pair} {port.id if port else 'PORT'}; or "
            "delete the pod: its successor gets a pair",
            victims=tuple(pod_victim(pod) for pod, _ in lost),
        )


@question(
    "pair-twice",
    "No address is allowed twice",
    "neutron: whoever has an address in its pairs may answer for it",
    arises=needs_pairs,
)
def check_pairs_once(look: Look) -> Iterator[Cause]:
    """One of the two is of an earlier pod, and would be answered for by the wrong node."""
    where: dict[str, list[str]] = defaultdict(list)
    for name, address, mac in _pod_pairs(look):
        where[address].append(f"{name} ({mac})")
    twice = {address: places for address, places in where.items() if len(places) > 1}
    if twice:
        told = [f"{address} at {' and '.join(places)}" for address, places in twice.items()]
        yield Cause(
            status=Status.WARN,
            evidence=some(told),
            remedy="for the MAC that is no pod's: openstack port unset --allowed-address "
            "ip-address=ADDRESS,mac-address=MAC PORT",
            victims=tuple(Victim("address", address) for address in twice),
        )


@question(
    "pair-stale",
    "No address pair is left of a pod that is gone",
    f"{FROM_DRIVER}; up to ussuri, what is deleted while the controller is down stays",
    ("pair-twice",),
    arises=needs_pairs,
)
def check_stale_pairs(look: Look) -> Iterator[Cause]:
    """They count towards the limit, and let somebody use the address. Only the pods' subnet."""
    known = {(address, vif.mac) for vif in _vifs(look) for address in vif.addresses}
    macs = {port.mac for port in look.ports.values()}
    counts: Counter[str] = Counter()
    victims = []
    for name, address, mac in _pod_pairs(look):
        # A pair whose port is there is a pod's that comes or goes.
        if (address, mac) not in known and mac not in macs:
            counts[name] += 1
            victims.append(Victim("address", address))
    if victims:
        yield Cause(
            status=Status.WARN,
            evidence=some([f"{name}: {count}" for name, count in counts.items()]),
            remedy="openstack port unset --allowed-address ip-address=ADDRESS,mac-address=MAC PORT",
            victims=tuple(victims),
            own=True,
        )


def _pod_pairs(look: Look) -> Iterator[tuple[str, str, str]]:
    """Node, address and MAC of each pair in the pods' subnet: others are of no concern here."""
    pods = ipv4_range(look.pod_subnet.cidr)
    if pods is None:
        raise CouldNotLook("the range of the pods' subnet cannot be read")
    for name, (single, _) in look.pairs.items():
        for address, mac in sorted(single):
            ip = ipv4(address)
            if ip is not None and ip in pods:
                yield name, address, mac


def _vifs(look: Look) -> Iterator[PodVif]:
    return (vif for vif in look.vifs.values() if isinstance(vif, PodVif))
