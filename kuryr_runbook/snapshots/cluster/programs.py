"""Kuryr's own programs in the cluster: controller and daemons, with their latest log records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.objects import is_ready
from kuryr_runbook.snapshots.logs import LogRecord, notable_records
from kuryr_runbook.snapshots.parsing import number, part, parts, text, time
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON

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
class Place:
    """Where a program of Kuryr's is in the cluster."""

    kind: str
    namespace: str
    name: str
    selector: str
    """The labels of its pods; empty: it is a pod itself."""
    container: str = ""
    """The one whose log is read; empty: the only one."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return self.kind, self.namespace, self.name

    @property
    def argument(self) -> str:
        """For a command of kubectl."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def pods(self) -> str:
        """Its pods, for a command of kubectl."""
        return f"pod -l {self.selector}" if self.selector else f"pod {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where both are."""

    controller: Place
    daemon: Place


def own_places(site: Site) -> Places:
    """Where phases 03 and 04 put them."""
    home = site.kubernetes.namespace
    return Places(
        controller=Place(
            kind="Deployment", namespace=home, name=CONTROLLER, selector=f"name={CONTROLLER}"
        ),
        daemon=Place(kind="DaemonSet", namespace=home, name=DAEMON, selector=f"name={DAEMON}"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Kuryr in the cluster."""

    replicas: int | None
    """How many controllers there should be; None: there is no Deployment."""
    daemon_set: bool
    controllers: tuple[ProgramPod, ...]
    daemons: tuple[ProgramPod, ...]
    places: Places | None = None
    """Where somebody else put them; None: the runbook did."""


def read_programs(
    site: Site, cluster: KubernetesReader, nodes: frozenset[str], places: Places | None = None
) -> Programs:
    """Read them, with the logs of the controller, and of daemons on `nodes` or not ready.

    `places`: where they are, if the runbook did not put them there.
    """
    where = places or own_places(site)
    controller = cluster.get(_reference(where.controller))
    daemon_set = cluster.get(_reference(where.daemon))
    controllers = _pods(cluster, where.controller, controller)
    daemons = _pods(cluster, where.daemon, daemon_set)
    suspects = [pod for pod in daemons if not is_ready(pod)]
    suspects += [pod for pod in daemons if is_ready(pod) and _node(pod) in nodes]
    read = {_name(pod) for pod in (*controllers, *suspects[:LOGS]) if _has_run(pod)}
    # A pod of its own is one replica of itself.
    replicas = number(part(controller, "spec").get("replicas", 1))

    def seen(pod: Manifest, place: Place) -> ProgramPod:
        log: tuple[LogRecord, ...] | Unreadable = ()
        if _name(pod) in read:
            log = attempted(lambda: _log(cluster, place, _name(pod)))
        return program_pod(pod, log)

    return Programs(
        replicas=None if controller is None else replicas,
        daemon_set=daemon_set is not None,
        controllers=tuple(seen(pod, where.controller) for pod in controllers),
        daemons=tuple(seen(pod, where.daemon) for pod in daemons),
        places=places,
    )


def program_pod(pod: Manifest, log: tuple[LogRecord, ...] | Unreadable = ()) -> ProgramPod:
    """One of Kuryr's pods, from its manifest."""
    running = parts(part(pod, "status"), "containerStatuses")
    containers = [*parts(part(pod, "status"), "initContainerStatuses"), *running]
    ends = [time(part(it, "lastState", "terminated").get("finishedAt")) for it in containers]
    return ProgramPod(
        name=_name(pod),
        node=_node(pod),
        ready=is_ready(pod),
        reason="" if is_ready(pod) else _reason(pod, containers),
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


def _pods(cluster: KubernetesReader, place: Place, itself: Manifest | None) -> list[Manifest]:
    if place.kind == "Pod":
        return [] if itself is None else [itself]
    return list(cluster.each_object("v1", "Pod", namespace=place.namespace, labels=place.selector))


def _log(cluster: KubernetesReader, place: Place, pod: str) -> tuple[LogRecord, ...]:
    found = cluster.log(place.namespace, pod, lines=LINES, container=place.container)
    return notable_records(found.splitlines())


def _reference(place: Place) -> Manifest:
    version = "v1" if place.kind == "Pod" else "apps/v1"
    name = {"name": place.name, "namespace": place.namespace}
    return {"apiVersion": version, "kind": place.kind, "metadata": name}


def _has_run(pod: Manifest) -> bool:
    """Whether there is a log: for a container that never started, reading it is an error."""
    return any(
        "running" in part(status, "state")
        or part(status, "state", "terminated")
        or part(status, "lastState", "terminated")
        for status in parts(part(pod, "status"), "containerStatuses")
    )


def _name(pod: Manifest) -> str:
    return text(part(pod, "metadata"), "name")


def _node(pod: Manifest) -> str:
    return text(part(pod, "spec"), "nodeName")
