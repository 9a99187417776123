"""Kuryr's own programs in the cluster: controller and daemons, with their latest log records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.logs import LogRecord, notable_records
from kuryr_runbook.snapshots.parsing import number, part, parts, text, time
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.manifests import metadata

LOGS = 5
"""Daemons whose logs are read: the same fault causes the same records everywhere."""
LINES = 1000
"""Lines at the end of a log: a traceback has twenty to forty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramPod:
    """One of Kuryr's own pods."""

    name: str
    node: str
    ready: bool
    reason: str
    """Why it is not ready, in the cluster's terms; empty if it is."""
    restarts: int
    restarted: datetime | None
    """When one of its containers last ended."""
    started: datetime | None
    """When the process whose log is read started; None: it did not, or it is not known."""
    going: bool
    """Whether it is being deleted."""
    log: tuple[LogRecord, ...] | Unreadable
    """Warnings and errors at the end of its log; also empty if there was no reason to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Kuryr in the cluster."""

    replicas: int | None
    """How many controllers there should be; None: there is no Deployment."""
    daemon_set: bool
    controllers: tuple[ProgramPod, ...]
    daemons: tuple[ProgramPod, ...]


def read_programs(site: Site, cluster: KubernetesReader, nodes: frozenset[str]) -> Programs:
    """Read them, with the logs of the controller, and of daemons on `nodes` or not ready."""
    deployment = cluster.get(_reference(site, "Deployment", CONTROLLER))
    daemon_set = cluster.get(_reference(site, "DaemonSet", DAEMON))
    controllers = _pods(site, cluster, CONTROLLER)
    daemons = _pods(site, cluster, DAEMON)
    suspects = [pod for pod in daemons if not _ready(pod)]
    suspects += [pod for pod in daemons if _ready(pod) and _node(pod) in nodes]
    read = {_name(pod) for pod in (*controllers, *suspects[:LOGS]) if _has_run(pod)}
    replicas = number(part(deployment, "spec").get("replicas", 1))

    def seen(pod: Manifest) -> ProgramPod:
        log: tuple[LogRecord, ...] | Unreadable = ()
        if _name(pod) in read:
            log = attempted(lambda: _log(site, cluster, _name(pod)))
        return program_pod(pod, log)

    return Programs(
        replicas=None if deployment is None else replicas,
        daemon_set=daemon_set is not None,
        controllers=tuple(map(seen, controllers)),
        daemons=tuple(map(seen, daemons)),
    )


def program_pod(pod: Manifest, log: tuple[LogRecord, ...] | Unreadable = ()) -> ProgramPod:
    """One of Kuryr's pods, from its manifest."""
    running = parts(part(pod, "status"), "containerStatuses")
    containers = [*parts(part(pod, "status"), "initContainerStatuses"), *running]
    ends = [time(part(it, "lastState", "terminated").get("finishedAt")) for it in containers]
    return ProgramPod(
        name=_name(pod),
        node=_node(pod),
        ready=_ready(pod),
        reason="" if _ready(pod) else _reason(pod, containers),
        restarts=sum(number(it.get("restartCount")) or 0 for it in containers),
        restarted=max((end for end in ends if end), default=None),
        started=min((begin for begin in map(_begin, running) if begin), default=None),
        going=bool(part(pod, "metadata").get("deletionTimestamp")),
        log=log,
    )


def _begin(container: Manifest) -> datetime | None:
    """When it started, or else the previous one, whose log the cluster shows."""
    places = (("state", "running"), ("state", "terminated"), ("lastState", "terminated"))
    return next(
        (begin for keys in places if (begin := time(part(container, *keys).get("startedAt")))), None
    )


def _reason(pod: Manifest, containers: list[Manifest]) -> str:
    for state in ("waiting", "terminated"):
        for container in containers:
            found = part(container, "state", state)
            # A completed init container is not a problem.
            if found and found.get("reason") != "Completed":
                return text(found, "reason") or state
    phase = text(part(pod, "status"), "phase")
    return "its readiness probe fails" if phase == "Running" else phase or "it is not started"


def _pods(site: Site, cluster: KubernetesReader, name: str) -> list[Manifest]:
    return list(
        cluster.each_object("v1", "Pod", namespace=site.kubernetes.namespace, labels=f"name={name}")
    )


def _log(site: Site, cluster: KubernetesReader, pod: str) -> tuple[LogRecord, ...]:
    found = cluster.log(site.kubernetes.namespace, pod, lines=LINES)
    return notable_records(found.splitlines())


def _reference(site: Site, kind: str, name: str) -> Manifest:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata(site, name)}


def _has_run(pod: Manifest) -> bool:
    """Whether there is a log: for a container that never started, reading it is an error."""
    return any(
        "running" in part(status, "state")
        or part(status, "state", "terminated")
        or part(status, "lastState", "terminated")
        for status in parts(part(pod, "status"), "containerStatuses")
    )


def _ready(pod: Manifest) -> bool:
    conditions = parts(part(pod, "status"), "conditions")
    return any(it.get("type") == "Ready" and it.get("status") == "True" for it in conditions)


def _name(pod: Manifest) -> str:
    return text(part(pod, "metadata"), "name")


def _node(pod: Manifest) -> str:
    return text(part(pod, "spec"), "nodeName")
