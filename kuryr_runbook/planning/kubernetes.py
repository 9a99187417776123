"""A plan for Kubernetes manifests: each compared with what applying it would make of the object.

The comparison is the API server's own (server-side apply, dryRun=All), so defaults that it fills
in are no differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes import KubernetesReader
from kuryr_runbook.model.plan import Action, Plan, Step, Target

Manifest = Mapping[str, Any]

UNSTABLE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
"""Metadata that the API server keeps for itself."""


def target_of(manifest: Manifest) -> Target:
    """The target that a manifest names."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return Target(manifest["kind"], name)


def plan_manifests(phase: str, manifests: Iterable[Manifest], reader: KubernetesReader) -> Plan:
    """Create what is missing, update what applying would change, keep the rest."""
    return Plan(phase=phase, steps=tuple(_step(manifest, reader) for manifest in manifests))


def _step(manifest: Manifest, reader: KubernetesReader) -> Step:
    target = target_of(manifest)
    live = reader.get(manifest)
    if live is None:
        return Step(action=Action.CREATE, target=target, because="there is none yet", body=manifest)
    changed = sorted(differences(live, reader.preview(manifest)))
    if not changed:
        return Step(action=Action.KEEP, target=target, because="is as wanted", body=manifest)
    return Step(
        action=Action.UPDATE,
        target=target,
        because=f"differs in {', '.join(changed)}",
        body=manifest,
    )


def differences(live: Manifest, wanted: Manifest) -> Iterator[str]:
    """The paths, with dots, at which two objects differ; no values, since one may be a Secret."""
    yield from _differences(_stable(live), _stable(wanted), "")


def _stable(manifest: Manifest) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in UNSTABLE}
    rest = {k: v for k, v in manifest.items() if k not in ("status", "metadata")}
    return {**rest, "metadata": metadata}


def _differences(live: object, wanted: object, path: str) -> Iterator[str]:
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in {*live, *wanted}:
            here = f"{path}.{key}" if path else str(key)
            yield from _differences(live.get(key), wanted.get(key), here)
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for index, pair in enumerate(zip(live, wanted, strict=True)):
            yield from _differences(*pair, f"{path}[{index}]")
    elif live != wanted:
        yield path
