"""Pods whose VIF stands where only earlier releases of Kuryr look for it."""

from __future__ import annotations

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import API_GROUP, API_VERSION, VIF_ANNOTATION
from kuryr_runbook.snapshots.parsing import part

PORTS = f"kuryrports.{API_GROUP}"


def read_unmoved(cluster: KubernetesReader) -> tuple[Manifest, ...]:
    """Pods that run on a node, have the annotation, and no KuryrPort of their name."""
    pods = [pod for pod in cluster.list_objects("v1", "Pod") if _runs_with_annotation(pod)]
    have = _ports(cluster) if pods else set()
    return tuple(pod for pod in pods if _place(pod) not in have)


def _runs_with_annotation(pod: Manifest) -> bool:
    return (
        VIF_ANNOTATION in part(pod, "metadata", "annotations")
        and "deletionTimestamp" not in pod["metadata"]
        and part(pod, "status").get("phase") == "Running"
    )


def _ports(cluster: KubernetesReader) -> set[tuple[str, str]]:
    crds = cluster.list_objects("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    if PORTS not in {crd["metadata"]["name"] for crd in crds}:
        return set()
    return set(map(_place, cluster.list_objects(API_VERSION, "KuryrPort")))


def _place(item: Manifest) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]
