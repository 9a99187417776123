"""All checks of diagnosis, and the part of their findings that concerns one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from kuryr_runbook.checking.causes import found
from kuryr_runbook.checking.checks import Check, Occasion, checks_on
from kuryr_runbook.checking.subjects import QUESTIONS
from kuryr_runbook.checking.verdicts import node_victim
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Victim
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.reading import Unreadable

CHECKS = checks_on(Occasion.DIAGNOSIS, *QUESTIONS)
"""The deepest first: later ones may find effects of what earlier ones find."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a diagnosis is about; if nothing is set, everything."""

    namespace: str | None = None
    pod: str | None = None
    """In `namespace`, or else in `default`."""
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
"""Kinds of victims that everything depends on."""


def check_diagnosis(
    look: Look, place: Place = EVERYWHERE, checks: Sequence[Check] = CHECKS
) -> list[Finding]:
    """Deepest cause first, then what could not be checked, warnings, and what is in order.

    With a place, only what concerns it: its pods and Services, the nodes that they are on, and
    whatever everything depends on.
    """
    if place == EVERYWHERE:
        return found(checks, look.site, look)
    home = place.home
    pods, services = _pods(look, place), _services(look, place)
    places = {
        *(Victim(kind, name, home) for kind in ("pod", "KuryrPort") for name in pods),
        *(Victim("service", name, home) for name in services),
        *(Victim("load balancer", f"{home}/{name}") for name in services),
        *(node_victim(it.node) for it in _known(look.cluster.pods) if _is_of(it, home, pods)),
    }
    return found(checks, look.site, look, lambda it: it.kind in SHARED or it in places)


def _pods(look: Look, place: Place) -> set[str]:
    """The pods concerned: the given one, those behind the Service, or all in the namespace."""
    if not place.pod and not place.service:
        return {it.name for it in _known(look.cluster.pods) if it.namespace == place.home}
    behind = {
        backend.pod
        for endpoints in _known(look.cluster.endpoints)
        if (endpoints.namespace, endpoints.name) == (place.home, place.service)
        for backend in endpoints.backends
    }
    return behind | ({place.pod} if place.pod else set())


def _services(look: Look, place: Place) -> set[str]:
    if place.pod or place.service:
        return {place.service} if place.service else set()
    return {it.name for it in _known(look.cluster.services) if it.namespace == place.home}


def _is_of(pod: Pod, namespace: str, names: set[str]) -> bool:
    return pod.namespace == namespace and pod.name in names


def _known(items: tuple[T, ...] | Unreadable) -> tuple[T, ...]:
    """What could be read; the checks report what could not."""
    return () if isinstance(items, Unreadable) else items
