"""The rights of controller and daemon in the cluster: no more than the calls in their code need.

For the handlers and drivers that the runbook sets.
"""

from __future__ import annotations

from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.model.releases.parts import Rule

NODES = Rule(group="", resources=("nodes",), verbs=("get",))
SERVICE_STATUS = Rule(group="", resources=("services/status",), verbs=("patch",))
READ = ("get", "list", "watch")

ANNOTATING_CONTROLLER = (
    NODES,
    Rule(group="", resources=("pods", "services", "endpoints"), verbs=(*READ, "patch")),
    SERVICE_STATUS,
)
"""State is written into annotations of pods, services and endpoints."""

ANNOTATION_DAEMON = (Rule(group="", resources=("pods",), verbs=READ),)
"""The daemon only reads the annotations of its node's pods."""

OWN_RESOURCES = (
    Rule(
        group=API_GROUP,
        resources=("kuryrports", "kuryrloadbalancers"),
        verbs=(*READ, "create", "patch", "delete"),
    ),
    # Read to find out whether a namespace has a subnet of its own, and for dead ports.
    Rule(group=API_GROUP, resources=("kuryrnetworks",), verbs=("get", "list")),
)

CONVERTING_CONTROLLER = (*ANNOTATING_CONTROLLER, *OWN_RESOURCES)
"""State is in custom resources; remaining annotations are moved there, endpoints' too."""

CRD_CONTROLLER = (
    NODES,
    # Finalizers are patched into pods and services.
    Rule(group="", resources=("pods", "services"), verbs=(*READ, "patch")),
    Rule(group="", resources=("endpoints",), verbs=READ),
    SERVICE_STATUS,
    *OWN_RESOURCES,
)

NAMESPACES = (
    Rule(group="", resources=("namespaces",), verbs=READ),
    Rule(group=API_GROUP, resources=("kuryrnetworks",), verbs=("watch", "create", "patch")),
)
"""For subnets of namespaces: Kubernetes deletes a KuryrNetwork together with its namespace."""

ANNOTATED_NAMESPACES = (
    *NAMESPACES,
    # By an annotation the handler of pods has that of namespaces look again.
    Rule(group="", resources=("namespaces",), verbs=("patch",)),
)
"""The same from Yoga on."""

POLICIES = (
    # Annotated, so that the handler looks at them again, and with a finalizer.
    Rule(group="networking.k8s.io", resources=("networkpolicies",), verbs=(*READ, "patch")),
    Rule(
        group=API_GROUP,
        resources=("kuryrnetworkpolicies",),
        verbs=(*READ, "create", "patch", "delete"),
    ),
)
"""For network policies, in addition to those for subnets of namespaces."""

EVENTS = (Rule(group="", resources=("events",), verbs=("create",)),)

PORTS = Rule(group=API_GROUP, resources=("kuryrports",), verbs=READ)

CRD_DAEMON = (PORTS, Rule(group="", resources=("pods",), verbs=("get",)))
"""The daemon watches the ports of its node's pods."""

WATCHING_DAEMON = (PORTS, Rule(group="", resources=("pods",), verbs=READ))
"""The daemon also watches the pods of its node, to notice their deletion."""
