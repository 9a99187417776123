"""Reads and changes a cluster through its API."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.kubernetes.errors import CHANGED_MEANWHILE
from kuryr_runbook.clients.kubernetes.exec import Executed, execute_in_pod
from kuryr_runbook.clients.kubernetes.reading import ClusterReader, apply, place_of
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.patience import TRANSIENT, Notify, polls
from kuryr_runbook.model.errors import DeadlineError
from kuryr_runbook.model.objects import Manifest

GONE_SECONDS = 180.0
"""How long a deletion may take: the pods' grace period, and the kubelet's own pace."""


class KubernetesClient(ClusterReader):
    """A connection to a cluster; satisfies KubernetesReader and KubernetesWriter.

    Safe for use by several threads. A request that failed is repeated where that is safe, until a
    deadline; `notify` gets a line each time.
    """

    def __init__(
        self,
        kubeconfig: Path | None = None,
        context: str | None = None,
        notify: Notify = lambda line: None,
    ) -> None:
        """Sends nothing yet. Raises UsageError if the kubeconfig cannot be used."""
        super().__init__(KubernetesSession(kubeconfig, context, notify))
        self._notify = notify

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Manifest:
        """Server-side apply. Raises DriftError if another manager owns a field, unless forced."""
        return apply(self.session, manifest, force=force)

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; no error if it was."""
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = place_of(manifest)

        def ask() -> bool:
            try:
                self.session.resource(manifest["apiVersion"], manifest["kind"]).delete(
                    name=name,
                    namespace=namespace,
                    body={"propagationPolicy": "Foreground"},
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
        """Add and remove finalizers of the object, whoever set them; no error if it is gone.

        A patch replaces the whole list, and others may change it meanwhile. So the request names
        the version of the object that it was computed from. If that is not the latest, the API
        server refuses it (409), and it is computed again.
        """
        from kubernetes.dynamic.exceptions import NotFoundError

        name, namespace = place_of(manifest)

        def ask() -> None:
            live = self.get(manifest)
            if live is None:
                return
            before = live["metadata"].get("finalizers") or []
            kept = [item for item in before if item not in removed]
            after = [*kept, *(item for item in added if item not in kept)]
            version = live["metadata"].get("resourceVersion")
            if after == before:
                return
            with suppress(NotFoundError):
                self.session.resource(manifest["apiVersion"], manifest["kind"]).patch(
                    name=name,
                    namespace=namespace,
                    body={"metadata": {"finalizers": after, "resourceVersion": version}},
                    content_type="application/merge-patch+json",
                )

        doing = f"change the finalizers of {manifest['kind']} {name}"
        self.session.ask(doing, ask, {*TRANSIENT, CHANGED_MEANWHILE})

    def _wait_gone(self, manifest: Mapping[str, Any]) -> None:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for _ in polls(f"{name} to be gone", seconds=GONE_SECONDS, notify=self._notify):
            if self.get(manifest) is None:
                return
        raise DeadlineError(
            f"{name} was not gone after {GONE_SECONDS:.0f} s",
            remedy="check its finalizers and pods (kubectl get -o yaml), then run again",
        )

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Run a command in the pod's first container. Raises ApplyError after the deadline."""
        return execute_in_pod(self.session, namespace, pod, command, seconds=seconds)
