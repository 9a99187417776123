"""Do the allowed address pairs of the workers' ports fit the pods? Only for nested-macvlan."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import ceil

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.fixes import (
    PlacedPair,
    allow_pairs,
    certain,
    drop_pairs,
    drop_second_pairs,
)
from kuryr_runbook.checking.questions.nodes import without_pairs
from kuryr_runbook.checking.remedies import successors
from kuryr_runbook.checking.verdicts import (
    SHOWN,
    CouldNotLook,
    failed,
    node_victim,
    passed,
    pod_victim,
    readable,
    some,
    warned,
)
from kuryr_runbook.checking.view.cloud import Look, ipv4, ipv4_range
from kuryr_runbook.model.findings import Status, Verdict, Victim
from kuryr_runbook.model.fixes import Fix, PairFix
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.reading import Unreadable

DEFAULT_PAIRS = 10
"""Neutron's default of max_allowed_address_pair."""
NEARLY = 0.8
"""The used part of the limit from which on it is reported."""
FROM_DRIVER = "kuryr-kubernetes, controller/drivers/nested_macvlan_vif.py, nested_vif.py"


@Check(
    "pair-limit",
    "A worker's port accepts an address pair for each of its pods",
    "neutron, max_allowed_address_pair, 10 by default; seen: the pod beyond it makes the "
    "controller restart, and leaves a port each time",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={
        "address-pair",
        "pod-unhandled",
        "controller-ready",
        "controller-restarts",
        "port-orphaned",
    },
    moot=without_pairs,
    depth=Depth.GROUND,
    faults=(
        Fault(
            "a worker's port accepts no more address pairs (default 10)",
            "the eleventh pod hangs, the controller restarts, ports are left over",
            "`pair-limit`; a warning from 80 % on",
        ),
    ),
)
def check_pair_limit(look: Look) -> Iterator[Verdict]:
    """Before Kuryr runs, whether nodes can be filled with pods; then, whether a port is full.

    Where diagnosis is not given the limit, it assumes the default, unless a port has more.
    """
    counts = {name: len(port.pairs) for name, port in look.workers.items()}
    most = max(counts, key=lambda name: counts[name], default="")
    in_use = f"most are in use at {most}: {counts[most]}" if most else "no worker's port is known"
    limit = look.pair_limit
    if not isinstance(limit, Unreadable):
        whose = "Neutron's limit"
    elif not look.is_ahead:
        limit, whose = DEFAULT_PAIRS, "Neutron's default limit"
        if most and counts[most] > limit:
            yield passed(f"more than {whose}, {limit}; {in_use}")
            return
    limit, pods = readable(limit), look.cluster.pods_per_node
    if limit is None:
        yield passed(f"{pods} are allowed, as many as the pods of a node; {in_use}")
    elif look.is_ahead:
        share = _share(look)
        evidence = f"{limit} are allowed, a node accepts {counted(pods, 'pod')}; {in_use}"
        remedy = (
            f"have the cloud's operators set max_allowed_address_pair to {pods} in Neutron, or "
            f"limit the kubelets to {limit} pods (--max-pods); with one pod more on a worker "
            "Kuryr's controller fails over and over, and leaves ports behind"
        )
        if limit < share:
            yield failed(f"{evidence}; the verification alone needs {share}", remedy)
        else:
            yield warned(evidence, remedy)
    else:
        yield from _full(look, counts, limit, whose)


def _full(look: Look, counts: Mapping[str, int], limit: int, whose: str) -> Iterator[Cause]:
    waiting = {pod.node for pod in look.pods if look.vif(pod) is None and look.is_overdue(pod)}
    full = [name for name, count in counts.items() if count >= limit and name in waiting]
    near = [name for name, count in counts.items() if count >= NEARLY * limit and name not in full]
    raising = (
        "have max_allowed_address_pair in neutron.conf raised to the pods of a worker, or more"
    )
    if full:
        yield Cause(
            status=Status.FAIL,
            evidence=f"{some(full)}: {counted(limit, 'pair')}, {whose}, and pods wait",
            remedy=raising,
            victims=tuple(map(node_victim, full)),
            facts={"limit": limit},
        )
    if near:
        having = [f"{name} {counts[name]}" for name in near]
        yield Cause(
            status=Status.WARN,
            evidence=f"near {limit}, {whose}: {some(having)}",
            remedy=raising,
            victims=tuple(map(node_victim, near)),
            facts={"limit": limit},
            explains=frozenset(),
        )


