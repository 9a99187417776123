"""The preflight checks, in the order in which one would mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from kuryr_runbook.checking import preflight_endpoints, preflight_nodes, preflight_quotas
from kuryr_runbook.checking.questions import cluster, intruders, permissions
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.snapshots.preflight import PreflightSnapshot

LOOK_YOURSELF = (
    "if it cannot be seen from here, look into it yourself, and then run the other phases by name: "
    "kuryr-runbook run --only NAME --only NAME ..."
)

CHECKS: tuple[Callable[[PreflightSnapshot], Iterator[Finding]], ...] = (
    preflight_endpoints.check_keystone,
    preflight_endpoints.check_neutron,
    preflight_endpoints.check_octavia,
    preflight_endpoints.check_kubernetes,
    preflight_endpoints.check_registry,
    preflight_endpoints.check_base_image,
    permissions.check_extensions,
    permissions.check_octavia_api,
    permissions.check_providers,
    permissions.check_port_role,
    permissions.check_balancer_role,
    permissions.check_credential_roles,
    permissions.check_existing,
    cluster.check_version,
    cluster.check_release_step,
    cluster.check_self_link,
    cluster.check_rights,
    cluster.check_service_cidr,
    cluster.check_services,
    intruders.check_kube_proxy,
    intruders.check_other_network,
    intruders.check_cni_configuration,
    intruders.check_service_controller,
    preflight_nodes.check_nodes,
    preflight_nodes.check_node_ports,
    preflight_nodes.check_port_security,
    preflight_nodes.check_trunks,
    preflight_nodes.check_tags,
    permissions.check_pair_limit,
    preflight_nodes.check_neighbours,
    *preflight_quotas.CHECKS,
)


def check_preflight(snapshot: PreflightSnapshot) -> Iterator[Finding]:
    """All findings: one for each check, and each that did not pass has a way out."""
    for check in CHECKS:
        for finding in check(snapshot):
            if finding.status is Status.UNKNOWN and not finding.remedy:
                yield replace(finding, remedy=LOOK_YOURSELF)
            else:
                yield finding
