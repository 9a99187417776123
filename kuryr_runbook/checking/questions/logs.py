"""What Kuryr's logs say, where something is wrong that it explains.

A line may be old, and what it tells of mended: alone it is no finding. It explains what came into
trouble after it was said, and not what something newer complains of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.signs import apis, cloud, plugging, programs
from kuryr_runbook.checking.signs.sign import Sign, sign_of
from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.snapshots.cluster.programs import ProgramPod
from kuryr_runbook.snapshots.logs import LogRecord
from kuryr_runbook.snapshots.reading import Unreadable

SKEW = timedelta(seconds=60)
"""By how much the clocks of nodes and API server may differ."""
REPEATED = timedelta(minutes=10)
"""Kuryr tries again what fails, and says so: after 3 minutes at the latest it gives up and starts
anew (kuryr-kubernetes, handlers/retry.py). What it said last before that, it does not say now;
only what it does once, as it hears of an object or starts, may have failed long ago."""


@Check(
    "controller-log",
    "The controller's log tells of nothing that explains a trouble",
    "kuryr-kubernetes: what it logs and raises, from stein to 2024.1",
    depth=Depth.SAID,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "controller cannot start: wrong CA, login refused, an option, a handler or the "
            "token missing",
            "the same, and the pod restarts",
            "`controller-log` with the line; without a telling line `controller-ready`",
        ),
        Fault(
            "a role was revoked",
            "new pods or services hang, the controller is ready",
            "`controller-log`: 403",
        ),
        Fault(
            "service account's token expired (Kubernetes 1.21 on)",
            "nothing new works after some months",
            "`controller-log`: 401",
        ),
    ),
)
def check_controller_log(look: Look) -> Iterator[Cause]:
    """Credentials, certificates, roles, quotas: what no list of resources shows."""
    works = any(pod.ready for pod in look.programs.controllers if not pod.going)
    for sign, lines in _signs(look, look.programs.controllers, CONTROLLER_SIGNS):
        last = lines[-1]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {last.pod.name} said: {last.record}",
            remedy=sign.remedy,
            explains=sign.explains,
            is_hint=True,
            reaches=_reach(look, lines) if works else None,
            fixes=_fixes(sign),
        )


@Check(
    "daemon-log",
    "The daemons' logs tell of nothing that explains a trouble",
    "kuryr-kubernetes, cni/: what it logs and raises, from stein to 2024.1; pyroute2",
    depth=Depth.SAID,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "wrong `link_iface`",
            "pods hang: `CNI Daemon returned error 500`",
            "`daemon-log`: KeyError with the name; without the log `pod-plugged`",
        ),
    ),
)
def check_daemon_log(look: Look) -> Iterator[Cause]:
    """Only the logs of daemons in trouble were read, and of those on nodes where pods hang."""
    for sign, lines in _signs(look, look.programs.daemons, DAEMON_SIGNS):
        last = lines[-1]
        works = all(line.pod.ready for line in lines)
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {last.pod.name} on {last.pod.node} said: {last.record}",
            remedy=sign.remedy,
            nodes=frozenset(line.pod.node for line in lines),
            explains=sign.explains,
            is_hint=True,
            reaches=_reach(look, lines) if works else None,
            fixes=_fixes(sign),
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """What a program said."""

    pod: ProgramPod
    record: LogRecord


def _reach(look: Look, lines: list[_Line]) -> Callable[[Victim], bool]:
    """Whether lines of a program that works may explain somebody's trouble, by their times."""

    def could_be(line: _Line, victim: Victim) -> bool:
        time, now = line.record.time, look.taken_at
        # What has no time may be of any; one that is to come was written in another zone.
        if time is None or time > now + SKEW:
            return True
        born, complained = look.born.get(str(victim)), look.complained.get(str(victim))
        if born is not None and time < born - SKEW:
            return False
        if complained is not None:
            return time >= complained - REPEATED
        begins = (it for it in (born, line.pod.started) if it is not None)
        is_recent = time >= now - REPEATED
        return born is None or is_recent or any(time <= it + REPEATED for it in begins)

    return lambda victim: any(could_be(line, victim) for line in lines)


def _fixes(sign: Sign) -> tuple[PhaseFix, ...]:
    return (PhaseFix(sign.mender),) if sign.mender else ()


def _signs(
    look: Look, pods: Iterable[ProgramPod], signs: tuple[Sign, ...]
) -> Iterator[tuple[Sign, list[_Line]]]:
    """Each sign that is seen and that nothing else answers, with the lines, the last one last."""
    seen: dict[str, list[_Line]] = {}
    for pod in pods:
        if isinstance(pod.log, Unreadable):
            raise CouldNotLook(f"log of {pod.name}: {pod.log.reason}", pod.log.remedy)
        for record in pod.log:
            sign = sign_of(record, signs) if _is_of_now(record, pod) else None
            if sign is not None:
                seen.setdefault(sign.name, []).append(_Line(pod, record))
    for sign in signs:
        if sign.name in seen and not sign.is_answered(look):
            yield sign, seen[sign.name]


def _is_of_now(record: LogRecord, pod: ProgramPod) -> bool:
    """Whether the process that runs said it, or the one that ran last."""
    return pod.started is None or record.time is None or record.time >= pod.started - SKEW


CONTROLLER_SIGNS: tuple[Sign, ...] = (*cloud.CLOUD, *programs.CONTROLLER, *apis.CONTROLLER)
DAEMON_SIGNS: tuple[Sign, ...] = (*plugging.PLUGGING, *programs.DAEMON, *apis.DAEMON)
