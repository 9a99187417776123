"""A plan of what mends causes for certain, from the fixes that diagnosis found.

A fix names what it is about, and the snapshot has to agree: what does not bear a mark of Kuryr's
is not touched, whatever a fix says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.model.fixes import (
    FinalizerFix,
    Fix,
    FloatingIpFix,
    Leftover,
    LeftoverFix,
    ObjectFix,
    PairFix,
)
from kuryr_runbook.model.marks import KURYR_PORT_OWNER, KURYRS_FLOATING_IP, is_marked
from kuryr_runbook.model.plan import (
    ABSENT,
    ADDRESS_PAIRS,
    Action,
    Change,
    Plan,
    Step,
    Target,
    field_changes,
)
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.planning.finalizers import release
from kuryr_runbook.planning.kubernetes import deletion
from kuryr_runbook.snapshots.cloud.lookup import find, node_subnet, pod_subnet, service_subnet
from kuryr_runbook.snapshots.cloud.resources import Balancer, FloatingIp, Port
from kuryr_runbook.snapshots.cluster.finalizers import MARKED_KINDS
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot
from kuryr_runbook.snapshots.reading import Unreadable

FEW = 3


def plan_fixes(phase: str, snapshot: DiagnosisSnapshot, fixes: Iterable[Fix]) -> Plan:
    """The steps of all fixes but those that are a phase's own plan, each once."""
    found, cloud = list(dict.fromkeys(fixes)), _Cloud(snapshot)
    leftovers = [it for it in found if isinstance(it, LeftoverFix) and cloud.is_kuryrs(it)]
    steps = [
        *_pair_steps(it for it in found if isinstance(it, PairFix) and cloud.is_pods(it)),
        *(_led_back(it) for it in found if isinstance(it, FloatingIpFix) and cloud.is_loose(it)),
        *_deletions(leftovers, cloud),
        *(deletion(_manifest(it), it.because) for it in found if isinstance(it, ObjectFix)),
        *(_released(it) for it in found if isinstance(it, FinalizerFix)),
    ]
    return Plan(phase=phase, steps=tuple(steps))


class _Cloud:
    """What of the cloud is Kuryr's to change."""

    def __init__(self, snapshot: DiagnosisSnapshot) -> None:
        self.site, cloud = snapshot.site, snapshot.cloud
        self.ports: dict[str, Port] = _by_id(cloud.ports)
        self.floating_ips: dict[str, FloatingIp] = _by_id(cloud.floating_ips)
        self.balancers: dict[str, Balancer] = _by_id(cloud.balancers)
        nodes = snapshot.cluster.nodes
        self.node_addresses = (
            set() if isinstance(nodes, Unreadable) else {node.address for node in nodes}
        )
        self.nodes, self.pods, self.services = (
            None
            if isinstance(cloud.subnets, Unreadable) or isinstance(cloud.project_id, Unreadable)
            else find(cloud.subnets, wanted(self.site), cloud.project_id)
            for wanted in (node_subnet, pod_subnet, service_subnet)
        )

    def is_kuryrs(self, fix: LeftoverFix) -> bool:
        """Whether Kuryr made it, by its marks and its place."""
        match fix.kind:
            case Leftover.PORT:
                return self._is_pods_port(self.ports.get(fix.id))
            case Leftover.FLOATING_IP:
                found = self.floating_ips.get(fix.id)
                return found is not None and found.description == KURYRS_FLOATING_IP
            case Leftover.LOAD_BALANCER:
                return self._is_services_balancer(self.balancers.get(fix.id))

    def leading_to(self, balancer_id: str) -> list[str]:
        """Ids of the floating IPs of a load balancer; none of anything else."""
        balancer = self.balancers.get(balancer_id)
        port = balancer.vip_port_id if balancer else ""
        return [it.id for it in self.floating_ips.values() if port and it.port_id == port]

    def _is_pods_port(self, port: Port | None) -> bool:
        return (
            port is not None
            and self.pods is not None
            and port.device_owner == KURYR_PORT_OWNER
            and any(fixed.subnet_id == self.pods.id for fixed in port.fixed_ips)
        )

    def _is_services_balancer(self, balancer: Balancer | None) -> bool:
        return (
            balancer is not None
            and self.services is not None
            and balancer.vip_subnet_id == self.services.id
            and _is_inside(balancer.vip, self.site.kubernetes.service_cidr)
            and "/" in balancer.name
            and not is_marked(balancer.description)
        )

    def is_pods(self, fix: PairFix) -> bool:
        """Whether it is an address of the pods, on the port of a node."""
        port = self.ports.get(fix.port_id)
        return (
            port is not None
            and self.nodes is not None
            and self.pods is not None
            and any(
                fixed.subnet_id == self.nodes.id and fixed.address in self.node_addresses
                for fixed in port.fixed_ips
            )
            and _is_inside(fix.address, self.pods.cidr)
        )

    def is_loose(self, fix: FloatingIpFix) -> bool:
        """Whether Kuryr made it, and nobody uses it."""
        found = self.floating_ips.get(fix.id)
        return found is not None and found.description == KURYRS_FLOATING_IP and not found.port_id


