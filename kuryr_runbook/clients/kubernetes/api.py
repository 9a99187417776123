"""A cluster as the layers above see it: what can be read, and what can be changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.clients.kubernetes.errors import FieldConflict
from kuryr_runbook.model.objects import Manifest

FIELD_MANAGER = "kuryr-runbook"


@dataclass(frozen=True, slots=True)
class Preview:
    """What applying a manifest would turn the object into."""

    result: Manifest
    conflicts: tuple[FieldConflict, ...] = ()
    """Fields that would have to be taken from other managers."""


class KubernetesReader(Protocol):
    """What planning and checking may do with a cluster: read."""

    @property
    def version(self) -> str:
        """Version of the API server, such as v1.20.2."""

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, in one list call, paged; `labels` is a label selector."""

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

    def get(self, manifest: Mapping[str, Any]) -> Manifest | None:
        """The object that the manifest names, or None if it does not exist."""

    def preview(self, manifest: Mapping[str, Any]) -> Preview:
        """What applying the manifest would turn the object into (dryRun=All: nothing changes)."""

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        """The end of a pod's log."""


class KubernetesWriter(Protocol):
    """How applying changes a cluster."""

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Manifest:
        """Server-side apply. Raises DriftError if another manager owns a field, unless forced."""

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete the object and what it owns, and wait until it is gone; no error if it was."""

    def change_finalizers(
        self,
        manifest: Mapping[str, Any],
        *,
        added: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        """Add and remove finalizers of the object, whoever set them; no error if it is gone."""
