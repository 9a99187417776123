"""The cluster's API by way of the dynamic client: plain dicts in and out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from kuryr_runbook.clients.kubernetes_connection import connect
from kuryr_runbook.clients.kubernetes_errors import (
    ConflictError,
    FieldConflict,
    is_transient,
    ours,
    pause_asked,
)
from kuryr_runbook.clients.patience import Notify, TransientError, patiently
from kuryr_runbook.model.errors import (
    ApplyError,
    DeadlineError,
    RunbookError,
    UnreachableError,
)

Manifest = dict[str, Any]
T = TypeVar("T")

FIELD_MANAGER = "kuryr-runbook"
REQUEST_SECONDS = 40
"""How long one answer may take."""
PATIENCE_SECONDS = 120.0
"""How long an answer that may change is asked for."""
PAGE = 500
"""How many objects one answer of a list may hold; kubectl asks for as many."""
GONE_SECONDS = 180.0
"""How long a deleted object may take: its pods' grace, and the kubelet's own pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What came of a command in a container."""

    status: int
    output: str
    """stdout and stderr, as they came."""


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

    def set_finalizers(self, manifest: Mapping[str, Any], finalizers: Sequence[str]) -> None:
        """Make these the object's finalizers, whoever set them; fine when it is gone."""


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
        self._api = connect(kubeconfig, context)
        self._notify = notify
        self._answered = False
        self._dynamic: Any = None
        self._discovery = Lock()

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        from kubernetes.client import VersionApi

        def ask() -> str:
            return str(VersionApi(self._api).get_code(_request_timeout=REQUEST_SECONDS).git_version)

        return self._ask("GET /version", ask)

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
                return self._resource(api_version, kind).get(
                    namespace=namespace,
                    label_selector=labels or None,
                    field_selector=fields or None,
                    limit=PAGE,
                    _continue=further or None,
                    serialize=False,
                    _request_timeout=REQUEST_SECONDS,
                )

            page = json.loads(self._ask(f"list {kind}", ask).data)
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
                return self._resource(manifest["apiVersion"], manifest["kind"]).get(
                    name=name,
                    namespace=namespace,
                    serialize=False,
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return None

        answer = self._ask(f"get {manifest['kind']} {name}", ask)
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
            return self._resource(manifest["apiVersion"], manifest["kind"]).server_side_apply(
                body=dict(manifest),
                name=name,
                namespace=namespace,
                field_manager=FIELD_MANAGER,
                force_conflicts=force,
                serialize=False,
                _request_timeout=REQUEST_SECONDS,
                **options,
            )

        answer = self._ask(f"apply {manifest['kind']} {name}", ask)
        return dict(json.loads(answer.data))

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; fine when it is."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = _place(manifest)

        def ask() -> bool:
            try:
                self._resource(manifest["apiVersion"], manifest["kind"]).delete(
                    name=name,
                    namespace=namespace,
                    body={"propagationPolicy": "Foreground"},
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return False
            return True

        if self._ask(f"delete {manifest['kind']} {name}", ask):
            self._wait_gone(manifest)

    def set_finalizers(self, manifest: Mapping[str, Any], finalizers: Sequence[str]) -> None:
        """Make these the object's finalizers, whoever set them; fine when it is gone."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = _place(manifest)

        def ask() -> None:
            with suppress(NotFoundError):
                self._resource(manifest["apiVersion"], manifest["kind"]).patch(
                    name=name,
                    namespace=namespace,
                    body={"metadata": {"finalizers": list(finalizers)}},
                    content_type="application/merge-patch+json",
                    _request_timeout=REQUEST_SECONDS,
                )

        self._ask(f"set the finalizers of {manifest['kind']} {name}", ask)

    def _wait_gone(self, manifest: Mapping[str, Any]) -> None:
        end = time.monotonic() + GONE_SECONDS
        while time.monotonic() < end:
            if self.get(manifest) is None:
                return
            time.sleep(0.3)
        raise DeadlineError(
            f"{manifest['kind']} {manifest['metadata']['name']} was not gone in "
            f"{GONE_SECONDS:.0f} s",
            remedy="see its finalizers and pods: kubectl get -o yaml; then run again",
        )

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""
        from kubernetes.client import CoreV1Api

        def ask() -> str:
            return str(
                CoreV1Api(self._api).read_namespaced_pod_log(
                    pod,
                    namespace,
                    container=container or None,
                    tail_lines=lines,
                    _request_timeout=REQUEST_SECONDS,
                )
            )

        return self._ask(f"log of pod {namespace}/{pod}", ask)

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Run a command in the pod's first container. Raises ApplyError past the deadline."""
        from kubernetes.client import CoreV1Api
        from kubernetes.stream import stream

        with ours(f"exec in pod {namespace}/{pod}"):
            # The stream helper swaps the client's transport: a client of its own for each call.
            channel = stream(
                CoreV1Api(self._copy()).connect_get_namespaced_pod_exec,
                pod,
                namespace,
                command=command,
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                _preload_content=False,
                _request_timeout=REQUEST_SECONDS,
            )
            try:
                channel.run_forever(timeout=seconds)
                # Before read_all(), which forgets the channel that carries the status.
                status = _exit_status(channel, f"exec in pod {namespace}/{pod}")
                output = channel.read_all()
            finally:
                channel.close()
                # close() leaves the socket open when the server was the first to close.
                channel.sock.shutdown()
        if status is None:
            raise ApplyError(
                f"the command in pod {namespace}/{pod} did not end in {seconds:.0f} s; "
                f"it said: {output[-300:]}"
            )
        return Executed(status=status, output=output)

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
        """Follow the objects of a kind until `until` says so, or for that many seconds.

        `until` gets the objects by name, at first and after every change. Returns the last that
        was seen, whether or not `until` was content: the caller asks it again.
        """
        end = time.monotonic() + seconds
        while True:
            listed = self.list_objects(api_version, kind, namespace=namespace, labels=labels)
            seen = {item["metadata"]["name"]: item for item in listed}
            if until(seen):
                return seen
            for event in self._events(api_version, kind, namespace, labels, end):
                name = event["raw_object"]["metadata"]["name"]
                if event["type"] == "DELETED":
                    seen.pop(name, None)
                else:
                    seen[name] = event["raw_object"]
                if until(seen):
                    return seen
            if time.monotonic() >= end:
                return seen

    def _events(
        self, api_version: str, kind: str, namespace: str | None, labels: str, end: float
    ) -> Iterator[dict[str, Any]]:
        # Short watches, each after a new list: an expired or cut watch then costs a second.
        left = min(10, max(1, int(end - time.monotonic())))
        with ours(f"watch {kind}"):
            yield from self._resource(api_version, kind).watch(
                namespace=namespace, label_selector=labels or None, timeout=left
            )

    def _copy(self) -> Any:
        from kubernetes.client import ApiClient

        return ApiClient(self._api.configuration)

    def _resource(self, api_version: str, kind: str) -> Any:
        from kubernetes.dynamic import DynamicClient

        # Discovery keeps its findings in a file, which two threads must not write at once.
        with self._discovery:
            if self._dynamic is None:
                self._dynamic = DynamicClient(self._api)
            return self._dynamic.resources.get(api_version=api_version, kind=kind)

    def _ask(self, doing: str, ask: Callable[[], T]) -> T:
        """What `ask` gives, asked again where the answer may change. Raises errors of ours."""

        def attempt() -> T:
            try:
                with ours(doing):
                    found = ask()
            except RunbookError as error:
                if self._may_change(error):
                    raise TransientError(error, pause_asked(error)) from error
                raise
            self._answered = True
            return found

        return patiently(attempt, seconds=PATIENCE_SECONDS, notify=self._notify)

    def _may_change(self, error: RunbookError) -> bool:
        # An address that has never answered is wrong rather than busy.
        lost = isinstance(error, UnreachableError) and self._answered
        return lost or is_transient(error)


def _place(manifest: Mapping[str, Any]) -> tuple[str, str | None]:
    metadata = manifest["metadata"]
    return metadata["name"], metadata.get("namespace")


def _exit_status(channel: Any, doing: str) -> int | None:
    """The command's exit status, None while it runs."""
    try:
        status: int | None = channel.returncode
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise ApplyError(
            f"{doing}: no exit status: the connection was cut, or the command could not start",
            remedy="does the pod still run? kubectl get pod, and the kubelet's log on its node",
        ) from error
    return status
