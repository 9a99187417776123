"""Everything that the preflight checks read, once, without changing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from kuryr_runbook.clients.images.registry import RemoteImage
from kuryr_runbook.clients.images.signatures import SignatureReader, signature_objection
from kuryr_runbook.clients.kubernetes.probes import ClusterProber
from kuryr_runbook.clients.openstack.probes import CloudProber
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.placement import BUILT_IN_CLASSES, priority_classes
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.snapshots.cloud.permissions import CloudPermissions, read_permissions
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.cluster.installed import read_installed
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces, read_interfaces
from kuryr_runbook.snapshots.cluster.node_probes import Probes, own_interfaces
from kuryr_runbook.snapshots.cluster.permissions import (
    ClusterPermissions,
    read_cluster_permissions,
)
from kuryr_runbook.snapshots.cluster.state import ClusterState, read_before_kuryr
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.image import Reference
from kuryr_runbook.specs.requirements import needed_rights


class RegistryReader(SignatureReader, Protocol):
    """A registry that can be read."""

    def digest(self, reference: Reference) -> str | None:
        """Digest of an image, or None if the registry has none of that name."""

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        """Digest, labels and size of an image, or None if the registry has none of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightSnapshot:
    """Cloud, cluster and registry at one time; what could not be read is marked as such."""

    taken_at: datetime
    site: Site
    cloud: CloudState
    permissions: CloudPermissions
    cluster: ClusterState
    rights: ClusterPermissions | Unreadable
    installed: Installed | Unreadable
    """The releases of Kuryr that the cluster runs."""
    priority_classes: frozenset[str] | Unreadable
    """Those that the site names and the cluster has, except for the built-in ones."""
    image: str | Unreadable | None
    """Digest of Kuryr's image in the site's registry; None: it has not been built yet."""
    base_image: str | Unreadable | None
    """Digest of the base image; None: its registry has none of that name."""
    objection: str | Unreadable
    """Why the site does not accept that image's signature; empty: it does, or there is no image."""
    interfaces: tuple[NodeInterfaces, ...] | Unreadable
    """Those of all nodes."""
    probes: Probes | Unreadable
    """What pods on the nodes have found out."""


NOT_PROBED = Unreadable(
    "it takes a pod on each node, which has to be asked for: run --probe-nodes, or the option "
    "probe_nodes"
)


def read_preflight(
    site: Site,
    cloud: CloudProber | Unreadable,
    cluster: ClusterProber | Unreadable,
    registry: RegistryReader | Unreadable,
    *,
    resilience: bool = False,
) -> PreflightSnapshot:
    """Read all of them; if one does not answer, the others are read nevertheless.

    `resilience`: whether the verification will disturb pods and a node, which needs more rights.
    """
    taken_at = datetime.now(UTC)
    found = read_before_kuryr(cluster)
    state, permissions = read_permissions(site, cloud, found.pods_per_node)
    image = _digest(registry, f"{site.image.repository}:{site.release.name}")
    return PreflightSnapshot(
        taken_at=taken_at,
        site=site,
        cloud=state,
        permissions=permissions,
        cluster=found,
        rights=_rights(site, found, cluster, resilience=resilience),
        installed=_installed(site, found, cluster, registry),
        priority_classes=_priority_classes(site, found, cluster),
        image=image,
        base_image=_digest(registry, site.base_image),
        objection=_objection(site, image, registry),
        interfaces=_interfaces(site, found, cluster),
        probes=NOT_PROBED,
    )


def pullable(snapshot: PreflightSnapshot) -> tuple[str, bool]:
    """The image that nodes should be able to pull, and whether it is there.

    Before phase 01 it is the base image, if that comes from the same registry; otherwise Kuryr's,
    which the registry can only answer that it does not have.
    """
    site = snapshot.site
    kuryr = Reference.parse(f"{site.image.repository}:{site.release.name}")
    if isinstance(snapshot.image, str):
        return str(kuryr.at(snapshot.image)), True
    base = Reference.parse(site.base_image)
    if base.registry == kuryr.registry and isinstance(snapshot.base_image, str):
        return str(base.at(snapshot.base_image)), True
    return str(kuryr), False


def with_probes(snapshot: PreflightSnapshot, probes: Probes | Unreadable) -> PreflightSnapshot:
    """The snapshot with what pods on the nodes have found out, or why they have not."""
    if isinstance(probes, Unreadable):
        return replace(snapshot, probes=probes)
    own = own_interfaces(probes.answers)
    seen = () if isinstance(snapshot.interfaces, Unreadable) else snapshot.interfaces
    names = {it.node: it.names for it in seen}
    silent = snapshot.interfaces if isinstance(snapshot.interfaces, Unreadable) else NOT_PROBED
    interfaces = tuple(
        NodeInterfaces(
            node=it.node,
            names=names.get(it.node, it.own if isinstance(it.own, Unreadable) else silent),
            own=own.get(it.node, ""),
        )
        for it in probes.answers
    )
    return replace(snapshot, probes=probes, interfaces=interfaces)


def _interfaces(
    site: Site, found: ClusterState, cluster: ClusterProber | Unreadable
) -> tuple[NodeInterfaces, ...] | Unreadable:
    if isinstance(cluster, Unreadable):
        return cluster
    if isinstance(found.nodes, Unreadable):
        return found.nodes
    # Its pods are plugged into a switch: nothing reads the nodes' interfaces.
    return () if site.driver.plugs_into_ovs else read_interfaces(cluster, found.nodes)


def _objection(
    site: Site, digest: str | Unreadable | None, registry: RegistryReader | Unreadable
) -> str | Unreadable:
    if isinstance(registry, Unreadable) or not isinstance(digest, str):
        return ""
    image = Reference.parse(f"{site.image.repository}@{digest}")
    return attempted(lambda: signature_objection(site, image, registry))


def _installed(
    site: Site,
    found: ClusterState,
    cluster: ClusterProber | Unreadable,
    registry: RegistryReader | Unreadable,
) -> Installed | Unreadable:
    """Read nothing from a cluster that did not answer."""
    if isinstance(cluster, Unreadable):
        return cluster
    if isinstance(found.version, Unreadable):
        return found.version
    return attempted(lambda: read_installed(site, cluster, registry))


def _priority_classes(
    site: Site, found: ClusterState, cluster: ClusterProber | Unreadable
) -> frozenset[str] | Unreadable:
    if isinstance(cluster, Unreadable):
        return cluster
    if isinstance(found.version, Unreadable):
        return found.version
    named = priority_classes(site.kuryr.controller, site.kuryr.daemon).values()
    own = frozenset(named) - frozenset(BUILT_IN_CLASSES)
    return attempted(lambda: frozenset(name for name in own if cluster.get(_class(name))))


def _class(name: str) -> Manifest:
    kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    return {**kind, "metadata": {"name": name}}


def _rights(
    site: Site, found: ClusterState, cluster: ClusterProber | Unreadable, *, resilience: bool
) -> ClusterPermissions | Unreadable:
    if isinstance(cluster, Unreadable):
        return cluster
    if isinstance(found.version, Unreadable):
        return found.version
    return read_cluster_permissions(needed_rights(site, resilience=resilience), cluster)


def _digest(registry: RegistryReader | Unreadable, name: str) -> str | Unreadable | None:
    if isinstance(registry, Unreadable):
        return registry
    reference = attempted(lambda: Reference.parse(name))
    if isinstance(reference, Unreadable):
        return reference
    return attempted(lambda: registry.digest(reference))
