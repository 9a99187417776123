"""The workload of the acceptance checks: web servers behind a Service of type LoadBalancer.

It uses Kuryr's own image, which every worker already has and which contains Python, so nothing else
is pulled. What the pods run is in a ConfigMap: the server, and the probe that sends all requests.
The pods have no readiness probe: if the kubelet's requests over the network decided whether they
count as available, one fault could hide behind another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from kuryr_runbook.model import addressing
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import PULL_SECRET, digest, labels, pull_secret
from kuryr_runbook.specs.privilege import NONE, TMP, TMP_MOUNT, footprint, pod_security

DEMO = "kuryr-demo"
ACCOUNT = "demo-sa"
SERVICE = "kuryr-demo-service"
SELECTOR = f"app={DEMO}"
SERVICE_PORT = 80
POD_PORT = 8888
SCRIPTS = "kuryr-demo-scripts"
SCRIPTS_DIRECTORY = "/scripts"
SERVER, PROBE = "server.py", "probe.py"

PING = {"name": "net.ipv4.ping_group_range", "value": "0 2147483647"}
"""Lets pods ping without a capability: one of the sysctls that Kubernetes calls safe."""

TRIES = 4
"""Requests to the service's address from each pod, and as many to its floating IP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the pods should reach."""

    pods: Mapping[str, str]
    """The pods' addresses by name: each sends requests to all others."""
    cluster_ip: str
    """The Service's address; empty while it has none."""
    packet: int
    """Bytes of the pod network's largest packet; 0: not known."""
    dns: str
    """Address of the cluster's DNS; empty: there is none."""


def workload_manifests(site: Site, image: str, registry_auth: str) -> list[Manifest]:
    """All objects of the workload, in the order in which they are applied.

    `image` is Kuryr's, by digest; `registry_auth` is the registry's login in the form of docker's
    config.json, empty if it needs none.
    """
    return [
        namespace_manifest(site),
        *script_manifests(site, site.verification.namespace, registry_auth, (SERVER, PROBE)),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(site, ACCOUNT)},
        _role_binding(site),
        _deployment(site, image),
        service_manifest(site),
    ]


def script_manifests(
    site: Site, namespace: str, registry_auth: str, scripts: Sequence[str]
) -> list[Manifest]:
    """What pods need in their namespace: the registry's login, and what they run."""
    metadata = {"namespace": namespace, "labels": labels(site, DEMO)}
    found: list[Manifest] = []
    if registry_auth:
        secret = pull_secret(site, registry_auth)
        found.append({**secret, "metadata": {"name": PULL_SECRET, **metadata}})
    data = {name: _script(name) for name in scripts}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
    return [*found, {**config, "metadata": {"name": SCRIPTS, **metadata}}]


def namespace_manifest(site: Site) -> Manifest:
    """The namespace of all of it, so that deleting it removes everything."""
    name = site.verification.namespace
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels(site, DEMO)},
    }


def service_manifest(site: Site) -> Manifest:
    """The Service: Kuryr creates an Octavia load balancer at its ClusterIP, and a floating IP."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(site, SERVICE),
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": DEMO},
            "ports": [{"protocol": "TCP", "port": SERVICE_PORT, "targetPort": POD_PORT}],
        },
    }


def balancer_name(site: Site) -> str:
    """Kuryr's name for the load balancer of the Service."""
    return f"{site.verification.namespace}/{SERVICE}"


def probe_command(site: Site, pod: str, targets: Targets) -> list[str]:
    """The command for a pod that sends all of its requests; see `share/workload/probe.py`."""
    api = str(addressing.api_service_address(site.kubernetes.service_cidr))
    questions = {
        "peers": [address for name, address in targets.pods.items() if name != pod],
        "port": POD_PORT,
        "external": str(site.verification.external_address),
        "size": targets.packet,
        "vip": [targets.cluster_ip, SERVICE_PORT],
        "tries": TRIES if targets.cluster_ip else 0,
        "api": [api, f"/api/v1/namespaces/{site.verification.namespace}/services"],
        "dns": targets.dns,
    }
    return ["python3", f"{SCRIPTS_DIRECTORY}/{PROBE}", json.dumps(questions)]


def deployment_reference(site: Site) -> Manifest:
    """A reference to the Deployment."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(site, DEMO)}


def _script(name: str) -> str:
    return (resources.files("kuryr_runbook") / "share" / "workload" / name).read_text()


def _metadata(site: Site, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": site.verification.namespace,
        "labels": labels(site, DEMO),
    }


def _role_binding(site: Site) -> Manifest:
    """The ClusterRole `view`, in the workload's own namespace only."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(site, ACCOUNT),
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": ACCOUNT,
                "namespace": site.verification.namespace,
            }
        ],
    }


def _deployment(site: Site, image: str) -> Manifest:
    return {
        **deployment_reference(site),
        "spec": {
            "replicas": site.verification.replicas,
            "selector": {"matchLabels": {"app": DEMO}},
            "template": {
                "metadata": {
                    "labels": {"app": DEMO, "name": DEMO, **labels(site, DEMO)},
                    # Changed scripts need new pods: running ones do not read them again.
                    "annotations": {
                        "kuryr-runbook/config-digest": digest(_script(SERVER), _script(PROBE))
                    },
                },
                "spec": {
                    "serviceAccountName": ACCOUNT,
                    "affinity": {"podAntiAffinity": _spread()},
                    **pod_spec([server_container(image, POD_PORT)]),
                },
            },
        },
    }


def pod_spec(containers: Sequence[Manifest]) -> dict[str, Any]:
    """The rest of a pod with these containers."""
    return {
        "imagePullSecrets": [{"name": PULL_SECRET}],
        "terminationGracePeriodSeconds": 2,
        # Nothing here uses them, and a variable for each service would only confuse people who
        # look into the pod.
        "dnsPolicy": "Default",
        "enableServiceLinks": False,
        "securityContext": pod_security(NONE) | {"sysctls": [PING]},
        "containers": [*containers],
        "volumes": [{"name": "scripts", "configMap": {"name": SCRIPTS}}, TMP],
    }


def server_container(image: str, *ports: int) -> dict[str, Any]:
    """A web server that answers with the pod's name, on each of the ports."""
    pod_name = {"fieldRef": {"fieldPath": "metadata.name"}}
    return {
        "name": "server",
        "image": image,
        "command": ["python3", f"{SCRIPTS_DIRECTORY}/{SERVER}"],
        "env": [
            {"name": "POD_NAME", "valueFrom": pod_name},
            {"name": "PORT", "value": " ".join(map(str, ports))},
        ],
        "ports": [{"containerPort": port, "protocol": "TCP"} for port in ports],
        "resources": footprint(cpu="10m", memory="32Mi", limit="256Mi"),
        "securityContext": NONE.security_context,
        "volumeMounts": [{"name": "scripts", "mountPath": SCRIPTS_DIRECTORY}, TMP_MOUNT],
    }


def _spread() -> dict[str, Any]:
    """Spread over as many workers as possible: traffic between workers has to be verified."""
    term = {
        "labelSelector": {"matchLabels": {"app": DEMO}},
        "topologyKey": "kubernetes.io/hostname",
    }
    return {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 100, "podAffinityTerm": term}
        ]
    }
