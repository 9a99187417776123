"""What a site requires of Neutron, Octavia and Kubernetes before anything is created, as data.

Sources: the runbook's own requests, and those of kuryr-kubernetes (`clients.py`,
`controller/drivers/`) by release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.model.placement import BUILT_IN_CLASSES, priority_classes
from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.policy_trials import policy_namespaces


def needed_extensions(site: Site) -> Mapping[str, str]:
    """Alias of each Neutron extension that the site needs, and what it is for."""
    needed = {
        "security-group": "groups of nodes and pods",
        "port-security": "shows which ports filter",
        "router": "connects nodes, pods and services",
        "external-net": "floating IPs of services",
        "standard-attr-description": "for the mark on what the runbook creates",
    }
    if site.driver.needs_address_pairs:
        needed["allowed-address-pairs"] = "pods' addresses on their worker's port"
        if site.release.needs_revisions:
            needed["standard-attr-revisions"] = "Kuryr changes a worker's pairs by If-Match"
    if site.release.needs_quota_details:
        needed["quota_details"] = "without it Kuryr's controller is never ready"
    if site.driver.sends_binding_host:
        needed["binding"] = "Kuryr sets binding:host_id on pods' ports"
    if site.network.namespace_subnets.enabled:
        needed["subnet_allocation"] = "subnets of namespaces come from a subnet pool"
    if site.driver.needs_trunks:
        needed["trunk"] = "pods' ports are subports of their worker's trunk"
    return needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that the runbook does through the cluster's API."""

    verb: str
    group: str
    """API group; empty for the core."""
    resource: str
    """Plural, with the subresource after a slash."""
    namespace: str | None
    """None: all of them, or the resource has none."""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {resource}{where}"


EVERYTHING = Right(verb="*", group="*", resource="*", namespace=None)
"""What cluster-admin is allowed."""

MANAGED = ("get", "list", "create", "patch", "delete")
APPS, RBAC = "apps", "rbac.authorization.k8s.io"


Rights = tuple[str | None, str, tuple[str, ...], tuple[str, ...]]


def _custom_resource_rights(site: Site) -> Iterator[Rights]:
    """Definitions are read for every release; if there are any, Kuryr keeps objects.

    Teardown removes their finalizers, and an upgrade adds them.
    """
    crds = site.release.crds
    definitions = ("customresourcedefinitions",)
    yield None, "apiextensions.k8s.io", definitions, MANAGED if crds else ("list",)
    if crds:
        yield None, "", ("pods", "services"), ("patch",)
        yield None, "networking.k8s.io", ("networkpolicies",), ("patch",)
        yield None, API_GROUP, tuple(crd.plural for crd in crds), MANAGED


def _resilience_rights(site: Site) -> Iterator[Rights]:
    """A node is cordoned, and the workload's pods on it are deleted."""
    yield None, "", ("nodes",), ("patch",)
    yield site.verification.namespace, "", ("pods",), ("delete",)


def _policy_rights(site: Site) -> Iterator[Rights]:
    """The verification tries policies, with pods of its own."""
    if not site.kuryr.network_policies:
        return
    for space in policy_namespaces(site):
        yield space, "", ("pods", "configmaps", "secrets", "services"), MANAGED
        yield space, "networking.k8s.io", ("networkpolicies",), MANAGED
        yield space, "", ("pods/exec",), ("create",)


def _priority_rights(site: Site) -> Iterator[Rights]:
    """Every cluster has the built-in classes; preflight looks for the others."""
    wanted = priority_classes(site.kuryr.controller, site.kuryr.daemon).values()
    if not set(wanted) <= set(BUILT_IN_CLASSES):
        yield None, "scheduling.k8s.io", ("priorityclasses",), ("get",)


def needed_rights(site: Site, *, resilience: bool = False) -> Iterator[Right]:
    """Everything that the runbook does through the cluster's API, from preflight to teardown.

    With `resilience` the verification also disturbs what it observes.
    """
    home, guest = site.kubernetes.namespace, site.verification.namespace
    for namespace, group, resources, verbs in (
        *_custom_resource_rights(site),
        *(_resilience_rights(site) if resilience else ()),
        *_priority_rights(site),
        *_policy_rights(site),
        (None, "", ("namespaces",), MANAGED),
        (None, RBAC, ("clusterroles", "clusterrolebindings"), MANAGED),
        (None, "", ("nodes",), ("list", "watch")),
        (None, "", ("pods", "services"), ("list",)),
        (None, "networking.k8s.io", ("networkpolicies",), ("list",)),
        (None, APPS, ("daemonsets", "deployments"), ("list",)),
        ("default", "", ("services", "endpoints"), ("get",)),
        (home, "", ("secrets", "serviceaccounts", "configmaps"), MANAGED),
        (home, APPS, ("daemonsets", "deployments"), (*MANAGED, "watch")),
        (home, "coordination.k8s.io", ("leases",), ("get", "create", "update", "delete")),
        (home, "", ("pods",), (*MANAGED, "watch")),
        (home, "", ("pods/log",), ("get",)),
        (home, "", ("pods/exec",), ("create",)),
        (guest, "", ("secrets", "configmaps", "serviceaccounts", "services"), MANAGED),
        (guest, RBAC, ("rolebindings",), MANAGED),
        (guest, APPS, ("deployments",), (*MANAGED, "watch")),
        (guest, "", ("endpoints",), ("get",)),
        (guest, "", ("pods", "events"), ("list", "watch")),
        (guest, "", ("pods/exec",), ("create",)),
    ):
        for resource in resources:
            for verb in verbs:
                yield Right(verb=verb, group=group, resource=resource, namespace=namespace)
