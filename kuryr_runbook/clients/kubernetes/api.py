"""A cluster as the layers above know it: what is read of it, and what is done to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.clients.kubernetes.errors import FieldConflict
from kuryr_runbook.model.objects import Manifest

FIELD_MANAGER = "kuryr-runbook"


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
