"""A plan for Kubernetes manifests: each compared with what applying it would make of the object.

The comparison is the API server's own (server-side apply, dryRun=All), so defaults that it fills
in are no differences.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes.client import KubernetesReader
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Action, Change, Plan, Step, Target, shown, staged
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, RUNBOOK, digest, marks, unmarked

Manifest = Mapping[str, Any]

UNSTABLE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
"""Metadata that the API server keeps for itself."""

WORKLOADS = ("Deployment", "DaemonSet")
"""Kinds whose pods use what the other objects hold: they come last."""

CONFIGURATIONS = {"Secret": ("secret", "secretName"), "ConfigMap": ("configMap", "name")}
"""Kinds that pods read when they start, with the keys at which a volume names one."""

REPLACED = "kuryr-runbook/replaced"
"""An annotation. On a Secret or ConfigMap: the resourceVersion of the content that was replaced
last. On pods: those of all that they read, so that they start again when a content was replaced
which the manifests say nothing of, such as an edit by hand."""


def target_of(manifest: Manifest) -> Target:
    """The target that a manifest names."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return Target(manifest["kind"], name)


def reference_to(manifest: Manifest) -> dict[str, Any]:
    """What names an object, and nothing else of it."""
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


def plan_manifests(phase: str, manifests: Iterable[Manifest], reader: KubernetesReader) -> Plan:
    """Create what is missing, update what applying would change, keep the rest.

    Pods start again when the content of a Secret or ConfigMap that they read is replaced. Raises
    DriftError when the runbook made one of the objects for another site, and the API server's
    refusal of an object that is to be created.
    """
    of_workloads, steps = [], []
    wanted = list(manifests)
    spaces = {item["metadata"]["name"] for item in wanted if item["kind"] == "Namespace"}
    for manifest in wanted:
        if manifest["kind"] in WORKLOADS:
            of_workloads.append(manifest)
        else:
            steps.append(_step(manifest, reader, spaces))
    namespaces = [step for step in steps if step.target.kind == "Namespace"]
    rest = [step for step in steps if step not in namespaces]
    workloads = [_step(_reading(manifest, rest), reader, spaces) for manifest in of_workloads]
    return Plan(phase=phase, steps=tuple(staged(namespaces, rest, workloads)))


def _reading(workload: Manifest, steps: Iterable[Step]) -> Manifest:
    """The workload, its pods annotated with what was replaced of the configurations they read."""
    volumes = workload["spec"]["template"]["spec"].get("volumes", ())
    found = [
        f"{step.target.name} {replaced}"
        for step in steps
        for volume in volumes
        if _is_of(volume, step.body) and (replaced := _annotations(step.body).get(REPLACED))
    ]
    if not found:
        return workload
    template = _annotated(workload["spec"]["template"], ", ".join(found))
    return {**workload, "spec": {**workload["spec"], "template": template}}


def _is_of(volume: Manifest, configuration: Manifest) -> bool:
    source, key = CONFIGURATIONS.get(configuration["kind"], ("", ""))
    return bool(volume.get(source, {}).get(key) == configuration["metadata"]["name"])


def _annotated(item: Manifest, replaced: str) -> dict[str, Any]:
    annotations = {**_annotations(item), REPLACED: replaced}
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


def _annotations(item: Manifest) -> Mapping[str, str]:
    return item["metadata"].get("annotations") or {}


def _replacing(manifest: Manifest, live: Manifest) -> Manifest:
    """The manifest, with what it replaces if it is a configuration with another content."""
    if manifest["kind"] not in CONFIGURATIONS:
        return manifest
    before, wanted = live.get("data") or {}, manifest["data"]
    if any(before.get(key) != value for key, value in wanted.items()):
        replaced = live["metadata"].get("resourceVersion")
    else:
        replaced = _annotations(live).get(REPLACED)
    return _annotated(manifest, replaced) if replaced else manifest


def adopting(manifest: Manifest, live: Manifest | None) -> Manifest:
    """The manifest as it may be applied to what is there.

    An object that somebody else made does not get the marks by which teardown knows the runbook's
    own. Raises DriftError when the runbook made it for another site.
    """
    if live is None or marks(live) == marks(manifest):
        return manifest
    theirs = marks(live)
    if theirs.get(MANAGED_BY) == RUNBOOK:
        raise DriftError(
            f"{target_of(manifest)} was made by the runbook for site {theirs.get(INSTANCE)}: a "
            "cluster has one Kuryr, and so one site",
            remedy="let `name` in the site file be that name, or tear that site down first",
        )
    return unmarked(manifest)


def _step(manifest: Manifest, reader: KubernetesReader, spaces: Collection[str]) -> Step:
    """What is to be done about one object; `spaces` are namespaces that the same plan makes."""
    target = target_of(manifest)
    live = reader.get(manifest)
    if live is None:
        if _can_be_tried(manifest, spaces):
            reader.preview(manifest)
        return Step(
            action=Action.CREATE,
            target=target,
            because="there is none yet",
            body=manifest,
            changes=tuple(differences({"kind": manifest["kind"], "metadata": {}}, manifest)),
        )
    adopted = adopting(manifest, live)
    whose = "" if adopted is manifest else "; somebody else's: teardown leaves it"
    manifest = _replacing(adopted, live)
    preview = reader.preview(manifest)
    changes = tuple(differences(live, preview.result))
    if not changes:
        because = f"is as wanted{whose}"
        return Step(action=Action.KEEP, target=target, because=because, body=manifest)
    return Step(
        action=Action.UPDATE,
        target=target,
        because=f"{len(changes)} field{'s differ' if len(changes) > 1 else ' differs'}{whose}",
        body=manifest,
        changes=changes,
        disturbs=_disturbance(target, changes),
        conflicts=tuple(map(str, preview.conflicts)),
    )


def _can_be_tried(manifest: Manifest, spaces: Collection[str]) -> bool:
    """Whether the API server can tell by now if it would take the object.

    It asks for an object's namespace, and for the role of a binding, which the same plan may make.
    """
    is_binding = manifest["kind"].endswith("RoleBinding")
    return not is_binding and manifest["metadata"].get("namespace") not in spaces


def _disturbance(target: Target, changes: Iterable[Change]) -> str:
    template = any(change.field.startswith("spec.template") for change in changes)
    if target.kind not in WORKLOADS or not template:
        return ""
    return "its pods are replaced: workloads keep their network, and those that start wait"


def differences(live: Manifest, wanted: Manifest) -> Iterator[Change]:
    """The fields at which two objects differ; of a Secret's data only a digest."""
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
    return f"secret {digest(base64.b64decode(value).decode(errors='replace'))}"


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
