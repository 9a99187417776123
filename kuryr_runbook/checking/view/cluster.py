"""The cluster's part of a snapshot for checks, with indexes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Protocol, TypeVar

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.model.releases import minor_version
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.support import gets_balancer
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.cluster.configured import Configured
from kuryr_runbook.snapshots.cluster.deployed import Program
from kuryr_runbook.snapshots.cluster.kuryr_objects import KuryrObject, vifs_of
from kuryr_runbook.snapshots.cluster.objects import Backend, Key, Life, Node, Pod, Service, Warned
from kuryr_runbook.snapshots.cluster.programs import Places, Programs, own_places
from kuryr_runbook.snapshots.cluster.state import API, ClusterState
from kuryr_runbook.snapshots.cluster.vif import Malformed, PodVif
from kuryr_runbook.snapshots.reading import Unreadable

PATIENCE = 60.0
"""Seconds for which something new may be unfinished without being reported."""
NOT_PLUGGED = "FailedCreatePodSandBox"
"""The reason of the kubelet's event about a pod that could not be plugged."""
ANY_OCTAVIA = (99, 0)
"""If Octavia's version was not read: a port that it skips then shows as a missing listener."""

T = TypeVar("T")


class Snapshot(Protocol):
    """Cluster and cloud of a site at one time, read on any occasion."""

    @property
    def taken_at(self) -> datetime:
        """When reading began."""

    @property
    def site(self) -> Site:
        """The site that they belong to."""

    @property
    def cluster(self) -> ClusterState:
        """The cluster."""

    @property
    def cloud(self) -> CloudState:
        """The cloud."""


