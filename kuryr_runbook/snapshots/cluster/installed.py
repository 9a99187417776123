"""Which release of Kuryr a cluster runs, and the pods of an earlier one, from its objects."""

from __future__ import annotations

from typing import Protocol

from kuryr_runbook.clients.images.registry import RemoteImage
from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import API_GROUP, API_VERSION, VIF_ANNOTATION
from kuryr_runbook.model.releases.release import Release
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import RELEASE_LABEL, UNKNOWN, Installed
from kuryr_runbook.snapshots.cluster.kuryr_objects import kuryr_object_of, vifs_of
from kuryr_runbook.snapshots.cluster.objects import pod_of
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.parsing import part, parts
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.controller import controller_reference
from kuryr_runbook.specs.daemon import daemon_reference
from kuryr_runbook.specs.image import LABEL, Reference


class ClusterReader(Protocol):
    """What is needed of a cluster."""

    def get(self, manifest: Manifest) -> Manifest | None:
        """The object that the manifest names, or None if it does not exist."""


class ImageReader(Protocol):
    """What is needed of a registry."""

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        """Digest, labels and size of an image, or None if the registry has none of that name."""


def read_installed(
    site: Site, cluster: ClusterReader, registry: ImageReader | Unreadable
) -> Installed:
    """Read both, from the object's label or else from the label of its image in the registry."""
    deployment = cluster.get(controller_reference(site))
    daemon_set = cluster.get(daemon_reference(site))
    return Installed(
        controller=_release(deployment, registry), daemon=_release(daemon_set, registry)
    )


def _release(program: Manifest | None, registry: ImageReader | Unreadable) -> str | None:
    if program is None:
        return None
    label = part(program, "metadata", "labels").get(RELEASE_LABEL)
    if label:
        return str(label)
    containers = parts(part(program, "spec", "template", "spec"), "containers")
    images = [str(container.get("image", "")) for container in containers]
    return _release_of_image(images[0], registry) if images else UNKNOWN


def _release_of_image(name: str, registry: ImageReader | Unreadable) -> str:
    """The release in the image's label; unknown if the registry does not answer."""
    if isinstance(registry, Unreadable):
        return UNKNOWN
    image = attempted(lambda: registry.remote_image(Reference.parse(name)))
    if isinstance(image, RemoteImage):
        return image.labels.get(f"{LABEL}.release", UNKNOWN)
    return UNKNOWN


PORTS = f"kuryrports.{API_GROUP}"


def read_unmoved(cluster: KubernetesReader) -> tuple[Manifest, ...]:
    """Pods that run on a node and have the annotation, but no KuryrPort of their name."""
    pods = [pod for pod in cluster.list_objects("v1", "Pod") if _runs_with_annotation(pod)]
    have = _ports(cluster) if pods else set()
    return tuple(pod for pod in pods if _place(pod) not in have)


def read_used_ports(release: Release, cluster: KubernetesReader) -> frozenset[str]:
    """Ids of the Neutron ports that pods have, from where the release notes them; strictly."""
    if release.vif_state.kind == "Pod":
        found = map(pod_of, cluster.list_objects("v1", "Pod"))
        vifs = vifs_of(release, (pod for pod in found if pod is not None), ())
    else:
        ports = cluster.list_objects(API_VERSION, "KuryrPort")
        vifs = vifs_of(release, (), map(kuryr_object_of, ports))
    return frozenset(vif.port_id for vif in vifs.values() if isinstance(vif, PodVif))


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
