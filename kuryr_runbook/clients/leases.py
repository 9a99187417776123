"""The Lease of a site: made, renewed and deleted, each only if nobody was faster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from kuryr_runbook.clients.kubernetes import FIELD_MANAGER
from kuryr_runbook.clients.kubernetes_connection import connect
from kuryr_runbook.clients.kubernetes_errors import ours
from kuryr_runbook.model.errors import AccessError, ApplyError
from kuryr_runbook.model.locking import Holder, LeaseRecord
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import Manifest, metadata

LEASE_SECONDS = 30
"""How long a Lease is valid after each renewal."""
TIMEOUT = (2, 5)
"""Seconds to connect, and to wait for an answer: a renewal that hangs is of no use."""
ANNOTATION = "kuryr-runbook/holder"
"""Where the Lease says all that there is to say about its holder."""
MICRO_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Kubernetes' MicroTime; it wants the six digits, also when they are zero."""

SOMEBODY_WAS_FASTER = (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND)
"""How the API server refuses a change of what is not as it was read any more."""


class Leases(Protocol):
    """One Lease, with optimistic locking: of several who change it at once, one succeeds."""

    def read(self) -> LeaseRecord | None:
        """The Lease; None when there is none."""

    def create(self, holder: Holder) -> LeaseRecord | None:
        """Make it. None when there is one already."""

    def replace(self, record: LeaseRecord, holder: Holder) -> LeaseRecord | None:
        """Take or renew the one that was read. None when it has changed since, or is gone."""

    def delete(self, record: LeaseRecord) -> None:
        """Delete the one that was read, unless it has changed since."""


class LeaseClient:
    """The Lease in the cluster, by a connection of its own; satisfies Leases.

    It lies in the site's namespace and has the site's name in its own. Raises AccessError when the
    kubeconfig's user may not use Leases, UnreachableError when the API server does not answer.
    """

    def __init__(self, site: Site) -> None:
        """Nothing is sent yet. Raises UsageError when the kubeconfig cannot be used."""
        from kubernetes.client import CoordinationV1Api

        # No second try behind our back: who renews has to know soon that it failed.
        connection = connect(site.kubernetes.kubeconfig, site.kubernetes.context)
        self._api = CoordinationV1Api(connection)
        self._metadata = metadata(site, f"kuryr-runbook-{site.name}")
        self._place = {"name": self._metadata["name"], "namespace": self._metadata["namespace"]}

    def read(self) -> LeaseRecord | None:
        """The Lease; None when there is none."""
        found = self._ask(
            "get", self._api.read_namespaced_lease, (HTTPStatus.NOT_FOUND,), **self._place
        )
        return lease_record(found) if found else None

    def create(self, holder: Holder) -> LeaseRecord | None:
        """Make it. None when there is one already."""
        made = self._ask(
            "create",
            self._api.create_namespaced_lease,
            (HTTPStatus.CONFLICT,),
            namespace=self._place["namespace"],
            body=lease_manifest(self._metadata, holder),
            field_manager=FIELD_MANAGER,
        )
        return lease_record(made) if made else None

    def replace(self, record: LeaseRecord, holder: Holder) -> LeaseRecord | None:
        """Take or renew the one that was read. None when it has changed since, or is gone."""
        # With the uid as well: a PUT without it makes a Lease that is gone anew.
        same = {"uid": record.uid, "resourceVersion": record.version}
        replaced = self._ask(
            "update",
            self._api.replace_namespaced_lease,
            SOMEBODY_WAS_FASTER,
            **self._place,
            body=lease_manifest({**self._metadata, **same}, holder),
            field_manager=FIELD_MANAGER,
        )
        return lease_record(replaced) if replaced else None

    def delete(self, record: LeaseRecord) -> None:
        """Delete the one that was read, unless it has changed since."""
        same = {"uid": record.uid, "resourceVersion": record.version}
        self._ask(
            "delete",
            self._api.delete_namespaced_lease,
            SOMEBODY_WAS_FASTER,
            **self._place,
            body={"preconditions": same},
        )

    def _ask(
        self,
        verb: str,
        call: Callable[..., Any],
        refusals: tuple[HTTPStatus, ...],
        **arguments: Any,
    ) -> Manifest | None:
        """The API server's answer; None when it refuses in a way that is expected."""
        from kubernetes.client.exceptions import ApiException

        doing = f"{verb} Lease {self._place['namespace']}/{self._place['name']}"
        with ours(doing):
            try:
                answer = call(**arguments, _preload_content=False, _request_timeout=TIMEOUT)
            except ApiException as error:
                if error.status in refusals:
                    return None
                self._explain(doing, error)
                raise
        return dict(json.loads(answer.data))

    def _explain(self, doing: str, error: Any) -> None:
        """Raise our error for what the lock alone can explain."""
        namespace = self._place["namespace"]
        match error.status:
            case HTTPStatus.FORBIDDEN:
                raise AccessError(
                    f"{doing}: the kubeconfig's user may not, and without a Lease nothing keeps "
                    "two runs of this site apart",
                    remedy="let it get, create, update and delete leases.coordination.k8s.io in "
                    f"namespace {namespace}, or use a kubeconfig with cluster-admin",
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
        "apiVersion": "coordination.k8s.io/v1",
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
    """What a Lease says, also one that somebody else wrote."""
    metadata, spec = lease["metadata"], lease.get("spec", {})
    return LeaseRecord(
        identity=spec.get("holderIdentity") or "",
        holder=Holder.from_text(metadata.get("annotations", {}).get(ANNOTATION, "")),
        seconds=spec.get("leaseDurationSeconds") or LEASE_SECONDS,
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
    )