@Check(
    "address-pair",
    "Every pod is in the allowed address pairs of its worker's port",
    f"{FROM_DRIVER}; stein 1.0.1 loses pairs when two pods start at once",
    moot=without_pairs,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "address pair lost or removed (nested-macvlan)",
            "no connectivity, although Ready and Available",
        ),
    ),
)
def check_pairs(look: Look) -> Iterator[Cause]:
    """Without its pair Neutron drops a nested pod's packets, although the pod is Ready."""
    lost = [
        (pod, vif)
        for pod, vif in look.plugged
        if pod.node in look.pairs
        and not any(look.is_paired(pod.node, address, vif.mac) for address in vif.addresses)
    ]
    if lost:
        pod, vif = lost[0]
        port = look.workers.get(pod.node) or look.node_ports[pod.node]
        pairs = " ".join(f"--allowed-address {_option(it, vif.mac)}" for it in vif.addresses)
        yield Cause(
            status=Status.FAIL,
            evidence=f"{len(lost)} of {counted(len(look.plugged), 'pod')} "
            f"{agreeing(len(lost), 'is', 'are')} not: the first, {pod} with "
            f"{', '.join(vif.addresses)}, is not allowed on port {port.id if port else ''} of "
            f"{pod.node}",
            remedy=f"openstack port set {pairs} {port.id}; or {successors([pod])}, and a pair"
            if port
            else successors([pod]),
            victims=tuple(pod_victim(pod) for pod, _ in lost),
            fixes=certain(lambda: allow_pairs(look, lost)),
        )


@Check(
    "pair-twice",
    "No address is allowed twice",
    "neutron: whoever has an address in its pairs may answer for it",
    moot=without_pairs,
    faults=(Fault("an address allowed on two workers", "now and then no connectivity"),),
)
def check_pairs_once(look: Look) -> Iterator[Cause]:
    """One of the two belongs to an earlier pod, and the wrong node would answer for it."""
    where: dict[str, list[PlacedPair]] = defaultdict(list)
    for pair in _pod_pairs(look):
        where[pair[1]].append(pair)
    twice = {address: pairs for address, pairs in where.items() if len(pairs) > 1}
    if twice:
        details = [
            f"{address} at {' and '.join(f'{node} ({mac})' for node, _, mac in pairs)}"
            for address, pairs in twice.items()
        ]
        fixes = certain(lambda: drop_second_pairs(look, chain(*twice.values())))
        yield Cause(
            status=Status.WARN,
            evidence=some(details),
            remedy=_dropping(fixes)
            or "openstack port show the ports of these workers, and openstack port unset the pair "
            "of the one that the pod is not on",
            victims=tuple(Victim("address", address) for address in twice),
            fixes=fixes,
        )


@Check(
    "pair-stale",
    "No address pair is left of a pod that is gone",
    f"{FROM_DRIVER}; up to ussuri, what is deleted while the controller is down stays",
    explains={"pair-twice"},
    moot=without_pairs,
    faults=(
        Fault(
            "an address allowed for a pod that is gone",
            "now and then no connectivity; the limit is reached earlier",
        ),
    ),
)
def check_stale_pairs(look: Look) -> Iterator[Cause]:
    """They count towards the limit, and let others use the address. Only in the pods' subnet."""
    known = {(address, vif.mac) for vif in _vifs(look) for address in vif.addresses}
    macs = {port.mac for port in look.ports.values()}
    unread = {pod.address for pod in look.pods if not isinstance(look.vif(pod), PodVif)}
    stale = [
        (name, address, mac)
        for name, address, mac in _pod_pairs(look)
        # If a pair's port exists, its pod is being created or deleted; and a pod with the address
        # whose interface cannot be read may still need its pair.
        if (address, mac) not in known and mac not in macs and address not in unread
    ]
    if stale:
        counts = Counter(name for name, _, _ in stale)
        fixes = certain(lambda: drop_pairs(look, stale))
        yield Cause(
            status=Status.WARN,
            evidence=some([f"{name}: {count}" for name, count in counts.items()]),
            remedy=_dropping(fixes),
            victims=tuple(Victim("address", address) for _, address, _ in stale),
            own=True,
            fixes=fixes,
        )


def _dropping(fixes: Iterable[Fix]) -> str:
    """The commands that remove the first few of these pairs; empty if there are none."""
    pairs = [it for it in fixes if isinstance(it, PairFix) and not it.allow]
    return "; ".join(
        f"openstack port unset --allowed-address {_option(it.address, it.mac)} {it.port_id}"
        for it in pairs[:SHOWN]
    )


def _option(address: str, mac: str) -> str:
    return f"ip-address={address},mac-address={mac}"


def _pod_pairs(look: Look) -> Iterator[PlacedPair]:
    """Node, address and MAC of each pair in the pods' subnet: others do not matter here."""
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


def _share(look: Look) -> int:
    """The verification's pods on one worker."""
    workers = [node for node in look.nodes if node.schedulable]
    return ceil(look.site.verification.replicas / max(1, len(workers)))
