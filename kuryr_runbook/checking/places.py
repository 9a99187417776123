"""The pods and Services to which a path can be drawn, those with findings first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.picture.marks import natural
from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import GRAVITY, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A pod or a Service."""

    name: str
    status: Status
    """Of its gravest finding; pass: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Those of a namespace."""

    pods: tuple[Target, ...] = ()
    services: tuple[Target, ...] = ()

    @property
    def findings(self) -> int:
        """How many of them have findings."""
        return sum(it.status is not Status.PASS for it in (*self.pods, *self.services))


def places_of(look: Look) -> dict[str, Targets]:
    """By namespace, those with most findings first. What could not be read is left out."""
    gravest = _gravest(look)

    def targets(kind: str, names: Iterable[str], namespace: str) -> tuple[Target, ...]:
        found = (
            Target(name=name, status=gravest.get((kind, namespace, name), Status.PASS))
            for name in names
        )
        return tuple(sorted(found, key=lambda it: (GRAVITY.index(it.status), natural(it.name))))

    pods, services = _names(look, _pods), _names(look, _services)
    found = {
        namespace: Targets(
            pods=targets("pod", pods.get(namespace, ()), namespace),
            services=targets("service", services.get(namespace, ()), namespace),
        )
        for namespace in pods.keys() | services.keys()
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1].findings, item[0])))


def _gravest(look: Look) -> Mapping[tuple[str, str, str], Status]:
    found: dict[tuple[str, str, str], Status] = {}
    for finding in check_diagnosis(look):
        if finding.status not in (Status.PASS, Status.SKIP):
            for victim in finding.victims:
                key = (victim.kind, victim.namespace, victim.name)
                statuses = (found.get(key, finding.status), finding.status)
                found[key] = min(statuses, key=GRAVITY.index)
    return found


def _names(look: Look, see: Callable[[Look], Iterator[tuple[str, str]]]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    try:
        for namespace, name in see(look):
            names[namespace].append(name)
    except CouldNotLook:
        return {}
    return names


def _pods(look: Look) -> Iterator[tuple[str, str]]:
    return ((it.namespace, it.name) for it in look.all_pods if not it.is_finished)


def _services(look: Look) -> Iterator[tuple[str, str]]:
    return ((it.namespace, it.name) for it in look.all_services)
