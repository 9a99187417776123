"""All questions of diagnosis, and the part of their answers that concerns one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from kuryr_runbook.checking import (
    diagnosis_groups,
    diagnosis_leftovers,
    diagnosis_logs,
    diagnosis_members,
    diagnosis_networks,
    diagnosis_nodes,
    diagnosis_pods,
    diagnosis_programs,
    diagnosis_quotas,
    diagnosis_services,
)
from kuryr_runbook.checking.diagnosis_causes import Check, found
from kuryr_runbook.checking.diagnosis_look import Look
from kuryr_runbook.model.findings import Finding, Status

CHECKS: tuple[Check, ...] = (
    diagnosis_programs.check_version,
    diagnosis_programs.check_self_link,
    diagnosis_programs.check_replicas,
    diagnosis_networks.check_subnets,
    diagnosis_quotas.check_neutron,
    diagnosis_quotas.check_octavia,
    diagnosis_nodes.check_pair_limit,
    diagnosis_nodes.check_node_ports,
    diagnosis_nodes.check_port_security,
    diagnosis_nodes.check_trunks,
    diagnosis_nodes.check_tags,
    diagnosis_networks.check_range,
    diagnosis_networks.check_pool,
    diagnosis_networks.check_taken,
    diagnosis_logs.check_controller_log,
    diagnosis_programs.check_controller,
    diagnosis_programs.check_daemons_there,
    diagnosis_nodes.check_mtu,
    diagnosis_logs.check_daemon_log,
    diagnosis_programs.check_daemons,
    diagnosis_programs.check_nodes,
    diagnosis_networks.check_router,
    diagnosis_groups.check_service_rule,
    diagnosis_groups.check_self_rule,
    diagnosis_groups.check_api_rule,
    diagnosis_pods.check_ports_exist,
    diagnosis_pods.check_ports_own,
    diagnosis_pods.check_ports_match,
    diagnosis_pods.check_readable,
    diagnosis_nodes.check_pairs,
    diagnosis_pods.check_subports,
    diagnosis_pods.check_handled,
    diagnosis_pods.check_active,
    diagnosis_pods.check_plugged,
    diagnosis_services.check_twice,
    diagnosis_services.check_states,
    diagnosis_services.check_address,
    diagnosis_services.check_missing,
    diagnosis_members.check_listeners,
    diagnosis_members.check_members,
    diagnosis_services.check_api,
    diagnosis_services.check_external,
    diagnosis_leftovers.check_finalizers,
    diagnosis_programs.check_restarts,
    diagnosis_members.check_member_states,
    diagnosis_services.check_kinds,
    diagnosis_groups.check_too_open,
    diagnosis_leftovers.check_ports,
    diagnosis_leftovers.check_second_ports,
    diagnosis_leftovers.check_kuryr_ports,
    diagnosis_nodes.check_stale_pairs,
    diagnosis_nodes.check_pairs_once,
    diagnosis_leftovers.check_balancers,
    diagnosis_leftovers.check_floating_ips,
)
"""The deepest first: what a check finds may be what the later ones find the effects of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a diagnosis is about; without any of them, everything."""

    namespace: str | None = None
    pod: str | None = None
    """In `namespace`, which is `default` then if not given."""
    service: str | None = None

    @property
    def home(self) -> str:
        """The namespace of pod and Service."""
        return self.namespace or "default"


def check_diagnosis(look: Look, place: Place = Place()) -> list[Finding]:
    """Deepest cause first, then what could not be looked at, warnings, and what is in order."""
    findings = found(CHECKS, look)
    wanted = _names(look, place)
    return findings if wanted is None else list(_about(findings, wanted))


def _names(look: Look, place: Place) -> tuple[str, ...] | None:
    """How the victims in question begin or are called; None: all are in question."""
    if place.pod or place.service:
        pods = [f"pod {place.home}/{place.pod}"] if place.pod else []
        services = [f"service {place.home}/{place.service}"] if place.service else []
        return tuple(pods + services)
    return (f" {place.namespace}/",) if place.namespace else None


def _about(findings: Iterable[Finding], wanted: tuple[str, ...]) -> Iterable[Finding]:
    """Those with a victim in question, and those without victims, which concern all."""
    for finding in findings:
        victims = tuple(
            it
            for it in finding.victims
            if any(it == name or (name.endswith("/") and name in it) for name in wanted)
        )
        if victims:
            yield replace(finding, victims=victims)
        elif not finding.victims or finding.status is not Status.WARN:
            yield finding
