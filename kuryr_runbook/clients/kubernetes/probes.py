"""Finds out what a cluster permits its user and how it is set up, without changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from kuryr_runbook.clients.answers import part_of
from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.kubernetes.errors import error_text
from kuryr_runbook.clients.kubernetes.reading import ClusterReader
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.objects import Manifest

NOWHERE = "0.0.0.1"
"""An address that no service range contains."""
UNPROCESSABLE = 422


class ClusterProber(KubernetesReader, Protocol):
    """Reads a cluster, and finds out what it would permit. Nothing in it changes."""

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether the user is allowed what the resource attributes (verb, group, ...) say."""

    def refuse_service(self) -> str:
        """How the API server refuses a Service outside of its ranges; the message names them."""

    def node_statistics(self, node: str) -> Manifest:
        """What a node's kubelet has measured."""


class ProbingCluster(ClusterReader):
    """Reads and probes a cluster, and changes nothing."""

    def __init__(
        self,
        kubeconfig: Path | None = None,
        context: str | None = None,
        notify: Notify = lambda line: None,
    ) -> None:
        """Sends nothing yet. Raises UsageError if the kubeconfig cannot be used."""
        super().__init__(KubernetesSession(kubeconfig, context, notify))

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether the user is allowed what the resource attributes say: a SelfSubjectAccessReview.

        The API server does not store such a review.
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
        """How the API server refuses a Service outside of its ranges; the message names them.

        There is no other way to find out the range. A dry run comes first; but up to 1.20 it was
        seen not to check the address, so the request is then made for real. It cannot create
        anything: neither the address nor the node port is in a range, and the allocators refuse
        either before anything is stored.
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
                f"the API server accepted a Service at {NOWHERE} with node port 1, both of which "
                "are outside any range",
                remedy="delete the Service kuryr-runbook-* in namespace default, and report this",
            )
        return said

    def node_statistics(self, node: str) -> Manifest:
        """What a node's kubelet has measured, through the API server; it is not asked twice.

        Needs the right to get nodes/proxy, which the runbook needs for nothing else.
        """
        path = f"/api/v1/nodes/{quote(node)}/proxy/stats/summary"
        doing = f"ask the kubelet of node {node}"
        answer = self.session.read(doing, lambda: self.session.raw(path), statuses=set())
        return answer or {}

    def _refusal(self, body: Mapping[str, Any], **options: str) -> str:
        """Why the API server refuses the object; empty if it accepts it."""
        from kubernetes.client.exceptions import ApiException
        from kubernetes.dynamic.exceptions import DynamicApiError

        def ask() -> str:
            try:
                self._create(body, **options)
            except (DynamicApiError, ApiException) as error:
                if error.status != UNPROCESSABLE:
                    raise
                return error_text(error.body)
            return ""

        return self.session.ask(f"ask for an impossible {body['kind']}", ask)

    def _create(self, body: Mapping[str, Any], **options: str) -> Any:
        resource = self.session.resource(body["apiVersion"], body["kind"])
        answer = resource.create(
            body=dict(body),
            namespace=body.get("metadata", {}).get("namespace"),
            serialize=False,
            **options,
        )
        return answer
