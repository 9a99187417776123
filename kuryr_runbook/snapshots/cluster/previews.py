"""Wanted objects, those that exist already, and what applying would change.

The API server itself computes that (server-side apply, dryRun=All): nothing changes, and defaults
that it fills in do not count as differences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs.applied import applied, is_adopted


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPreview:
    """One wanted object."""

    manifest: Manifest
    """The manifest to apply."""
    live: Manifest | None
    """The existing object; None: there is none."""
    result: Manifest | None
    """What applying the manifest would turn the live object into."""
    conflicts: tuple[str, ...] = ()
    """Fields that would have to be taken over from other managers."""
    adopted: bool = False
    """Whether the live object is not the runbook's."""


def read_previews(
    manifests: Iterable[Manifest], reader: KubernetesReader
) -> tuple[ObjectPreview, ...]:
    """Read each object, and what applying it would do.

    Raises DriftError if the runbook created one of them for another site, and the API server's
    error if it refuses a new object.
    """
    pairs = [(wanted, reader.get(wanted)) for wanted in manifests]
    spaces = {wanted["metadata"]["name"] for wanted, _ in pairs if wanted["kind"] == "Namespace"}
    return tuple(
        _preview(manifest, live, reader, spaces, adopted=is_adopted(wanted, live))
        for manifest, (wanted, live) in zip(applied(pairs), pairs, strict=True)
    )


def _preview(
    manifest: Manifest,
    live: Manifest | None,
    reader: KubernetesReader,
    spaces: Collection[str],
    *,
    adopted: bool,
) -> ObjectPreview:
    if live is None and not _can_be_tried(manifest, spaces):
        return ObjectPreview(manifest=manifest, live=None, result=None)
    preview = reader.preview(manifest)
    return ObjectPreview(
        manifest=manifest,
        live=live,
        result=preview.result,
        conflicts=tuple(map(str, preview.conflicts)),
        adopted=adopted,
    )


def _can_be_tried(manifest: Manifest, spaces: Collection[str]) -> bool:
    """Whether a dry run of the object is possible yet.

    The API server requires an object's namespace, and a binding's role, and the same plan may have
    to create them.
    """
    is_binding = manifest["kind"].endswith("RoleBinding")
    return not is_binding and manifest["metadata"].get("namespace") not in spaces
