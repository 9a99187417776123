"""All questions of diagnosis, and the part of their answers that concerns one place."""

from __future__ import annotations

from dataclasses import dataclass

from kuryr_runbook.checking.causes import Check, Victim, found
from kuryr_runbook.checking.questions import (
    balancers,
    groups,
    leftovers,
    logs,
    networks,
    nodes,
    pairs,
    pods,
    programs,
    quotas,
    services,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.cluster import Key
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.snapshots.cluster.objects import ClusterService, Pod
from kuryr_runbook.snapshots.reading import Unreadable

CHECKS: tuple[Check, ...] = (
    programs.check_version,
    programs.check_self_link,
    programs.check_replicas,
    networks.check_subnets,
    quotas.check_neutron,
    quotas.check_octavia,
    pairs.check_pair_limit,
    nodes.check_node_ports,
    nodes.check_port_security,
    nodes.check_trunks,
    nodes.check_tags,
    networks.check_range,
    networks.check_pool,
    networks.check_taken,
    logs.check_controller_log,
    programs.check_controller,
    programs.check_daemons_there,
    nodes.check_mtu,
    logs.check_daemon_log,
    programs.check_daemons,
    programs.check_nodes,
    networks.check_router,
    groups.check_service_rule,
    groups.check_self_rule,
    groups.check_api_rule,
    pods.check_ports_exist,
    pods.check_ports_own,
    pods.check_ports_match,
    pods.check_readable,
    pairs.check_pairs,
    pods.check_subports,
    pods.check_handled,
    pods.check_active,
    pods.check_plugged,
    services.check_twice,
    services.check_states,
    services.check_address,
    services.check_missing,
    balancers.check_listeners,
    balancers.check_members,
    services.check_api,
    services.check_external,
    leftovers.check_finalizers,
    programs.check_restarts,
    balancers.check_member_states,
    services.check_kinds,
    groups.check_too_open,
    leftovers.check_ports,
    leftovers.check_second_ports,
    leftovers.check_kuryr_ports,
    pairs.check_stale_pairs,
    pairs.check_pairs_once,
    leftovers.check_balancers,
    leftovers.check_floating_ips,
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
