"""What the checks share: verdicts, and the exception for what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from kuryr_runbook.model.findings import Status, Verdict, Victim
from kuryr_runbook.model.support import Objection
from kuryr_runbook.snapshots.cluster.objects import Pod, Service
from kuryr_runbook.snapshots.reading import Unreadable

T = TypeVar("T")

SHOWN = 5
"""How many of several items a text names."""


class CouldNotLook(Exception):  # noqa: N818 - it is not an error: it becomes an unknown
    """Something that a check needs was not read; the check ends as unknown."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.remedy = remedy


def readable(value: T | Unreadable) -> T:
    """The value. Raises CouldNotLook if it could not be read."""
    if isinstance(value, Unreadable):
        raise CouldNotLook(value.reason, value.remedy)
    return value


def each(asks: Iterable[Callable[[], Iterable[T]]]) -> Iterator[T | CouldNotLook]:
    """What each of them yields; one that raises CouldNotLook does not prevent the others."""
    for ask in asks:
        try:
            yield from ask()
        except CouldNotLook as unseen:
            yield unseen


def passed(evidence: str) -> Verdict:
    """Everything is as it should be."""
    return Verdict(status=Status.PASS, evidence=evidence)


def failed(evidence: str, remedy: str, *victims: Victim) -> Verdict:
    """Something is wrong, and what to do."""
    return Verdict(status=Status.FAIL, evidence=evidence, remedy=remedy, victims=victims)


def warned(evidence: str, remedy: str, *victims: Victim) -> Verdict:
    """Something may not work, and what to check."""
    return Verdict(status=Status.WARN, evidence=evidence, remedy=remedy, victims=victims)


def skipped(evidence: str) -> Verdict:
    """The check does not apply, and why."""
    return Verdict(status=Status.SKIP, evidence=evidence)


def objected(objection: Objection) -> Verdict:
    """Something does not work together with the release."""
    return Verdict(
        status=objection.status,
        evidence=f"{objection.subject}: {objection.evidence}",
        remedy=objection.remedy,
    )


def pod_victim(pod: Pod) -> Victim:
    """A pod as a victim."""
    return Victim("pod", pod.name, pod.namespace, pod.node)


def service_victim(service: Service) -> Victim:
    """A Service as a victim."""
    return Victim("service", service.name, service.namespace)


def node_victim(name: str) -> Victim:
    """A node as a victim."""
    return Victim("node", name, node=name)


def phase(name: str) -> str:
    """The command that runs a phase again."""
    return f"kuryr-runbook run --site FILE --only {name}"


def some(items: Sequence[str]) -> str:
    """The first few of several texts, and the number of the others."""
    more = [f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return "; ".join([*items[:SHOWN], *more])


POD_EFFECTS = frozenset({"pod-unhandled", "pod-interface-inactive"})
SERVICE_EFFECTS = frozenset(
    {"balancer-missing", "listener-missing", "members-differ", "external-address"}
)
CONTROLLER_EFFECTS = POD_EFFECTS | SERVICE_EFFECTS | {"stuck-finalizers"}
"""The effects if the controller fails."""
DAEMON_EFFECTS = frozenset({"node-ready", "pod-plugged"})
"""The effects if a daemon fails, on its node."""
