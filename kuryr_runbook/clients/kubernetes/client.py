"""The cluster's API by way of the dynamic client: plain dicts in and out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.clients.kubernetes.errors import (
    CHANGED_MEANWHILE,
    FORGOTTEN,
    ConflictError,
    FieldConflict,
)
from kuryr_runbook.clients.kubernetes.exec import Executed, execute_in_pod
from kuryr_runbook.clients.kubernetes.session import REQUEST_SECONDS, KubernetesSession
from kuryr_runbook.clients.kubernetes.watch import Watched, follow
from kuryr_runbook.clients.patience import TRANSIENT, Notify, looks
from kuryr_runbook.model.errors import DeadlineError

Manifest = dict[str, Any]

FIELD_MANAGER = "kuryr-runbook"
PAGE = 500
"""How many objects one answer of a list may hold; kubectl asks for as many."""
GONE_SECONDS = 180.0
"""How long a deleted object may take: its pods' grace, and the kubelet's own pace."""
SILENT_SECONDS = 5.0
"""How long after its end a watch may be silent; then its connection is taken for lost."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying a manifest would make of the object."""

    result: Manifest
    conflicts: tuple[FieldConflict, ...] = ()
    """What would have to be taken from other managers."""


class KubernetesReader(Protocol):
    """What planning and checking may do to a cluster: look."""

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call but for paging; `labels` is a label selector."""

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Manifest]:
        """The same one after the other, of which only a page is held; `fields` is a field selector.

        Raises ApplyError when reading took so long that the API server forgot where it was.
        """

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None when there is none."""

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        """What applying the manifest would make of the object (dryRun=All: nothing changes)."""

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""