def _by_id(found: Iterable[Any] | Unreadable) -> dict[str, Any]:
    return {} if isinstance(found, Unreadable) else {item.id: item for item in found}


def _is_inside(address: str, cidr: IPv4Network | str) -> bool:
    try:
        return IPv4Address(address) in IPv4Network(cidr)
    except ValueError:
        return False


def _pair_steps(fixes: Iterable[PairFix]) -> Iterator[Step]:
    """One for each port: Neutron takes its pairs as a whole."""
    by_port: dict[str, list[PairFix]] = {}
    for fix in fixes:
        by_port.setdefault(fix.port_id, []).append(fix)
    for port, of_port in by_port.items():
        pairs = {
            allow: [_pair(fix) for fix in of_port if fix.allow is allow] for allow in (True, False)
        }
        yield Step(
            action=Action.UPDATE,
            target=Target(ADDRESS_PAIRS, f"port of {of_port[0].node}"),
            id=port,
            because=_reasons(of_port),
            body={"added": pairs[True], "removed": pairs[False]},
            changes=tuple(map(_pair_change, of_port)),
        )


def _reasons(fixes: list[PairFix]) -> str:
    """The first few: a port may carry the pairs of a hundred pods."""
    reasons = list(dict.fromkeys(fix.because for fix in fixes))
    more = [f"and {len(reasons) - FEW} more"] if len(reasons) > FEW else []
    return "; ".join([*reasons[:FEW], *more])


def _pair(fix: PairFix) -> dict[str, str]:
    return {"ip_address": fix.address, "mac_address": fix.mac}


def _pair_change(fix: PairFix) -> Change:
    before, after = (ABSENT, fix.mac) if fix.allow else (fix.mac, ABSENT)
    return Change(f"pair of {fix.address}", before, after)


def _led_back(fix: FloatingIpFix) -> Step:
    body = {"port_id": fix.port_id}
    return Step(
        action=Action.UPDATE,
        target=Target(Leftover.FLOATING_IP, fix.address),
        id=fix.id,
        because=f"service {fix.service} announces it, and it leads nowhere",
        body=body,
        changes=field_changes(body),
    )


def _deletions(fixes: list[LeftoverFix], cloud: _Cloud) -> Iterator[Step]:
    """A load balancer goes after the floating IPs that lead to it."""
    targets = {fix.id: Target(fix.kind, f"{fix.name} ({fix.id})") for fix in fixes}
    for fix in sorted(fixes, key=lambda fix: fix.kind is Leftover.LOAD_BALANCER):
        yield Step(
            action=Action.DELETE,
            target=targets[fix.id],
            id=fix.id,
            because=fix.because,
            after=frozenset(targets[it] for it in cloud.leading_to(fix.id) if it in targets),
        )


def _manifest(fix: ObjectFix | FinalizerFix) -> dict[str, Any]:
    """What names the object."""
    versions = {kind: version for version, kind in MARKED_KINDS}
    return {
        "apiVersion": versions.get(fix.kind, API_VERSION),
        "kind": fix.kind,
        "metadata": {"namespace": fix.namespace, "name": fix.name},
    }


def _released(fix: FinalizerFix) -> Step:
    item = _manifest(fix)
    item["metadata"]["finalizers"] = list(fix.finalizers)
    return release(item, "nothing belongs to it any more, and nobody took Kuryr's off")
