"""What a cluster lets its user do and how it is set up, found out without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.clients.answers import part_of
from kuryr_runbook.clients.kubernetes.api import KubernetesReader, Preview
from kuryr_runbook.clients.kubernetes.errors import said
from kuryr_runbook.clients.kubernetes.reading import ClusterReader
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.objects import Manifest

NOWHERE = "0.0.0.1"
"""An address that is in no service range."""
UNPROCESSABLE = 422


class ClusterProber(KubernetesReader, Protocol):
    """A cluster that is read, and asked what it would permit. Nothing in it changes."""

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether the user may do what the resource attributes (verb, group, ...) say."""

    def refuse_service(self) -> str:
        """How the API server refuses a Service outside of its ranges; its words name them."""


class ProbingCluster:
    """Reads and probes a cluster, and changes nothing."""

    def __init__(
        self,
        kubeconfig: Path | None = None,
        context: str | None = None,
        notify: Notify = lambda line: None,
    ) -> None:
        """Nothing is sent yet. Raises UsageError when the kubeconfig cannot be used."""
        self.session = KubernetesSession(kubeconfig, context, notify)
        self._reader = ClusterReader(self.session)

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""
        return self._reader.version

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind."""
        return self._reader.list_objects(api_version, kind, namespace=namespace, labels=labels)

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Manifest]:
        """The same one after the other, of which only a page is held."""
        return self._reader.each_object(
            api_version, kind, namespace=namespace, labels=labels, fields=fields
        )

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None when there is none."""
        return self._reader.get(manifest)

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        """What applying the manifest would make of the object."""
        return self._reader.preview(manifest)

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""
        return self._reader.log(namespace, pod, lines=lines, container=container)

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether the user may do what the resource attributes say: a SelfSubjectAccessReview.

        Such a review is answered and not kept.
        """
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        asking = f"ask whether {' '.join(attributes.values())} is allowed"
        review = self.session.read(asking, lambda: self._create(body))
        return part_of(asking, review, "status", dict).get("allowed") is True

    def refuse_service(self) -> str:
        """How the API server refuses a Service outside of its ranges; its words name them.

        There is no other way to ask for the range. A dry run comes first; but up to 1.20, as
        seen, it leaves the address alone, so the request is then made in earnest. Nothing can
        come of it: the address is in no range, nor is the node port, and either is enough for
        the allocators to refuse, which they do before anything is stored.
        """
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"generateName": "kuryr-runbook-", "namespace": "default"},
            "spec": {
                "type": "NodePort",
                "clusterIP": NOWHERE,
                "ports": [{"port": 80, "nodePort": 1}],
            },
        }
        said = self._refusal(body, dry_run="All") or self._refusal(body)
        if not said:
            raise ApplyError(
                f"the API server took a Service at {NOWHERE} with node port 1, which are in no "
                "range",
                remedy="delete the Service kuryr-runbook-* in namespace default, and report this",
            )
        return said

    def _refusal(self, body: Mapping[str, Any], **options: str) -> str:
        """What the API server says against the object; empty when it takes it."""
        from kubernetes.client.exceptions import ApiException
        from kubernetes.dynamic.exceptions import DynamicApiError

        def ask() -> str:
            try:
                self._create(body, **options)
            except (DynamicApiError, ApiException) as error:
                if error.status != UNPROCESSABLE:
                    raise
                return said(error.body)
            return ""

        return self.session.ask(f"ask for a {body['kind']} that cannot be", ask)

    def _create(self, body: Mapping[str, Any], **options: str) -> Any:
        resource = self.session.resource(body["apiVersion"], body["kind"])
        answer = resource.create(
            body=dict(body),
            namespace=body.get("metadata", {}).get("namespace"),
            serialize=False,
            **options,
        )
        return answer
