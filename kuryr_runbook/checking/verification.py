"""The acceptance checks, in the order in which a person would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kuryr_runbook.checking import balancer, groups, pods
from kuryr_runbook.checking.traffic import mesh, reachability
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot

CHECKS: tuple[Callable[[VerificationSnapshot], Iterator[Finding]], ...] = (
    pods.check_nodes,
    pods.check_deployment,
    pods.check_pod_ports,
    pods.check_address_pairs,
    mesh.check_pod_to_pod,
    mesh.check_tcp,
    mesh.check_source,
    mesh.check_largest,
    reachability.check_external,
    groups.check_service_rule,
    balancer.check_active,
    balancer.check_member_count,
    balancer.check_members,
    balancer.check_vip_half,
    balancer.check_amphora_half,
    reachability.check_vip,
    reachability.check_backends,
    reachability.check_vip_source,
    reachability.check_api,
    reachability.check_dns,
    balancer.check_ingress,
    balancer.check_floating_ip,
    reachability.check_outside,
)


def check_verification(snapshot: VerificationSnapshot) -> Iterator[Finding]:
    """All findings: one for each check."""
    for check in CHECKS:
        yield from check(snapshot)
