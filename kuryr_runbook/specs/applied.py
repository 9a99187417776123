"""Adapts manifests to existing objects: to whose they are, and to the content that is replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, RUNBOOK, marks, unmarked

WORKLOADS = ("Deployment", "DaemonSet")
"""Kinds whose pods use the other objects: they come last."""

CONFIGURATIONS = {"Secret": ("secret", "secretName"), "ConfigMap": ("configMap", "name")}
"""Kinds that pods read when they start, with the keys by which a volume names one."""

REPLACED = "kuryr-runbook/replaced"
"""An annotation. On a Secret or ConfigMap: the resourceVersion of the last replaced content. On
pods: those of all that they read, so that they restart when content was replaced that is in no
manifest, such as a manual edit."""


def applied(pairs: Sequence[tuple[Manifest, Manifest | None]]) -> list[Manifest]:
    """The manifests to apply, from pairs of a wanted manifest and the existing object, in order.

    Pods restart if the content of a Secret or ConfigMap that they read is replaced. Raises
    DriftError if the runbook created one of the objects for another site.
    """
    fitted = [_replacing(adopting(wanted, live), live) for wanted, live in pairs]
    rest = [item for item in fitted if item["kind"] not in WORKLOADS]
    return [_reading(item, rest) if item["kind"] in WORKLOADS else item for item in fitted]


def adopting(manifest: Manifest, live: Manifest | None) -> Manifest:
    """The manifest to apply to the existing object.

    Other people's objects do not get the marks by which teardown recognizes the runbook's own.
    Raises DriftError if the runbook created it for another site.
    """
    if live is None or marks(live) == marks(manifest):
        return manifest
    theirs = marks(live)
    if theirs.get(MANAGED_BY) == RUNBOOK:
        raise DriftError(
            f"{shown_name(manifest)} was created by the runbook for site {theirs.get(INSTANCE)}: a "
            "cluster can have only one Kuryr, and so only one site",
            remedy="use that name as `name` in the site file, or tear that site down first",
        )
    return unmarked(manifest)


def is_adopted(manifest: Manifest, live: Manifest | None) -> bool:
    """Whether the object exists, and is not the runbook's."""
    return live is not None and marks(live) != marks(manifest)


def shown_name(manifest: Manifest) -> str:
    """An object's name for people: its kind, namespace and name."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return f"{manifest['kind']} {name}"


def _replacing(manifest: Manifest, live: Manifest | None) -> Manifest:
    """The manifest, annotated with the version that it replaces if the content differs."""
    if live is None or manifest["kind"] not in CONFIGURATIONS:
        return manifest
    before, wanted = live.get("data") or {}, manifest["data"]
    if any(before.get(key) != value for key, value in wanted.items()):
        replaced = live["metadata"].get("resourceVersion")
    else:
        replaced = _annotations(live).get(REPLACED)
    return _annotated(manifest, replaced) if replaced else manifest


def _reading(workload: Manifest, rest: Iterable[Manifest]) -> Manifest:
    """The workload, its pods annotated with the replaced versions of configurations they read."""
    volumes = workload["spec"]["template"]["spec"].get("volumes", ())
    found = [
        f"{shown_name(item).partition(' ')[2]} {replaced}"
        for item in rest
        for volume in volumes
        if _is_of(volume, item) and (replaced := _annotations(item).get(REPLACED))
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
