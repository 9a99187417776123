"""Records in Kuryr's logs that explain a problem.

A record may be old, and its problem fixed: alone it is not a finding. It only explains problems
that began after it, and none that something newer explains.
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
"""Seconds by which the clocks of nodes and API server may differ."""
REPEATED = timedelta(minutes=10)
"""Kuryr repeats what fails, and logs it: after 3 minutes at the latest it gives up and starts again
(kuryr-kubernetes, handlers/retry.py). An older record is no longer current; only what Kuryr does
once, when it learns of an object or starts, may have failed long ago."""


@Check(
    "controller-log",
    "The controller's log has nothing that explains a problem",
    "kuryr-kubernetes: what it logs and raises, from stein to 2024.1",
    depth=Depth.SAID,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "controller cannot start: wrong CA, login refused, an option, a handler or the "
            "token missing",
            "the same, and the pod restarts",
            "`controller-log` with the line; without such a line `controller-ready`",
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
    """Problems with credentials, certificates, roles or quotas, which no list shows."""
    works = any(pod.ready for pod in look.programs.controllers if not pod.going)
    for sign, lines in _signs(look, look.programs.controllers, CONTROLLER_SIGNS):
        last = lines[-1]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {last.pod.name} logged: {last.record}",
            remedy=sign.remedy,
            explains=sign.explains,
            is_hint=True,
            reaches=_reach(look, lines) if works else None,
            fixes=_fixes(sign),
        )


@Check(
    "daemon-log",
    "The daemons' logs have nothing that explains a problem",
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
    """Only the logs of daemons with problems were read, and of those on nodes where pods hang."""
    for sign, lines in _signs(look, look.programs.daemons, DAEMON_SIGNS):
        last = lines[-1]
        works = all(line.pod.ready for line in lines)
        yield Cause(
            status=Status.FAIL,
            evidence=f"{sign.means}; {last.pod.name} on {last.pod.node} logged: {last.record}",
            remedy=sign.remedy,
            nodes=frozenset(line.pod.node for line in lines),
            explains=sign.explains,
            is_hint=True,
            reaches=_reach(look, lines) if works else None,
            fixes=_fixes(sign),
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """A record and the pod that logged it."""

    pod: ProgramPod
    record: LogRecord


def _reach(look: Look, lines: list[_Line]) -> Callable[[Victim], bool]:
    """Whether lines of a working program may explain a victim's problem, by their times."""

    def could_be(line: _Line, victim: Victim) -> bool:
        time, now = line.record.time, look.taken_at
        # A line without a time may be from any; a future time is in another time zone.
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
    return (PhaseFix(sign.fixing_phase),) if sign.fixing_phase else ()


def _signs(
    look: Look, pods: Iterable[ProgramPod], signs: tuple[Sign, ...]
) -> Iterator[tuple[Sign, list[_Line]]]:
    """Each sign that is seen and that no current check covers, with its lines in order."""
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
    """Whether the running process logged it, or else the last one."""
    return pod.started is None or record.time is None or record.time >= pod.started - SKEW


CONTROLLER_SIGNS: tuple[Sign, ...] = (*cloud.CLOUD, *programs.CONTROLLER, *apis.CONTROLLER)
DAEMON_SIGNS: tuple[Sign, ...] = (*plugging.PLUGGING, *programs.DAEMON, *apis.DAEMON)
