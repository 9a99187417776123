"""All that Keystone, Neutron, Octavia and Kubernetes hold, in a form that compares."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient

NEUTRON_AND_OCTAVIA = (
    "network", "subnet", "subnet_pool", "router", "port", "security_group", "security_group_rule",
    "floatingip", "loadbalancer", "listener", "pool",
)  # fmt: skip
BY_CHANCE = {
    "id", "created_at", "updated_at", "revision_number", "mac_address", "ip_address",
    "fixed_ips", "device_id", "vip_port_id", "allowed_address_pairs", "standard_attr_id",
    "provider:segmentation_id",
}  # fmt: skip
"""What differs between two clouds that are set up alike."""
CONTENT = ("rules", "roleRef", "subjects", "type", "data", "spec")
MADE_BY = "app.kubernetes.io/managed-by"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER = re.compile(r"[0-9]+$")
"""The end of an application credential's name: each new one gets the next."""
DRAWN = re.compile(r"^application_credential_(id|secret) = .*$", re.MULTILINE)
"""Lines of kuryr.conf that are others with each application credential."""
OF_KUBELETS = "kube-node-lease"
"""Namespace of what each kubelet makes some seconds after its node is Ready."""
UNSTABLE_FIELDS = {"revision_number", "updated_at"}
KUBERNETES = (
    ("v1", "Namespace"), ("v1", "Pod"), ("v1", "Service"), ("v1", "Secret"), ("v1", "ConfigMap"),
    ("v1", "ServiceAccount"), ("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"), ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("coordination.k8s.io/v1", "Lease"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
)  # fmt: skip


def world(cloud: OpenStackClient, cluster: KubernetesClient) -> dict[str, dict[str, str]]:
    """Every resource by its key; the value is all of it that does not change by itself."""
    found: dict[str, dict[str, str]] = {}
    for kind in NEUTRON_AND_OCTAVIA:
        found[kind] = {
            item["id"]: repr(sorted((k, v) for k, v in item.items() if k not in UNSTABLE_FIELDS))
            for item in cloud.list_resources(kind)
        }
    found["application_credential"] = {
        item["id"]: item["name"] for item in IdentityClient(cloud.session).application_credentials()
    }
    for version, kind in KUBERNETES:
        found[kind] = {
            "/".join(
                filter(None, (item["metadata"].get("namespace"), item["metadata"]["name"]))
            ): ""
            for item in cluster.list_objects(version, kind)
            if item["metadata"].get("namespace") != OF_KUBELETS
        }
    return found


def shape(cloud: OpenStackClient, cluster: KubernetesClient) -> list[str]:
    """What there is and how it hangs together, without ids and what else differs each time."""
    found = {kind: cloud.list_resources(kind) for kind in NEUTRON_AND_OCTAVIA}
    names = {
        item["id"]: f"<{UUID.sub('<id>', item.get('name', ''))}>"
        for items in found.values()
        for item in items
    }

    def named(value: Any) -> Any:
        match value:
            case dict():
                return {k: named(v) for k, v in sorted(value.items()) if k not in BY_CHANCE}
            case list():
                return sorted((named(item) for item in value), key=repr)
            case str():
                # Octavia puts ids into names too.
                return UUID.sub(lambda found: names.get(found.group(), "<id>"), value)
        return value

    told = [f"{kind}: {named(item)}" for kind, items in found.items() for item in items]
    for version, kind in KUBERNETES:
        for item in cluster.list_objects(version, kind) if kind != "Pod" else ():
            if item["metadata"].get("labels", {}).get(MADE_BY) == "kuryr-runbook":
                content = named(_content(item, named))
                told.append(f"{kind}: {item['metadata']['name']}: {content}")
    for item in IdentityClient(cloud.session).application_credentials():
        name, roles = NUMBER.sub("<n>", item["name"]), sorted(it["name"] for it in item["roles"])
        told.append(f"application_credential: {name}: {item['description']}: {roles}")
    return sorted(told)


def _content(item: Mapping[str, Any], named: Callable[[Any], Any]) -> dict[str, Any]:
    """What an object of Kubernetes says, but for what is drawn anew each time."""
    content: dict[str, Any] = {key: item.get(key) for key in CONTENT}
    if item["kind"] in ("Deployment", "DaemonSet"):
        # They tell what was replaced, and with which credential the pods were started.
        content["spec"]["template"]["metadata"].pop("annotations", None)
    if item["kind"] == "Secret":
        texts = {key: b64decode(value).decode() for key, value in item["data"].items()}
        content["data"] = {k: _digest(named(DRAWN.sub("", text))) for k, text in texts.items()}
    return content


def _digest(text: str) -> str:
    """Tells whether two are alike, and nothing of what they are."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changes(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """What differs between two worlds, in words."""
    told = []
    for kind, items in before.items():
        for key in sorted({*items, *after[kind]}):
            was, is_ = items.get(key), after[kind].get(key)
            if was != is_:
                what = "new" if was is None else "gone" if is_ is None else f"was {was}, is {is_}"
                told.append(f"{kind} {key}: {what}")
    return told
