"""The definitions of Kuryr's custom resources, for the releases that keep their state in them."""

from __future__ import annotations

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import Crd
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import labels


def custom_resource_definitions(site: Site) -> list[Manifest]:
    """One for each custom resource of the site's release."""
    return [_definition(site, crd) for crd in site.release.crds]


def _definition(site: Site, crd: Crd) -> Manifest:
    """Any content is kept: what Kuryr writes differs between releases.

    A field that a schema does not name would be dropped without a word, and state is all that these
    resources are for. There is no status subresource: Kuryr patches `.status` in the resource.
    """
    group, version = API_VERSION.split("/")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd.name, "labels": labels(site, crd.plural)},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": crd.kind,
                "listKind": f"{crd.kind}List",
                "plural": crd.plural,
                "singular": crd.kind.lower(),
                "shortNames": [crd.short_name],
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": anything, "status": anything},
                        }
                    },
                }
            ],
        },
    }
