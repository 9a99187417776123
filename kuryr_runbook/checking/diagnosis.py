"""All questions of diagnosis, and the part of their answers that concerns one place."""

from __future__ import annotations

from dataclasses import dataclass

from kuryr_runbook.checking import (
    diagnosis_groups,
    diagnosis_leftovers,
    diagnosis_logs,
    diagnosis_members,
    diagnosis_networks,
    diagnosis_nodes,
    diagnosis_pairs,
    diagnosis_pods,
    diagnosis_programs,
    diagnosis_quotas,
    diagnosis_services,
)
from kuryr_runbook.checking.diagnosis_causes import Check, Victim, found
from kuryr_runbook.checking.diagnosis_cluster_look import Key
from kuryr_runbook.checking.diagnosis_look import Look
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.snapshots.diagnosis_objects import ClusterService, Pod
from kuryr_runbook.snapshots.reading import Unreadable

CHECKS: tuple[Check, ...] = (
    diagnosis_programs.check_version,
    diagnosis_programs.check_self_link,
    diagnosis_programs.check_replicas,
    diagnosis_networks.check_subnets,
    diagnosis_quotas.check_neutron,
    diagnosis_quotas.check_octavia,
    diagnosis_pairs.check_pair_limit,
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
    diagnosis_pairs.check_pairs,
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
    diagnosis_pairs.check_stale_pairs,
    diagnosis_pairs.check_pairs_once,
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

    def __str__(self) -> str:
        pod = [f"pod {self.home}/{self.pod}"] if self.pod else []
        service = [f"service {self.home}/{self.service}"] if self.service else []
        return " and ".join(pod + service) or self.namespace or "everything"


EVERYWHERE = Place()
SHARED = ("subnet", "quota", "API server")
"""Kinds of victims on which everything depends."""


def check_diagnosis(look: Look, place: Place = EVERYWHERE) -> list[Finding]:
    """Deepest cause first, then what could not be looked at, warnings, and what is in order.

    With a place, only what concerns it: its pods and Services, the nodes that they are on, and what
    concerns all.
    """
    if place == EVERYWHERE:
        return found(CHECKS, look)
    pods, services = _pods(look, place), _services(look, place)
    names = {
        *((kind, f"{space}/{name}") for kind in ("pod", "KuryrPort") for space, name in pods),
        *((kind, f"{it[0]}/{it[1]}") for kind in ("service", "load balancer") for it in services),
    }
    nodes = {pod.node for pod in _known(look) if (pod.namespace, pod.name) in pods}

    def concerns(victim: Victim) -> bool:
        if victim.kind == "node":
            return victim.name in nodes
        return victim.kind in SHARED or (victim.kind, victim.name) in names

    return found(CHECKS, look, concerns)


def _pods(look: Look, place: Place) -> set[Key]:
    """The pods in question: the one, those behind the Service, or all of the namespace."""
    if place.pod or place.service:
        named = {(place.home, place.pod)} if place.pod else set()
        behind = {
            (place.home, backend.pod)
            for service in _known_services(look)
            if (service.service.namespace, service.service.name) == (place.home, place.service)
            for backend in look.backends(service)
        }
        return named | behind
    return {(pod.namespace, pod.name) for pod in _known(look) if pod.namespace == place.namespace}


def _services(look: Look, place: Place) -> set[Key]:
    if place.pod or place.service:
        return {(place.home, place.service)} if place.service else set()
    found = (it.service for it in _known_services(look))
    return {(it.namespace, it.name) for it in found if it.namespace == place.namespace}


def _known(look: Look) -> tuple[Pod, ...]:
    """What of the pods was read: what was not is told by the checks."""
    pods = look.cluster.pods
    return () if isinstance(pods, Unreadable) else pods


def _known_services(look: Look) -> tuple[ClusterService, ...]:
    services, endpoints = look.cluster.services, look.cluster.endpoints
    if isinstance(services, Unreadable) or isinstance(endpoints, Unreadable):
        return ()
    return services
