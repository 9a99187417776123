"""Reads a cluster with the dynamic client: plain dicts in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, cast
from urllib.parse import quote

from kuryr_runbook.clients.answers import SEE_WHAT_ANSWERS, expected, parsing, part_of
from kuryr_runbook.clients.kubernetes.api import FIELD_MANAGER, Preview
from kuryr_runbook.clients.kubernetes.errors import FORGOTTEN, ConflictError
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.kubernetes.watch import (
    Event,
    Watched,
    events_of,
    follow,
    watching,
)
from kuryr_runbook.clients.patience import TRANSIENT
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import minor_version

PAGE = 500
"""How many objects one page of a list may have; the same as kubectl's."""
MOST_PAGES = 2000
"""More than any cluster has; an endless list has to end somewhere."""
KINDS_WITH_PODS = ("Deployment", "DaemonSet", "Pod")
SECCOMP_SINCE = (1, 19)
"""Version of the first API server that knows the field `seccompProfile`."""


class ClusterReader:
    """Reads a cluster through an existing session; satisfies KubernetesReader."""

    def __init__(self, session: KubernetesSession) -> None:
        self.session = session

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        return self.session.version

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call, paged; `labels` is a label selector."""
        return list(self.each_object(api_version, kind, namespace=namespace, labels=labels))

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Manifest]:
        """The same, one by one, keeping only a page in memory; `fields` is a field selector.

        Raises ApplyError if reading took so long that the API server's list token expired.
        """
        further = ""
        for _ in range(MOST_PAGES):

            def ask(further: str = further) -> Any:
                return self.session.resource(api_version, kind).get(
                    namespace=namespace,
                    label_selector=labels or None,
                    field_selector=fields or None,
                    limit=PAGE,
                    _continue=further or None,
                    serialize=False,
                )

            doing = f"list {kind}"
            page = self.session.read(doing, ask) or {}
            for item in part_of(doing, page, "items", list):
                yield {"apiVersion": api_version, "kind": kind, **named(doing, item)}
            before, further = further, _continued(doing, page)
            if not further:
                return
            if further == before:
                break
        raise UnreachableError(
            f"list {kind}: the list does not end: there is still more after "
            f"{MOST_PAGES * PAGE} objects, or the same ones come again",
            remedy=SEE_WHAT_ANSWERS,
        )

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None if it does not exist."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = place_of(manifest)

        def ask() -> Any:
            try:
                return self.session.resource(manifest["apiVersion"], manifest["kind"]).get(
                    name=name,
                    namespace=namespace,
                    serialize=False,
                )
            except NotFoundError:
                return None

        doing = f"get {manifest['kind']} {name}"
        found = self.session.read(doing, ask)
        return None if found is None else named(doing, found)

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        """What applying the manifest would turn the object into (dryRun=All: nothing changes)."""
        try:
            return Preview(apply(self.session, manifest, force=False, dry_run="All"))
        except ConflictError as error:
            forced = apply(self.session, manifest, force=True, dry_run="All")
            return Preview(forced, error.conflicts)

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""
        # Not by the SDK's CoreV1Api: it imports the classes of all kinds, which takes a second.
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
        query = {"tailLines": lines, **({"container": container} if container else {})}
        return self.session.ask(
            f"log of pod {namespace}/{pod}", lambda: self.session.text(path, query)
        )

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        seconds: float,
        until: Callable[[dict[str, Manifest]], bool],
    ) -> dict[str, Manifest]:
        """The objects of a kind by name, followed by `watch.follow`."""

        def listed() -> list[Manifest]:
            return self.list_objects(api_version, kind, namespace=namespace, labels=labels)

        def events(left: int) -> Iterator[Event]:
            doing = f"watch {kind}"
            bounds = watching(left)

            def ask() -> Any:
                return self.session.resource(api_version, kind).get(
                    namespace=namespace,
                    label_selector=labels or None,
                    serialize=False,
                    watch=True,
                    timeout_seconds=left,
                )

            with self.session.transient_errors(doing, {*TRANSIENT, FORGOTTEN}):
                with self.session.exchange(doing, bounds):
                    answer = ask()
                # Reading is part of the exchange that made the request, and ends with it.
                with closing(answer):
                    yield from events_of(doing, answer)

        return follow(Watched(listed, events), seconds=seconds, until=until)


def apply(
    session: KubernetesSession, manifest: Mapping[str, Any], *, force: bool, **options: str
) -> Manifest:
    """Server-side apply; with dry_run="All" nothing changes."""
    name, namespace = place_of(manifest)
    has_pods = manifest["kind"] in KINDS_WITH_PODS
    body = known_to(session.version, manifest) if has_pods else dict(manifest)

    def ask() -> Any:
        resource = session.resource(manifest["apiVersion"], manifest["kind"])
        return resource.server_side_apply(
            body=body,
            name=name,
            namespace=namespace,
            field_manager=FIELD_MANAGER,
            force_conflicts=force,
            serialize=False,
            **options,
        )

    doing = f"apply {manifest['kind']} {name}"
    return named(doing, session.read(doing, ask) or {})


def known_to(version: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as that API server can read it.

    Server-side apply refuses fields that it does not know.
    """
    with parsing("GET /version"):
        if minor_version(version) >= SECCOMP_SINCE:
            return dict(manifest)
    return cast("dict[str, Any]", _without("seccompProfile", manifest))


def _without(field: str, part: object) -> object:
    if isinstance(part, Mapping):
        return {key: _without(field, item) for key, item in part.items() if key != field}
    return [_without(field, item) for item in part] if isinstance(part, list) else part


def named(doing: str, manifest: Mapping[str, Any]) -> Manifest:
    """An object from a response, which has to have a name."""
    part_of(doing, part_of(doing, manifest, "metadata", dict), "name", str)
    return dict(manifest)


def _continued(doing: str, page: Mapping[str, Any]) -> str:
    """The token for the next page; empty if there is none."""
    metadata = expected(doing, page.get("metadata") or {}, dict)
    return expected(doing, metadata.get("continue") or "", str)


def place_of(manifest: Mapping[str, Any]) -> tuple[str, str | None]:
    """Name and namespace of the object that a manifest stands for."""
    metadata = manifest["metadata"]
    return metadata["name"], metadata.get("namespace")
