"""A plan for Kubernetes manifests: each object compared with the result of applying it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.model.documents import text_from_base64
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Change, Plan, Step, Target, shown, staged
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.previews import ObjectPreview
from kuryr_runbook.specs.applied import WORKLOADS, shown_name
from kuryr_runbook.specs.manifests import digest

UNSTABLE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
"""Metadata that the API server maintains itself."""


def target_of(manifest: Manifest) -> Target:
    """The target that a manifest names."""
    return Target(manifest["kind"], shown_name(manifest).partition(" ")[2])


def reference_to(manifest: Manifest) -> dict[str, Any]:
    """A reference to an object, without anything else."""
    place = {k: v for k, v in manifest["metadata"].items() if k in ("name", "namespace")}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": place}


def deletion(manifest: Manifest, because: str) -> Step:
    """The step that deletes an object."""
    return Step(
        action=Action.DELETE,
        target=target_of(manifest),
        because=because,
        body=reference_to(manifest),
    )


def plan_manifests(phase: str, previews: Iterable[ObjectPreview]) -> Plan:
    """Create what is missing, update what applying would change, keep the rest."""
    steps = [_step(preview) for preview in previews]
    namespaces = [step for step in steps if step.target.kind == "Namespace"]
    workloads = [step for step in steps if step.target.kind in WORKLOADS]
    rest = [step for step in steps if step not in [*namespaces, *workloads]]
    return Plan(phase=phase, steps=tuple(staged(namespaces, rest, workloads)))


def _step(preview: ObjectPreview) -> Step:
    """The step for one object."""
    manifest, live = preview.manifest, preview.live
    target = target_of(manifest)
    if live is None or preview.result is None:
        return Step(
            action=Action.CREATE,
            target=target,
            because="there is none yet",
            body=manifest,
            changes=tuple(differences({"kind": manifest["kind"], "metadata": {}}, manifest)),
        )
    whose = "; somebody else's: teardown leaves it" if preview.adopted else ""
    changes = tuple(differences(live, preview.result))
    if not changes:
        because = f"is as wanted{whose}"
        return Step(action=Action.KEEP, target=target, because=because, body=manifest)
    return Step(
        action=Action.UPDATE,
        target=target,
        because=f"{counted(len(changes), 'field differs', 'fields differ')}{whose}",
        body=manifest,
        changes=changes,
        disturbs=_disturbance(target, changes),
        conflicts=preview.conflicts,
    )


def _disturbance(target: Target, changes: Iterable[Change]) -> str:
    template = any(change.field.startswith("spec.template") for change in changes)
    if target.kind not in WORKLOADS or not template:
        return ""
    return "its pods are replaced: workloads keep their network, and those that start wait"


def differences(live: Manifest, wanted: Manifest) -> Iterator[Change]:
    """The fields in which two objects differ; a digest in place of a Secret's data."""
    conceal = wanted.get("kind") == "Secret"
    for path, before, after in _differences(_stable(live), _stable(wanted), ""):
        if conceal and path.startswith("data"):
            yield Change(path, _concealed(before), _concealed(after))
        else:
            yield Change(path, shown(before), shown(after))


def _concealed(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_concealed(item)}" for key, item in sorted(value.items()))
    if not isinstance(value, str):
        return shown(value)
    # What is not base64 is concealed as it is.
    return f"secret {digest(text_from_base64(value) or value)}"


def _stable(manifest: Manifest) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in UNSTABLE}
    rest = {k: v for k, v in manifest.items() if k not in ("status", "metadata")}
    return {**rest, "metadata": metadata}


def _differences(live: object, wanted: object, path: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*live, *wanted}):
            here = f"{path}.{key}" if path else str(key)
            yield from _differences(live.get(key), wanted.get(key), here)
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for index, pair in enumerate(zip(live, wanted, strict=True)):
            yield from _differences(*pair, f"{path}[{index}]")
    elif live != wanted:
        yield path, live, wanted
