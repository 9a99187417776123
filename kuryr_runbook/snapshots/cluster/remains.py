"""What is left of a Kuryr without programs: definitions, configuration, marks on pods."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.releases.names import POD_FINALIZER, VIF_ANNOTATION
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.found_kuryr import DEFINITIONS, read_definitions
from kuryr_runbook.snapshots.cluster.objects import reference
from kuryr_runbook.snapshots.parsing import part
from kuryr_runbook.specs.controller import CONFIG_SECRET
from kuryr_runbook.specs.daemon import DAEMON_CONFIG

HOMES = ("kube-system", "openshift-kuryr")
CONFIGURATIONS = (
    ("Secret", CONFIG_SECRET),
    ("Secret", "kuryr-config-credentials"),
    ("ConfigMap", "kuryr-config"),
    ("ConfigMap", DAEMON_CONFIG),
    ("ConfigMap", "kuryr-cni-config"),
)
"""Of the runbook, upstream's manifests, OpenShift's operator and the original's role."""


def read_remains(cluster: KubernetesReader) -> tuple[str, ...]:
    """What is left, in words. No value of a Secret is kept."""
    return tuple(_remains(cluster))


def _remains(cluster: KubernetesReader) -> Iterator[str]:
    for name in read_definitions(cluster):
        yield f"{DEFINITIONS[1]} {name}"
    for home in HOMES:
        for kind, name in CONFIGURATIONS:
            if cluster.get(reference(kind, name, home)) is not None:
                yield f"{kind} {home}/{name}"
    plugged = 0
    for pod in cluster.each_object("v1", "Pod"):
        metadata = part(pod, "metadata")
        marks = metadata.get("finalizers")
        held = isinstance(marks, list) and POD_FINALIZER in marks
        plugged += held or VIF_ANNOTATION in part(metadata, "annotations")
    if plugged:
        yield f"{counted(plugged, 'pod')} with an interface of Kuryr's"
