"""The Lease of a site: created, renewed and deleted, each only if nobody else was faster."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import mapping_of, parsing
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.kubernetes.api import FIELD_MANAGER
from kuryr_runbook.clients.kubernetes.connection import connect
from kuryr_runbook.clients.kubernetes.errors import SERVER, UNREACHABLE, translated_errors
from kuryr_runbook.model.errors import AccessError, ApplyError
from kuryr_runbook.model.locking import Holder, LeaseRecord
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import metadata

GROUP, VERSION = "coordination.k8s.io", "v1"
LEASE_SECONDS = 30
"""How long a Lease is valid after each renewal."""
ANNOTATION = "kuryr-runbook/holder"
"""The Lease's annotation with everything about its holder."""
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Kubernetes' MicroTime; it requires the six digits, even if they are zero."""

SOMEBODY_WAS_FASTER = (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND)
"""The statuses with which the API server refuses to change what has changed since it was read."""


class Leases(Protocol):
    """One Lease, with optimistic locking: if several change it at once, one succeeds."""

    def read(self) -> LeaseRecord | None:
        """The Lease; None if there is none."""

    def create(self, holder: Holder) -> LeaseRecord | None:
        """Create it. None if there is one already."""

    def replace(self, record: LeaseRecord, holder: Holder) -> LeaseRecord | None:
        """Take or renew the one that was read. None if it has changed since, or is gone."""

    def delete(self, record: LeaseRecord) -> None:
        """Delete the one that was read, unless it has changed since."""


class LeaseClient:
    """The Lease in the cluster, by a connection of its own; satisfies Leases.

    It is in the site's namespace, and the site's name is part of its own. Raises AccessError if the
    kubeconfig's user may not use Leases, UnreachableError if the API server does not answer.
    """

    def __init__(self, site: Site) -> None:
        """Sends nothing yet. Raises UsageError if the kubeconfig cannot be used."""
        from kubernetes.dynamic import DynamicClient
        from kubernetes.dynamic.resource import Resource

        # No hidden retries: a holder has to know soon that a renewal failed.
        connection = connect(site.kubernetes.kubeconfig, site.kubernetes.context)
        # No discovery is needed for Leases.
        self._api = DynamicClient(connection, discoverer=lambda client, cache: None)
        self._resource = Resource("apis", GROUP, VERSION, "Lease", namespaced=True, name="leases")
        self._metadata = metadata(site, f"kuryr-runbook-{site.name}")
        self._name: str = self._metadata["name"]
        self._namespace: str = self._metadata["namespace"]

    def read(self) -> LeaseRecord | None:
        """The Lease; None if there is none."""
        found = self._ask("get", (HTTPStatus.NOT_FOUND,), name=self._name)
        return lease_record(found) if found else None

    def create(self, holder: Holder) -> LeaseRecord | None:
        """Create it. None if there is one already."""
        lease = lease_manifest(self._metadata, holder)
        made = self._ask("create", (HTTPStatus.CONFLICT,), body=lease, field_manager=FIELD_MANAGER)
        return lease_record(made) if made else None

    def replace(self, record: LeaseRecord, holder: Holder) -> LeaseRecord | None:
        """Take or renew the one that was read. None if it has changed since, or is gone."""
        # With the uid as well: without it, a PUT recreates a Lease that is gone.
        same = {"uid": record.uid, "resourceVersion": record.version}
        lease = lease_manifest({**self._metadata, **same}, holder)
        replaced = self._ask(
            "replace",
            SOMEBODY_WAS_FASTER,
            name=self._name,
            body=lease,
            field_manager=FIELD_MANAGER,
        )
        return lease_record(replaced) if replaced else None

    def delete(self, record: LeaseRecord) -> None:
        """Delete the one that was read, unless it has changed since."""
        same = {"uid": record.uid, "resourceVersion": record.version}
        self._ask("delete", SOMEBODY_WAS_FASTER, name=self._name, body={"preconditions": same})

    def _ask(
        self, verb: str, refusals: tuple[HTTPStatus, ...], **arguments: Any
    ) -> Manifest | None:
        """The API server's answer; None if it refuses in an expected way.

        `verb`: a method of the dynamic client.
        """
        from kubernetes.dynamic.exceptions import DynamicApiError

        doing = f"{verb} Lease {self._namespace}/{self._name}"
        asked = exchange(f"{doing}: {SERVER}", bounds=exchanges.LEASE, remedy=UNREACHABLE)
        with translated_errors(doing), asked:
            try:
                content = getattr(self._api, verb)(
                    self._resource,
                    namespace=self._namespace,
                    serialize=False,
                    **arguments,
                ).data
            except DynamicApiError as error:
                if error.status in refusals:
                    return None
                self._explain(doing, error)
                raise
        return mapping_of(doing, content)

    def _explain(self, doing: str, error: Any) -> None:
        """Raise our error where only the lock can explain the cause."""
        namespace = self._namespace
        match error.status:
            case HTTPStatus.FORBIDDEN:
                raise AccessError(
                    f"{doing}: the kubeconfig's user is not allowed to, and without a Lease two "
                    "runs of this site could collide",
                    remedy="allow it to get, create, update and delete leases.coordination.k8s.io "
                    f"in namespace {namespace}, or use a kubeconfig with cluster-admin",
                ) from error
            case HTTPStatus.NOT_FOUND:
                raise ApplyError(
                    f"{doing}: the cluster has no namespace {namespace}",
                    remedy=f"kubectl create namespace {namespace}, or change "
                    "kubernetes.namespace in the site file",
                ) from error


def lease_manifest(metadata: Manifest, holder: Holder) -> Manifest:
    """The Lease as its holder writes it, renewed now."""
    began = datetime.fromisoformat(holder.since)
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Lease",
        "metadata": {**metadata, "annotations": {ANNOTATION: holder.as_text()}},
        "spec": {
            "holderIdentity": holder.identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": began.strftime(MICRO_TIME),
            "renewTime": datetime.now(UTC).strftime(MICRO_TIME),
        },
    }


def lease_record(lease: Mapping[str, Any]) -> LeaseRecord:
    """The content of a Lease, which somebody else may have written."""
    with parsing("the site's Lease"):
        metadata, spec = lease["metadata"], lease.get("spec") or {}
        annotations = metadata.get("annotations") or {}
        return LeaseRecord(
            identity=str(spec.get("holderIdentity") or ""),
            holder=Holder.from_text(annotations.get(ANNOTATION, "")),
            seconds=int(spec.get("leaseDurationSeconds") or LEASE_SECONDS),
            uid=str(metadata["uid"]),
            version=str(metadata["resourceVersion"]),
        )
