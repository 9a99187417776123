"""The namespaces that the verification makes, and removes with everything in them."""

from __future__ import annotations

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import made_for


def own_namespace(site: Site, cluster: KubernetesReader, wanted: Manifest) -> Manifest | None:
    """The namespace, if it is there. Raises DriftError if it is somebody else's."""
    namespace = cluster.get(wanted)
    if namespace is not None and not made_for(site, namespace):
        name = wanted["metadata"]["name"]
        raise DriftError(
            f"namespace {name} exists, but the runbook did not create it for site {site.name}",
            remedy="choose another name in verification.namespace: the runbook deletes the "
            "namespace at the end",
        )
    return namespace