class ClusterLook:
    """The cluster for checks. Everything raises CouldNotLook if it was not read."""

    is_patient = True
    """Whether something new may be unfinished."""
    is_ahead = False
    """Whether to look ahead: at what the run will make, and at full nodes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.site = snapshot.site
        self.taken_at = snapshot.taken_at
        self.cluster = snapshot.cluster
        self.cloud = snapshot.cloud

    def is_old(self, since: datetime | None, seconds: float = PATIENCE) -> bool:
        """Whether that was so long ago; without a date it is old."""
        if not self.is_patient:
            return True
        return since is None or (self.taken_at - since).total_seconds() > seconds

    @property
    def version(self) -> str:
        """The API server's version. Raises CouldNotLook also if it is not a valid one."""
        version = readable(self.cluster.version)
        try:
            minor_version(version)
        except ValueError as error:
            raise CouldNotLook(str(error)) from error
        return version

    @property
    def octavia_version(self) -> tuple[int, int]:
        """The highest version of Octavia's API."""
        return ANY_OCTAVIA

    @property
    def kubernetes(self) -> Service:
        """The Service of the API. Raises CouldNotLook also if there is none."""
        found = readable(self.cluster.kubernetes)
        if found is None:
            raise CouldNotLook("there is no Service default/kubernetes", "is this Kubernetes?")
        return found

    @cached_property
    def api_servers(self) -> list[str]:
        """The addresses behind it that are shown."""
        return [
            backend.address
            for endpoints in readable(self.cluster.endpoints)
            if (endpoints.namespace, endpoints.name) == API
            for backend in endpoints.backends
        ]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        return readable(self.cluster.nodes)

    @cached_property
    def programs(self) -> Programs:
        """Kuryr's own."""
        return readable(self.cluster.programs)

    @property
    def places(self) -> Places:
        """Where they are: the runbook's own places, unless somebody else's Kuryr is looked at."""
        programs = self.cluster.programs
        found = None if isinstance(programs, Unreadable) else programs.places
        return found or own_places(self.site)

    @property
    def configured(self) -> Configured:
        """What they are told to do."""
        return readable(self.cluster.configured)

    @property
    def deployed(self) -> tuple[Program, ...]:
        """What runs in the cluster, whoever installed it."""
        return readable(self.cluster.deployed)

    @cached_property
    def all_pods(self) -> tuple[Pod, ...]:
        """Including those that are finished, or being deleted."""
        return readable(self.cluster.pods)

    @cached_property
    def pods(self) -> list[Pod]:
        """Those that need an interface: scheduled, not finished, not being deleted."""
        return [
            pod
            for pod in self.all_pods
            if pod.node and not pod.is_finished and pod.life.deleted is None
        ]

    @cached_property
    def young_addresses(self) -> frozenset[str]:
        """Addresses of pods that were just created."""
        return frozenset(pod.address for pod in self.pods if not self.is_old(pod.life.made))

    @cached_property
    def leaving_addresses(self) -> frozenset[str]:
        """Addresses of pods in their grace period, or that just ended it."""
        return frozenset(
            pod.address
            for pod in self.all_pods
            if pod.life.deleted is not None and not self.is_old(pod.life.deleted)
        )

    @cached_property
    def vifs(self) -> Mapping[Key, PodVif | Malformed]:
        """The interface that Kuryr assigned to each pod."""
        notes_itself = self.site.release.vif_state.kind == "Pod"
        objects = () if notes_itself else self.kuryr_objects
        return vifs_of(self.site.release, self.all_pods if notes_itself else (), objects)

    def vif(self, pod: Pod) -> PodVif | Malformed | None:
        """The interface that Kuryr assigned to a pod."""
        return self.vifs.get((pod.namespace, pod.name))

    @cached_property
    def plugged(self) -> list[tuple[Pod, PodVif]]:
        """The pods with a readable one."""
        found = ((pod, self.vif(pod)) for pod in self.pods)
        return [(pod, vif) for pod, vif in found if isinstance(vif, PodVif)]

    @cached_property
    def kuryr_objects(self) -> tuple[KuryrObject, ...]:
        """All objects of Kuryr's own kinds."""
        return readable(self.cluster.kuryr_objects)

    @cached_property
    def all_services(self) -> tuple[Service, ...]:
        """All Services, except the API's."""
        found = readable(self.cluster.services)
        return tuple(it for it in found if (it.namespace, it.name) != API)

    @cached_property
    def services(self) -> list[Service]:
        """Those that get a load balancer from Kuryr, as soon as they have backends."""
        return [
            it
            for it in self.all_services
            if it.life.deleted is None and gets_balancer(self.site.release, it)
        ]

    @cached_property
    def _backends(self) -> Mapping[Key, list[Backend]]:
        pods_only = self.site.release.services.needs_pod_targets
        return {
            (it.namespace, it.name): [
                backend for backend in it.backends if backend.pod or not pods_only
            ]
            for it in readable(self.cluster.endpoints)
        }

    def backends(self, service: Service) -> list[Backend]:
        """The backends of a Service that Kuryr turns into members."""
        return self._backends.get((service.namespace, service.name), [])

    def backends_of(self, service: Service, port: ServicePort) -> list[Backend]:
        """Those behind one port of the Service."""
        return [
            backend
            for backend in self.backends(service)
            if (backend.port_name, backend.protocol) == (port.name, port.protocol)
        ]

    @cached_property
    def _warnings(self) -> Mapping[tuple[str, str, str], Warned]:
        """The latest warning about each object."""
        found: dict[tuple[str, str, str], Warned] = {}
        for event in readable(self.cluster.events):
            key = (event.kind, event.namespace, event.name)
            known = found.get(key)
            if known is None or _later(event, known):
                found[key] = event
        return found

    def warning(self, kind: str, namespace: str, name: str, life: Life) -> str:
        """The latest warning about an object; empty if there is none, or none was read.

        One that is older than the object was about another object of that name.
        """
        try:
            event = self._warnings.get((kind, namespace, name))
        except CouldNotLook:
            return ""
        if event is None or (event.last and life.made and event.last < life.made):
            return ""
        return f"{event.reason}: {event.message}"

    @cached_property
    def born(self) -> Mapping[str, datetime]:
        """When pods and Services were created, by their kind and name in words."""
        created = (
            *((str(pod), pod.life.made) for pod in _or_none(self.cluster.pods)),
            *((str(it), it.life.made) for it in _or_none(self.cluster.services)),
        )
        return {name: made for name, made in created if made is not None}

    @cached_property
    def complained(self) -> Mapping[str, datetime]:
        """The time of the last warning about an object, by its kind and name in words."""
        found: dict[str, datetime] = {}
        for event in _or_none(self.cluster.events):
            name = f"{event.kind.lower()} {event.namespace}/{event.name}"
            if event.last is not None:
                found[name] = max(event.last, found.get(name, event.last))
        return found

    def pod_warning(self, pod: Pod) -> str:
        """The latest warning about a pod."""
        return self.warning("Pod", pod.namespace, pod.name, pod.life)

    def is_overdue(self, pod: Pod) -> bool:
        """Whether a pod waits too long for its interface, or there is a warning already."""
        complains = self.pod_warning(pod).startswith(NOT_PLUGGED)
        return self.is_old(pod.life.made) or complains


def _or_none(found: tuple[T, ...] | Unreadable) -> tuple[T, ...]:
    """What was read; empty if it could not be, since checks that need it report that."""
    return () if isinstance(found, Unreadable) else found


def _later(event: Warned, other: Warned) -> bool:
    return event.last is not None and (other.last is None or event.last > other.last)
