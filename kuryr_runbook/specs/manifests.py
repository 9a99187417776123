"""What the Kubernetes objects of controller and daemon have in common, as plain manifests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from kuryr_runbook.model import placement
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import KNOWN_LATER, known_later
from kuryr_runbook.model.releases import Rule
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.specs.privilege import Privilege, pod_security

PULL_SECRET = "kuryr-registry"  # noqa: S105 - the name of a Secret

LABELS = "app.kubernetes.io/"
"""Prefix of the labels that say what an object belongs to."""
MANAGED_BY, INSTANCE = f"{LABELS}managed-by", f"{LABELS}instance"
"""Labels that say what created an object, and for which site: together they are the marks."""
RUNBOOK = "kuryr-runbook"


def labels(site: Site, component: str) -> dict[str, str]:
    """The labels of every object that the runbook creates, including its marks."""
    return {
        MANAGED_BY: RUNBOOK,
        INSTANCE: site.name,
        f"{LABELS}name": component,
    }


def marks(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The marks that an object has, whoever set them."""
    found = manifest["metadata"].get("labels") or {}
    return {key: found[key] for key in (MANAGED_BY, INSTANCE) if key in found}


def made_for(site: Site, manifest: Mapping[str, Any]) -> bool:
    """Whether the object's labels say that the runbook created it for this site."""
    return marks(manifest) == {MANAGED_BY: RUNBOOK, INSTANCE: site.name}


def unmarked(manifest: Mapping[str, Any]) -> Manifest:
    """The same without the runbook's labels: for an object that is not its own."""
    found = manifest["metadata"]
    rest = {k: v for k, v in found.get("labels", {}).items() if not k.startswith(LABELS)}
    return {**manifest, "metadata": {**found, "labels": rest}}


def metadata(site: Site, name: str) -> Manifest:
    """Metadata of an object in the site's namespace."""
    return {
        "name": name,
        "namespace": site.kubernetes.namespace,
        "labels": labels(site, name),
    }


def program_metadata(site: Site, name: str) -> Manifest:
    """Metadata of Kuryr's Deployment or DaemonSet, with the release that it runs."""
    found = metadata(site, name)
    return {**found, "labels": {**found["labels"], RELEASE_LABEL: site.release.name}}


def encoded(text: str) -> str:
    """Base64, as the data of a Secret."""
    return base64.b64encode(text.encode()).decode()


def secret(site: Site, name: str, data: Mapping[str, str], kind: str = "Opaque") -> Manifest:
    """A Secret in the site's namespace; `data` as plain text."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(site, name),
        "type": kind,
        "data": {key: encoded(value) for key, value in data.items()},
    }


def pull_secret(site: Site, auth_json: str) -> Manifest:
    """The registry's login, for the kubelets."""
    data = {".dockerconfigjson": auth_json}
    return secret(site, PULL_SECRET, data, "kubernetes.io/dockerconfigjson")


def config_map(site: Site, name: str, data: Mapping[str, str]) -> Manifest:
    """A ConfigMap in the site's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(site, name),
        "data": dict(data),
    }


def service_account(site: Site, name: str) -> Manifest:
    """A service account; Kuryr uses its token for the API."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(site, name)}


def role(site: Site, name: str, rules: Iterable[Rule]) -> list[Manifest]:
    """A ClusterRole of that name, bound to the service account of that name."""
    metadata = {"name": name, "labels": labels(site, name)}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": [
                {
                    "apiGroups": [rule.group],
                    "resources": list(rule.resources),
                    "verbs": list(rule.verbs),
                }
                for rule in rules
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": name,
            },
            "subjects": [
                {
                    "kind": "ServiceAccount",
                    "name": name,
                    "namespace": site.kubernetes.namespace,
                }
            ],
        },
    ]


def controller_placement(site: Site) -> Manifest:
    """Which nodes take the controller, and before which other pods."""
    section = site.kuryr.controller
    labels = placement.selector(section.node_selector)
    tolerated = (*placement.CONTROLLER_TOLERATES, *section.tolerations)
    return {
        "priorityClassName": section.priority_class,
        "tolerations": [placement.toleration(it) for it in tolerated],
        **({"nodeSelector": labels} if labels else {}),
    }


def daemon_placement(site: Site) -> Manifest:
    """Every node takes the daemon: one without it can start and end no pods."""
    return {
        "priorityClassName": site.kuryr.daemon.priority_class,
        "tolerations": [placement.toleration(placement.EVERY_TAINT)],
    }


def pod_template(
    site: Site,
    name: str,
    config: str,
    privilege: Privilege,
    containers: Sequence[Manifest],
    volumes: Sequence[Manifest],
) -> Manifest:
    """Template of pods that run before there is a pod network; a new `config` restarts them.

    The caller places them.
    """
    return {
        "metadata": {
            "labels": {"name": name, **labels(site, name)},
            # A changed configuration restarts the pods; an unchanged one does not.
            "annotations": {"kuryr-runbook/config-digest": config},
        },
        "spec": {
            "serviceAccountName": name,
            # There is no pod network before Kuryr runs.
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 5,
            "imagePullSecrets": [{"name": PULL_SECRET}],
            "securityContext": pod_security(privilege),
            "containers": [*containers],
            "volumes": [*volumes],
        },
    }


def probe(path: str, port: int, *, delay: int) -> Manifest:
    """A health probe by HTTP; `delay` in seconds."""
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "periodSeconds": 5,
        "timeoutSeconds": 10,
    }


@lru_cache(maxsize=64)
def digest(*texts: str) -> str:
    """Distinguishes two contents without revealing them: short, and slow to guess from.

    A plain hash of a password and random ids would allow guessing the password, and more people can
    read pods' annotations, plans and records, which contain this digest, than Secrets. Since it is
    slow, a process that plans again computes it once; the contents are in its memory anyway.
    """
    whole = "\0".join(texts)
    if KNOWN_LATER.search(whole):
        return known_later("digest")
    return hashlib.scrypt(whole.encode(), salt=b"kuryr-runbook", n=2**14, r=8, p=1, dklen=8).hex()
