"""A plan for the fixes that diagnosis found.

A fix names resources, and the snapshot has to agree: nothing without one of Kuryr's marks is
touched, whatever a fix says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from kuryr_runbook.model.bodies import PairChanges, SubportRemoval
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.fixes import (
    FinalizerFix,
    Fix,
    FloatingIpFix,
    Leftover,
    LeftoverFix,
    ObjectFix,
    PairFix,
)
from kuryr_runbook.model.plan import (
    ABSENT,
    ADDRESS_PAIRS,
    SUBPORTS,
    Action,
    Change,
    Plan,
    Step,
    Target,
    field_changes,
)
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.wording import counted
from kuryr_runbook.planning.finalizers import release
from kuryr_runbook.planning.kubernetes import deletion
from kuryr_runbook.snapshots.cloud.ownership import Ownership, leads_nowhere
from kuryr_runbook.snapshots.cloud.resources import Balancer, FloatingIp, Port
from kuryr_runbook.snapshots.cluster.finalizers import MARKED_KINDS
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot
from kuryr_runbook.snapshots.reading import Unreadable, known

T = TypeVar("T")

FEW = 3


def plan_fixes(phase: str, snapshot: DiagnosisSnapshot, fixes: Iterable[Fix]) -> Plan:
    """The steps of all fixes, each once, except those that are a phase's own plan."""
    found, cloud = list(dict.fromkeys(fixes)), _Cloud(snapshot)
    leftovers = [it for it in found if isinstance(it, LeftoverFix) and cloud.is_kuryrs(it)]
    steps = [
        *_pair_steps(it for it in found if isinstance(it, PairFix) and cloud.is_pods(it)),
        *(_reconnect(it) for it in found if isinstance(it, FloatingIpFix) and cloud.is_loose(it)),
        *_deletions(leftovers, cloud),
        *(deletion(_manifest(it), it.because) for it in found if isinstance(it, ObjectFix)),
        *(_released(it) for it in found if isinstance(it, FinalizerFix)),
    ]
    return Plan(phase=phase, steps=tuple(steps))


class _Cloud:
    """Which of the cloud's resources are Kuryr's; none of those that are uncertain."""

    def __init__(self, snapshot: DiagnosisSnapshot) -> None:
        cloud, self._cluster = snapshot.cloud, snapshot.cluster
        self._ports: dict[str, Port] = _by_id(cloud.ports)
        self._floating_ips: dict[str, FloatingIp] = _by_id(cloud.floating_ips)
        self._balancers: dict[str, Balancer] = _by_id(cloud.balancers)
        self._site, self._state = snapshot.site, cloud

    def _is(self, ask: Callable[[Ownership, T], bool], resource: T) -> bool:
        try:
            return ask(self._ownership, resource)
        except RunbookError:
            return False

    @cached_property
    def _ownership(self) -> Ownership:
        return Ownership(self._site, known(self._cluster.cluster_id), self._state)

    def is_kuryrs(self, fix: LeftoverFix) -> bool:
        """Whether Kuryr created it, by its marks and its place."""
        match fix.kind:
            case Leftover.PORT:
                port = self._ports.get(fix.id)
                return port is not None and self._is(_is_leftover, port)
            case Leftover.FLOATING_IP:
                floating = self._floating_ips.get(fix.id)
                return floating is not None and (
                    self._is(Ownership.is_services_address, floating)
                    or self._is(Ownership.is_loose_address, floating)
                )
            case Leftover.LOAD_BALANCER:
                balancer = self._balancers.get(fix.id)
                return balancer is not None and self._is(Ownership.is_services, balancer)

    def trunk_of(self, port_id: str) -> str:
        """The id of the trunk of a node that carries a port; empty: there is none."""
        try:
            return self._ownership.subports_of_nodes.get(port_id, "")
        except RunbookError:
            return ""

    def leading_to(self, balancer_id: str) -> list[str]:
        """Ids of a load balancer's floating IPs; empty for anything else."""
        balancer = self._balancers.get(balancer_id)
        port = balancer.vip_port_id if balancer else ""
        return [it.id for it in self._floating_ips.values() if port and it.port_id == port]

    def is_pods(self, fix: PairFix) -> bool:
        """Whether it is a pod's address, on a node's port."""
        port, nodes = self._ports.get(fix.port_id), self._cluster.nodes
        if port is None or isinstance(nodes, Unreadable):
            return False
        return (
            bool({node.address for node in nodes}.intersection(port.addresses))
            and self._is(Ownership.is_node_port, port)
            and self._is(Ownership.is_of_pods, fix.address)
        )

    def is_loose(self, fix: FloatingIpFix) -> bool:
        """Whether Kuryr created it, nobody uses it, and a Service of this cluster announces it."""
        floating, services = self._floating_ips.get(fix.id), self._cluster.services
        if floating is None or isinstance(services, Unreadable):
            return False
        announced = {service.ingress for service in services}
        return leads_nowhere(floating) and floating.address in announced


