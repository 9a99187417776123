"""The cluster's API by way of the dynamic client: plain dicts in and out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DeadlineError,
    DriftError,
    RunbookError,
    UnreachableError,
    UsageError,
)

Manifest = dict[str, Any]

FIELD_MANAGER = "kuryr-runbook"
REQUEST_SECONDS = 30
GONE_SECONDS = 180.0
"""How long a deleted object may take: its pods' grace, and the kubelet's own pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What came of a command in a container."""

    status: int
    output: str
    """stdout and stderr, as they came."""


class KubernetesReader(Protocol):
    """What planning and checking may do to a cluster: look."""

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call; `labels` is a label selector."""

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None when there is none."""

    def preview(self, manifest: Mapping[str, Any]) -> Manifest:
        """What applying the manifest would make of the object (dryRun=All: nothing changes)."""

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""


class KubernetesWriter(Protocol):
    """What applying does to a cluster."""

    def apply(self, manifest: Mapping[str, Any]) -> Manifest:
        """Server-side apply. Raises DriftError when another manager holds a field."""

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; fine when it is."""


class KubernetesClient:
    """A connection to a cluster; satisfies KubernetesReader and KubernetesWriter."""

    def __init__(self, kubeconfig: Path | None = None, context: str | None = None) -> None:
        """Nothing is sent yet. Raises UsageError when the kubeconfig cannot be used."""
        self._api = connect(kubeconfig, context)
        self._dynamic: Any = None

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        from kubernetes.client import VersionApi

        with our_errors("GET /version"):
            return str(VersionApi(self._api).get_code(_request_timeout=REQUEST_SECONDS).git_version)

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call; `labels` is a label selector."""
        with our_errors(f"list {kind}"):
            resource = self._resource(api_version, kind)
            answer = resource.get(
                namespace=namespace,
                label_selector=labels or None,
                serialize=False,
                _request_timeout=REQUEST_SECONDS,
            )
        found = json.loads(answer.data)
        return [{"apiVersion": api_version, "kind": kind, **item} for item in found["items"]]

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None when there is none."""
        from kubernetes.dynamic.exceptions import NotFoundError

        resource, name, namespace = self._place(manifest)
        with our_errors(f"get {manifest['kind']} {name}"):
            try:
                answer = resource.get(
                    name=name,
                    namespace=namespace,
                    serialize=False,
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return None
        return dict(json.loads(answer.data))

    def preview(self, manifest: Mapping[str, Any]) -> Manifest:
        """What applying the manifest would make of the object (dryRun=All: nothing changes)."""
        return self._apply(manifest, dry_run="All")

    def apply(self, manifest: Mapping[str, Any]) -> Manifest:
        """Server-side apply. Raises DriftError when another manager holds a field."""
        return self._apply(manifest)

    def _apply(self, manifest: Mapping[str, Any], **options: str) -> Manifest:
        resource, name, namespace = self._place(manifest)
        with our_errors(f"apply {manifest['kind']} {name}"):
            answer = resource.server_side_apply(
                body=dict(manifest),
                name=name,
                namespace=namespace,
                field_manager=FIELD_MANAGER,
                serialize=False,
                _request_timeout=REQUEST_SECONDS,
                **options,
            )
        return dict(json.loads(answer.data))

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; fine when it is."""
        from kubernetes.dynamic.exceptions import NotFoundError

        resource, name, namespace = self._place(manifest)
        with our_errors(f"delete {manifest['kind']} {name}"):
            try:
                resource.delete(
                    name=name,
                    namespace=namespace,
                    body={"propagationPolicy": "Foreground"},
                    _request_timeout=REQUEST_SECONDS,
                )
            except NotFoundError:
                return
        self._wait_gone(manifest)

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

        with our_errors(f"log of pod {namespace}/{pod}"):
            text = CoreV1Api(self._api).read_namespaced_pod_log(
                pod,
                namespace,
                container=container or None,
                tail_lines=lines,
                _request_timeout=REQUEST_SECONDS,
            )
        return str(text)

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Run a command in the pod's first container. Raises ApplyError past the deadline."""
        from kubernetes.client import CoreV1Api
        from kubernetes.stream import stream

        with our_errors(f"exec in pod {namespace}/{pod}"):
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
        with our_errors(f"watch {kind}"):
            yield from self._resource(api_version, kind).watch(
                namespace=namespace, label_selector=labels or None, timeout=left
            )

    def _copy(self) -> Any:
        from kubernetes.client import ApiClient

        return ApiClient(self._api.configuration)

    def _resource(self, api_version: str, kind: str) -> Any:
        from kubernetes.dynamic import DynamicClient

        if self._dynamic is None:
            self._dynamic = DynamicClient(self._api)
        return self._dynamic.resources.get(api_version=api_version, kind=kind)

    def _place(self, manifest: Mapping[str, Any]) -> tuple[Any, str, str | None]:
        metadata = manifest["metadata"]
        with our_errors(f"discover {manifest['kind']}"):
            resource = self._resource(manifest["apiVersion"], manifest["kind"])
        return resource, metadata["name"], metadata.get("namespace")


def connect(kubeconfig: Path | None, context: str | None, *, retries: int | None = None) -> Any:
    """The SDK's client by a kubeconfig; nothing is sent yet.

    `retries`: how often a request without an answer is sent again; None: the SDK's default. Raises
    UsageError when the kubeconfig cannot be used.
    """
    from kubernetes import client, config

    if kubeconfig is not None and not kubeconfig.exists():
        raise UsageError(
            f"kubernetes.kubeconfig: no file {kubeconfig}",
            remedy="name an existing kubeconfig; the lab's is written by `kuryr-runbook lab up`",
        )
    settings = client.Configuration()
    settings.retries = retries
    try:
        return config.new_client_from_config(
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=settings,
        )
    except config.ConfigException as error:
        raise UsageError(
            f"kubernetes.kubeconfig: {error}",
            remedy="check with `kubectl --kubeconfig FILE --context NAME get nodes`",
        ) from error


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


@contextmanager
def our_errors(doing: str) -> Iterator[None]:
    """Chain the SDK's errors into ours."""
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import (
        DynamicApiError,
        ResourceNotFoundError,
    )
    from urllib3.exceptions import HTTPError, MaxRetryError, SSLError
    from websocket import WebSocketException

    try:
        yield
    except (DynamicApiError, ApiException) as error:
        raise _refusal(doing, error) from error
    except ResourceNotFoundError as error:
        raise ApplyError(f"{doing}: the cluster does not know that kind: {error}") from error
    except (HTTPError, WebSocketException, OSError) as error:
        cause = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(cause, SSLError):
            raise AccessError(
                f"{doing}: the API server's certificate is not trusted: {cause}",
                remedy="check certificate-authority of the cluster in the kubeconfig",
            ) from error
        raise UnreachableError(
            f"{doing}: the API server does not answer: {cause}",
            remedy="check `server` in the kubeconfig and the way there; the lab: "
            "`kuryr-runbook lab status`",
        ) from error


def _refusal(doing: str, error: Any) -> RunbookError:
    said = _said(error.body or error.reason)
    message = f"{doing}: the API server answered {error.status}: {said}"
    match error.status:
        case 0:  # What the stream helper makes of a websocket that could not be opened.
            return UnreachableError(
                f"{doing}: the API server does not answer: {error.reason}",
                remedy="check `server` in the kubeconfig and the way there",
            )
        case 401:
            return AccessError(message, remedy="the kubeconfig's credentials are not accepted")
        case 403:
            return AccessError(message, remedy="the kubeconfig's user needs cluster-admin")
        case 409:
            return DriftError(
                message,
                remedy="another field manager set these fields: remove its change "
                "(kubectl get -o yaml --show-managed-fields), then plan again",
            )
    return ApplyError(message)


def _said(body: Any) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    try:
        return str(json.loads(text).get("message", text))[:500]
    except (ValueError, AttributeError):
        return text[:300]
