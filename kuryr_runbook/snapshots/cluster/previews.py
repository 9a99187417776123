"""What is there of wanted objects, and what applying them would make of it.

The API server says that itself (server-side apply, dryRun=All): nothing changes, and defaults that
it fills in are no differences.
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
    """As it may be applied."""
    live: Manifest | None
    """As it is there; None: there is none."""
    result: Manifest | None
    """What applying the manifest would make of the live one."""
    conflicts: tuple[str, ...] = ()
    """What would have to be taken from other managers."""
    adopted: bool = False
    """Whether somebody else made the live one."""


def read_previews(
    manifests: Iterable[Manifest], reader: KubernetesReader
) -> tuple[ObjectPreview, ...]:
    """Look for each object, and ask what applying it would do.

    Raises DriftError when the runbook made one of them for another site, and the API server's
    refusal of an object that is to be created.
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
    """Whether the API server can tell by now if it would take the object.

    It asks for an object's namespace, and for the role of a binding, which the same plan may make.
    """
    is_binding = manifest["kind"].endswith("RoleBinding")
    return not is_binding and manifest["metadata"].get("namespace") not in spaces