def _is_leftover(ownership: Ownership, port: Port) -> bool:
    """Whether no pool may have it: with pools only the controller knows which ports these are."""
    if ownership.site.kuryr.port_pool.enabled:
        return False
    return ownership.is_left_of_pod(port) or ownership.is_of_pool(port)


def _by_id(found: Iterable[Any] | Unreadable) -> dict[str, Any]:
    return {} if isinstance(found, Unreadable) else {item.id: item for item in found}


def _pair_steps(fixes: Iterable[PairFix]) -> Iterator[Step]:
    """One step for each port: Neutron only accepts its pairs as a whole."""
    by_port: dict[str, list[PairFix]] = {}
    for fix in fixes:
        by_port.setdefault(fix.port_id, []).append(fix)
    for port, of_port in by_port.items():
        added, removed = (
            tuple(_pair(fix) for fix in of_port if fix.allow is allow) for allow in (True, False)
        )
        yield Step(
            action=Action.UPDATE,
            target=Target(ADDRESS_PAIRS, f"port of {of_port[0].node}"),
            id=port,
            because=_reasons(of_port),
            body=PairChanges(added=added, removed=removed),
            changes=tuple(map(_pair_change, of_port)),
        )


def _reasons(fixes: list[PairFix]) -> str:
    """The first few reasons: a port may have the pairs of a hundred pods."""
    reasons = list(dict.fromkeys(fix.because for fix in fixes))
    more = [f"and {len(reasons) - FEW} more"] if len(reasons) > FEW else []
    return "; ".join([*reasons[:FEW], *more])


def _pair(fix: PairFix) -> dict[str, str]:
    return {"ip_address": fix.address, "mac_address": fix.mac}


def _pair_change(fix: PairFix) -> Change:
    before, after = (ABSENT, fix.mac) if fix.allow else (fix.mac, ABSENT)
    return Change(f"pair of {fix.address}", before, after)


def _reconnect(fix: FloatingIpFix) -> Step:
    body = {"port_id": fix.port_id}
    return Step(
        action=Action.UPDATE,
        target=Target(Leftover.FLOATING_IP, fix.address),
        id=fix.id,
        because=f"service {fix.service} announces it, and it points nowhere",
        body=body,
        changes=field_changes(body),
    )


def _deletions(fixes: list[LeftoverFix], cloud: _Cloud) -> Iterator[Step]:
    """A load balancer is deleted after the floating IPs that point to it, a port after its trunk
    has let it go."""
    targets = {fix.id: Target(fix.kind, f"{fix.name} ({fix.id})") for fix in fixes}
    carried: dict[str, list[str]] = {}
    for fix in fixes:
        if fix.kind is Leftover.PORT and (trunk := cloud.trunk_of(fix.id)):
            carried.setdefault(trunk, []).append(fix.id)
    yield from (_uncarried(trunk, ports) for trunk, ports in carried.items())
    off = {port: Target(SUBPORTS, trunk) for trunk, ports in carried.items() for port in ports}
    for fix in sorted(fixes, key=lambda fix: fix.kind is Leftover.LOAD_BALANCER):
        yield Step(
            action=Action.DELETE,
            target=targets[fix.id],
            id=fix.id,
            because=fix.because,
            after=frozenset(targets[it] for it in cloud.leading_to(fix.id) if it in targets)
            | ({off[fix.id]} if fix.id in off else frozenset()),
        )


def _uncarried(trunk: str, ports: list[str]) -> Step:
    return Step(
        action=Action.UPDATE,
        target=Target(SUBPORTS, trunk),
        id=trunk,
        because=f"{counted(len(ports), 'port')} of no pod and no pool on it",
        body=SubportRemoval(ports=tuple(ports)),
    )


def _manifest(fix: ObjectFix | FinalizerFix) -> dict[str, Any]:
    """A reference to the object."""
    versions = {kind: version for version, kind in MARKED_KINDS}
    return {
        "apiVersion": versions.get(fix.kind, API_VERSION),
        "kind": fix.kind,
        "metadata": {"namespace": fix.namespace, "name": fix.name},
    }


def _released(fix: FinalizerFix) -> Step:
    item = _manifest(fix)
    item["metadata"]["finalizers"] = list(fix.finalizers)
    return release(item, "its resources are gone, and nothing removed Kuryr's")