class KubernetesWriter(Protocol):
    """What applying does to a cluster."""

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Manifest:
        """Server-side apply. Raises DriftError when another holds a field, unless forced."""

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; fine when it is."""

    def change_finalizers(
        self,
        manifest: Mapping[str, Any],
        *,
        added: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        """Add and remove finalizers of the object, whoever set them; fine when it is gone."""


class KubernetesClient:
    """A connection to a cluster; satisfies KubernetesReader and KubernetesWriter.

    Safe to be used by several threads. What may be asked again is asked again, until a deadline;
    `notify` gets a line each time.
    """

    def __init__(
        self,
        kubeconfig: Path | None = None,
        context: str | None = None,
        notify: Notify = lambda line: None,
    ) -> None:
        """Nothing is sent yet. Raises UsageError when the kubeconfig cannot be used."""
        self.session = KubernetesSession(kubeconfig, context, notify)
        self._notify = notify

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        return self.session.version

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call but for paging; `labels` is a label selector."""
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
        """The same one after the other, of which only a page is held; `fields` is a field selector.

        Raises ApplyError when reading took so long that the API server forgot where it was.
        """
        further = ""
        while True:

            def ask(further: str = further) -> Any:
                return self.session.resource(api_version, kind).get(
                    namespace=namespace,
                    label_selector=labels or None,
                    field_selector=fields or None,
                    limit=PAGE,
                    _continue=further or None,
                    serialize=False,
                    _request_timeout=REQUEST_SECONDS,
                )

            page = json.loads(self.session.ask(f"list {kind}", ask).data)
            for item in page["items"]:
                yield {"apiVersion": api_version, "kind": kind, **item}
            further = page.get("metadata", {}).get("continue", "")
            if not further:
                return

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None when there is none."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = _place(manifest)

        def ask() -> Any:
            try:
                return self.session.resource(manifest["apiVersion"], manifest["kind"]).get(
                    name=name,
                    namespace=namespace,
                    serialize=False,
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return None

        answer = self.session.ask(f"get {manifest['kind']} {name}", ask)
        return None if answer is None else dict(json.loads(answer.data))

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        """What applying the manifest would make of the object (dryRun=All: nothing changes)."""
        try:
            return Preview(self._apply(manifest, force=False, dry_run="All"))
        except ConflictError as error:
            forced = self._apply(manifest, force=True, dry_run="All")
            return Preview(forced, error.conflicts)

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Manifest:
        """Server-side apply. Raises DriftError when another holds a field, unless forced."""
        return self._apply(manifest, force=force)

    def _apply(self, manifest: Mapping[str, Any], *, force: bool, **options: str) -> Manifest:
        name, namespace = _place(manifest)

        def ask() -> Any:
            resource = self.session.resource(manifest["apiVersion"], manifest["kind"])
            return resource.server_side_apply(
                body=dict(manifest),
                name=name,
                namespace=namespace,
                field_manager=FIELD_MANAGER,
                force_conflicts=force,
                serialize=False,
                _request_timeout=REQUEST_SECONDS,
                **options,
            )

        answer = self.session.ask(f"apply {manifest['kind']} {name}", ask)
        return dict(json.loads(answer.data))

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; fine when it is."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = _place(manifest)

        def ask() -> bool:
            try:
                self.session.resource(manifest["apiVersion"], manifest["kind"]).delete(
                    name=name,
                    namespace=namespace,
                    body={"propagationPolicy": "Foreground"},
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return False
            return True

        if self.session.ask(f"delete {manifest['kind']} {name}", ask):
            self._wait_gone(manifest)

    def change_finalizers(
        self,
        manifest: Mapping[str, Any],
        *,
        added: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        """Add and remove finalizers of the object, whoever set them; fine when it is gone.

        A patch replaces the whole list, and others may change it meanwhile. So the API server is
        told from which version of the object it was computed, and refuses it (409) when that is
        not the last one: then it is computed anew.
        """
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = _place(manifest)

        def ask() -> None:
            live = self.get(manifest)
            if live is None:
                return
            before = live["metadata"].get("finalizers", [])
            kept = [item for item in before if item not in removed]
            after = [*kept, *(item for item in added if item not in kept)]
            version = live["metadata"]["resourceVersion"]
            if after == before:
                return
            with suppress(NotFoundError):
                self.session.resource(manifest["apiVersion"], manifest["kind"]).patch(
                    name=name,
                    namespace=namespace,
                    body={"metadata": {"finalizers": after, "resourceVersion": version}},
                    content_type="application/merge-patch+json",
                    _request_timeout=REQUEST_SECONDS,
                )

        doing = f"change the finalizers of {manifest['kind']} {name}"
        self.session.ask(doing, ask, {*TRANSIENT, CHANGED_MEANWHILE})

    def _wait_gone(self, manifest: Mapping[str, Any]) -> None:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for _ in looks(f"{name} to be gone", seconds=GONE_SECONDS, notify=self._notify):
            if self.get(manifest) is None:
                return
        raise DeadlineError(
            f"{name} was not gone in {GONE_SECONDS:.0f} s",
            remedy="see its finalizers and pods: kubectl get -o yaml; then run again",
        )

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""
        from kubernetes.client import CoreV1Api

        def ask() -> str:
            return str(
                CoreV1Api(self.session.api).read_namespaced_pod_log(
                    pod,
                    namespace,
                    container=container or None,
                    tail_lines=lines,
                    _request_timeout=REQUEST_SECONDS,
                )
            )

        return self.session.ask(f"log of pod {namespace}/{pod}", ask)

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Run a command in the pod's first container. Raises ApplyError past the deadline."""
        settings = self.session.api.configuration
        return execute_in_pod(settings, namespace, pod, command, seconds=seconds)

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
        """The objects of a kind by name, followed as `kubernetes_watch.follow` does it."""

        from kubernetes.watch import Watch

        def listed() -> list[Manifest]:
            return self.list_objects(api_version, kind, namespace=namespace, labels=labels)

        def events(left: int) -> Iterator[dict[str, Any]]:
            resource = self.session.resource(api_version, kind)
            with self.session.passing(f"watch {kind}", {*TRANSIENT, FORGOTTEN}):
                # The dynamic client's own way to watch waits for a silent server without end.
                yield from Watch().stream(
                    resource.get,
                    serialize=False,
                    namespace=namespace,
                    label_selector=labels or None,
                    timeout_seconds=left,
                    _request_timeout=left + SILENT_SECONDS,
                )

        return follow(Watched(listed, events), seconds=seconds, until=until)


def _place(manifest: Mapping[str, Any]) -> tuple[str, str | None]:
    metadata = manifest["metadata"]
    return metadata["name"], metadata.get("namespace")
