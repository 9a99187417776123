"""Manifests as they may be applied to what is there: whose it is, and what of it is replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, RUNBOOK, marks, unmarked

WORKLOADS = ("Deployment", "DaemonSet")
"""Kinds whose pods use what the other objects hold: they come last."""

CONFIGURATIONS = {"Secret": ("secret", "secretName"), "ConfigMap": ("configMap", "name")}
"""Kinds that pods read when they start, with the keys at which a volume names one."""

REPLACED = "kuryr-runbook/replaced"
"""An annotation. On a Secret or ConfigMap: the resourceVersion of the content that was replaced
last. On pods: those of all that they read, so that they start again when a content was replaced
which the manifests say nothing of, such as an edit by hand."""


def applied(pairs: Sequence[tuple[Manifest, Manifest | None]]) -> list[Manifest]:
    """Wanted manifests, each with what is there, as they may be applied, in their order.

    Pods start again when the content of a Secret or ConfigMap that they read is replaced. Raises
    DriftError when the runbook made one of the objects for another site.
    """
    fitted = [_replacing(adopting(wanted, live), live) for wanted, live in pairs]
    rest = [item for item in fitted if item["kind"] not in WORKLOADS]
    return [_reading(item, rest) if item["kind"] in WORKLOADS else item for item in fitted]


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
            f"{shown_name(manifest)} was made by the runbook for site {theirs.get(INSTANCE)}: a "
            "cluster has one Kuryr, and so one site",
            remedy="let `name` in the site file be that name, or tear that site down first",
        )
    return unmarked(manifest)


def is_adopted(manifest: Manifest, live: Manifest | None) -> bool:
    """Whether the object is there, and somebody else made it."""
    return live is not None and marks(live) != marks(manifest)


def shown_name(manifest: Manifest) -> str:
    """How people know an object: its kind, namespace and name."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    name = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
    return f"{manifest['kind']} {name}"


def _replacing(manifest: Manifest, live: Manifest | None) -> Manifest:
    """The manifest, with what it replaces if it is a configuration with another content."""
    if live is None or manifest["kind"] not in CONFIGURATIONS:
        return manifest
    before, wanted = live.get("data") or {}, manifest["data"]
    if any(before.get(key) != value for key, value in wanted.items()):
        replaced = live["metadata"].get("resourceVersion")
    else:
        replaced = _annotations(live).get(REPLACED)
    return _annotated(manifest, replaced) if replaced else manifest


def _reading(workload: Manifest, rest: Iterable[Manifest]) -> Manifest:
    """The workload, its pods annotated with what was replaced of the configurations they read."""
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
