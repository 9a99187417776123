"""What the ends of Kuryr's logs say, where something is wrong that it explains.

A line may be old, and what it tells of mended: alone it is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth
from kuryr_runbook.checking.questions.signs import CONTROLLER_SIGNS, DAEMON_SIGNS, Sign
from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.snapshots.cluster.programs import ProgramPod
from kuryr_runbook.snapshots.reading import Unreadable


@Check(
    "controller-log",
    "The controller's log tells of nothing that explains a trouble",
    "kuryr-kubernetes: what it logs; seen with stein and 2024.1",
    depth=Depth.SAID,
    region=Region.PROGRAMS,
)
def check_controller_log(look: Look) -> Iterator[Cause]:
    """Credentials, certificates, roles, quotas: what no list of resources shows."""
    for sign, found in _signs(look, look.programs.controllers, CONTROLLER_SIGNS):
        pod, line = found[-1]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {pod.name} said: {line}",
            remedy=sign.remedy,
            explains=sign.explains,
            is_hint=True,
            fixes=_fixes(sign),
        )


@Check(
    "daemon-log",
    "The daemons' logs tell of nothing that explains a trouble",
    "kuryr-kubernetes, cni/: what it logs; pyroute2 raises KeyError for an interface",
    depth=Depth.SAID,
    region=Region.PROGRAMS,
)
def check_daemon_log(look: Look) -> Iterator[Cause]:
    """Only the logs of daemons in trouble were read, and of those on nodes where pods hang."""
    for sign, found in _signs(look, look.programs.daemons, DAEMON_SIGNS):
        pod, line = found[-1]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {pod.name} on {pod.node} said: {line}",
            remedy=sign.remedy,
            nodes=frozenset(pod.node for pod, _ in found),
            explains=sign.explains,
            is_hint=True,
            fixes=_fixes(sign),
        )


def _fixes(sign: Sign) -> tuple[PhaseFix, ...]:
    return (PhaseFix(sign.mender),) if sign.mender else ()


def _signs(
    look: Look, pods: Iterable[ProgramPod], signs: tuple[Sign, ...]
) -> Iterator[tuple[Sign, list[tuple[ProgramPod, str]]]]:
    """Each sign that is seen and that nothing else answers, with the lines, the last one last."""
    seen: dict[Sign, list[tuple[ProgramPod, str]]] = {}
    for pod in pods:
        if isinstance(pod.log, Unreadable):
            raise CouldNotLook(f"log of {pod.name}: {pod.log.reason}", pod.log.remedy)
        for line in pod.log:
            sign = next((sign for sign in signs if sign.pattern.search(line)), None)
            if sign is not None:
                seen.setdefault(sign, []).append((pod, line))
    for sign in signs:
        if sign in seen and not sign.is_answered(look):
            yield sign, seen[sign]
