"""What a site asks of Neutron, Octavia and Kubernetes before anything is made, as data.

Sources: the requests that the runbook sends, and those of kuryr-kubernetes (`clients.py`,
`controller/drivers/`) by release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import Release
from kuryr_runbook.model.site import Site

TRAIN, USSURI, VICTORIA, WALLABY = (1, 1), (2, 0), (3, 0), (4, 0)
"""The first versions of kuryr-kubernetes of these releases."""


def needed_extensions(site: Site) -> Mapping[str, str]:
    """Alias of each extension of Neutron that the site needs, and what for."""
    needed = {
        "security-group": "groups of nodes and pods",
        "port-security": "tells which ports filter",
        "router": "the way between nodes, pods and services",
        "external-net": "floating IPs of services",
        "standard-attr-description": "holds the mark on what the runbook makes",
    }
    if site.driver.needs_address_pairs:
        needed["allowed-address-pairs"] = "pods' addresses on their worker's port"
        if kuryr_version(site.release) >= TRAIN:
            needed["standard-attr-revisions"] = "Kuryr changes a worker's pairs by If-Match"
    if site.driver.sends_binding_host:
        needed["binding"] = "Kuryr sets binding:host_id on pods' ports"
    if site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
        needed["trunk"] = "pods' ports are subports of their worker's trunk"
    return needed


@dataclass(frozen=True, slots=True)
class OctaviaFeature:
    """Something that Kuryr asks Octavia for when its API is new enough, and else does without."""

    api: tuple[int, int]
    """The first version of Octavia's API that has it."""
    kuryr: tuple[int, int]
    """The first version of Kuryr that asks."""
    name: str


OCTAVIA_FEATURES = (
    OctaviaFeature((2, 6), VICTORIA, "choice of the provider"),
    OctaviaFeature((2, 11), USSURI, "TCP and UDP on one port"),
    OctaviaFeature((2, 12), USSURI, "access lists of listeners"),
    OctaviaFeature((2, 23), WALLABY, "SCTP"),
)


def octavia_features(release: Release) -> tuple[OctaviaFeature, ...]:
    """The features that a release asks for; none of them is needed for it to work."""
    version = kuryr_version(release)
    return tuple(feature for feature in OCTAVIA_FEATURES if feature.kuryr <= version)


def needs_amphora(release: Release) -> bool:
    """Whether load balancers have to be amphorae, or of a provider that does as they do.

    Stein and Train always ask for ROUND_ROBIN, which the provider `ovn` refuses.
    """
    return "lb_algorithm" not in release.octavia_options


def kuryr_version(release: Release) -> tuple[int, int]:
    """Major and minor of the package kuryr-kubernetes."""
    major, minor, *_ = release.version.split(".")
    return int(major), int(minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that the runbook does at the cluster's API."""

    verb: str
    group: str
    """API group; empty for the core."""
    resource: str
    """Plural, with the subresource after a slash."""
    namespace: str | None
    """None: in all of them, or the resource has none."""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {resource}{where}"


EVERYTHING = Right(verb="*", group="*", resource="*", namespace=None)
"""What cluster-admin may."""

MANAGED = ("get", "list", "create", "patch", "delete")
APPS, RBAC = "apps", "rbac.authorization.k8s.io"


def needed_rights(site: Site) -> Iterator[Right]:
    """All that the runbook does at the cluster's API, from preflight to teardown."""
    home, guest = site.kubernetes.namespace, site.verification.namespace
    for namespace, group, resources, verbs in (
        (None, "", ("namespaces",), MANAGED),
        (None, RBAC, ("clusterroles", "clusterrolebindings"), MANAGED),
        (None, "", ("nodes",), ("list", "watch")),
        (None, "", ("pods", "services"), ("list",)),
        (None, "networking.k8s.io", ("networkpolicies",), ("list",)),
        (None, "apiextensions.k8s.io", ("customresourcedefinitions",), ("list",)),
        (None, APPS, ("daemonsets", "deployments"), ("list",)),
        ("default", "", ("services", "endpoints"), ("get",)),
        (home, "", ("secrets", "serviceaccounts", "configmaps"), MANAGED),
        (home, APPS, ("daemonsets", "deployments"), (*MANAGED, "watch")),
        (home, "coordination.k8s.io", ("leases",), ("get", "create", "update", "delete")),
        (home, "", ("pods",), ("list", "watch")),
        (home, "", ("pods/log",), ("get",)),
        (home, "", ("pods/exec",), ("create",)),
        (guest, "", ("secrets", "serviceaccounts", "services"), MANAGED),
        (guest, RBAC, ("rolebindings",), MANAGED),
        (guest, APPS, ("deployments",), (*MANAGED, "watch")),
        (guest, "", ("endpoints",), ("get",)),
        (guest, "", ("pods", "events"), ("list", "watch")),
        (guest, "", ("pods/exec",), ("create",)),
    ):
        for resource in resources:
            for verb in verbs:
                yield Right(verb=verb, group=group, resource=resource, namespace=namespace)
