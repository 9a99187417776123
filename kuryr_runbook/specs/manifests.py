"""The Kubernetes objects of the controller and the daemon, as plain manifests."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.image import PLUGIN_PATH

Manifest = dict[str, Any]

PULL_SECRET = "kuryr-registry"  # noqa: S105 - the name of a Secret
CA_SECRET = "os-client-ca"  # noqa: S105
CA_KEY = "os_ca.crt"
CONFIG_SECRET = "kuryr-config"  # noqa: S105
DAEMON_CONFIG = "kuryr-daemon-config"
CNI_CONFIG = "kuryr-cni-conf"
CONTROLLER = "kuryr-controller"
DAEMON = "kuryr-daemon"
CLEANER = "kuryr-cleaner"

CNI_FILE = "10-kuryr.conf"
PLUGIN = "kuryr-cni"


TOLERATIONS = [
    {"key": key, "operator": "Exists", "effect": "NoSchedule"}
    for key in (
        # Nodes are not ready until Kuryr runs on them, and not initialised until the cloud
        # provider, which may wait for the network itself, has been there.
        "node.kubernetes.io/not-ready",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node-role.kubernetes.io/master",
        "node-role.kubernetes.io/control-plane",
    )
]


def labels(site: Site, component: str) -> dict[str, str]:
    """The marks on every object that the runbook makes."""
    return {
        "app.kubernetes.io/managed-by": "kuryr-runbook",
        "app.kubernetes.io/instance": site.name,
        "app.kubernetes.io/name": component,
    }


def is_marked(site: Site, manifest: Mapping[str, Any]) -> bool:
    """Whether the object bears the marks of this site."""
    marks = manifest["metadata"].get("labels", {})
    return all(
        marks.get(key) == value
        for key, value in labels(site, "").items()
        if key != "app.kubernetes.io/name"
    )


def encoded(text: str) -> str:
    """Base64, as the data of a Secret."""
    return base64.b64encode(text.encode()).decode()


def secret(site: Site, name: str, data: Mapping[str, str], kind: str = "Opaque") -> Manifest:
    """A Secret of the site's namespace; `data` in clear."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(site, name),
        "type": kind,
        "data": {key: encoded(value) for key, value in data.items()},
    }


def pull_secret(site: Site, auth_json: str) -> Manifest:
    """The registry's login, for the kubelets."""
    data = {".dockerconfigjson": auth_json}
    return secret(site, PULL_SECRET, data, "kubernetes.io/dockerconfigjson")


def service_account(site: Site, name: str) -> Manifest:
    """A service account; its token is what Kuryr talks to the API with."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(site, name)}


def role(site: Site, name: str, rules: list[dict[str, Any]]) -> list[Manifest]:
    """A ClusterRole of that name, bound to the service account of that name."""
    metadata = {"name": name, "labels": labels(site, name)}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": rules,
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


CONTROLLER_RULES: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]},
    {
        "apiGroups": [""],
        "resources": ["pods", "services", "endpoints"],
        "verbs": ["get", "list", "watch", "patch"],
    },
    {"apiGroups": [""], "resources": ["services/status"], "verbs": ["patch"]},
]
"""What Stein to Ussuri call with the handlers vif, lb and lbaasspec."""

DAEMON_RULES: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
]
"""The daemon only reads the annotations of its node's pods."""


def controller_manifests(site: Site, image: str, conf: str, ca_pem: str) -> list[Manifest]:
    """All objects of the controller, in the order in which they are applied."""
    return [
        secret(site, CA_SECRET, {CA_KEY: ca_pem}),
        secret(site, CONFIG_SECRET, {"kuryr.conf": conf}),
        service_account(site, CONTROLLER),
        *role(site, CONTROLLER, CONTROLLER_RULES),
        _controller_deployment(site, image, _digest(conf, ca_pem)),
    ]


def daemon_manifests(site: Site, image: str, conf: str) -> list[Manifest]:
    """All objects of the daemon, in the order in which they are applied."""
    cni = cni_conf()
    return [
        config_map(site, DAEMON_CONFIG, {"kuryr.conf": conf}),
        config_map(site, CNI_CONFIG, {CNI_FILE: cni}),
        service_account(site, DAEMON),
        *role(site, DAEMON, DAEMON_RULES),
        _daemon_set(site, image, _digest(conf, cni, install_script(site))),
    ]


def config_map(site: Site, name: str, data: Mapping[str, str]) -> Manifest:
    """A ConfigMap of the site's namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(site, name),
        "data": dict(data),
    }


def cni_conf() -> str:
    """What the kubelet reads. The Go plugin knows no key of its own: it finds the daemon itself."""
    return json.dumps({"cniVersion": "0.3.1", "name": "kuryr", "type": PLUGIN}) + "\n"


def install_script(site: Site) -> str:
    """Puts plugin and CNI configuration on a node; the configuration last.

    The kubelet calls a node ready as soon as it sees a configuration, so the plugin has to be
    there before. Both are moved into place whole. The last line tells which configuration the
    kubelet takes: the first by name.
    """
    bring = (
        f"cp {PLUGIN_PATH} /cni-bin/.{PLUGIN} && mv -f /cni-bin/.{PLUGIN} /cni-bin/{PLUGIN}"
        if site.kuryr.cni_plugin == "install"
        else f"test -x /cni-bin/{PLUGIN} || "
        f"{{ echo 'no executable {PLUGIN} in /opt/cni/bin of this node'; exit 1; }}"
    )
    return "\n".join(
        [
            "set -e",
            bring,
            f"cp /cni-source/{CNI_FILE} /cni-conf/.{CNI_FILE}",
            f"mv -f /cni-conf/.{CNI_FILE} /cni-conf/{CNI_FILE}",
            'echo "plugin sha256: $(sha256sum < /cni-bin/' + PLUGIN + ' | cut -d" " -f1)"',
            'echo "first configuration: $(ls /cni-conf | head -n 1)"',
        ]
    )


def remove_script(site: Site) -> str:
    """Takes from a node what the init container put there; a preinstalled plugin stays.

    Again each second, and once more at the end: a daemon that restarts meanwhile puts it back.
    """
    files = [f"/cni-conf/{CNI_FILE}"]
    if site.kuryr.cni_plugin == "install":
        files.append(f"/cni-bin/{PLUGIN}")
    remove = f"rm -f {' '.join(files)}"
    return f"trap '{remove}; exit' TERM\nwhile {remove}; do sleep 1; done"


def cleaner_manifest(site: Site, image: str) -> Manifest:
    """A DaemonSet that takes plugin and configuration from every node until it is deleted.

    It is also the sign, for a teardown that was cut off, that nodes are yet to be cleaned.
    """
    name = CLEANER
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _metadata(site, name),
        "spec": {
            "selector": {"matchLabels": {"name": name}},
            "template": {
                "metadata": {"labels": {"name": name, **labels(site, name)}},
                "spec": {
                    "hostNetwork": True,
                    "tolerations": TOLERATIONS,
                    "terminationGracePeriodSeconds": 5,
                    "imagePullSecrets": [{"name": PULL_SECRET}],
                    "containers": [
                        {
                            "name": "cleaner",
                            "image": image,
                            "command": ["sh", "-c", remove_script(site)],
                            "readinessProbe": {
                                "exec": {"command": ["test", "!", "-e", f"/cni-conf/{CNI_FILE}"]},
                                "periodSeconds": 1,
                            },
                            "volumeMounts": _cni_mounts(),
                        }
                    ],
                    "volumes": _cni_volumes(),
                },
            },
        },
    }


def _controller_deployment(site: Site, image: str, digest: str) -> Manifest:
    container = {
        "name": "controller",
        "image": image,
        "command": ["kuryr-k8s-controller", "--config-file", kuryr_conf.CONF_FILE],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": _probe("/ready", kuryr_conf.CONTROLLER_PORT, delay=1),
        "livenessProbe": _probe("/alive", kuryr_conf.CONTROLLER_PORT, delay=15),
        "volumeMounts": [
            {"name": "config", "mountPath": kuryr_conf.CONF_DIRECTORY, "readOnly": True},
            {"name": "ca", "mountPath": kuryr_conf.CA_DIRECTORY, "readOnly": True},
            {"name": "lock", "mountPath": kuryr_conf.LOCK_DIRECTORY},
        ],
    }
    volumes = [
        {"name": "config", "secret": {"secretName": CONFIG_SECRET}},
        {"name": "ca", "secret": {"secretName": CA_SECRET}},
        {"name": "lock", "emptyDir": {}},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(site, CONTROLLER),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"name": CONTROLLER}},
            # One at a time: two controllers would both answer for the same pods.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "template": _pod_template(site, CONTROLLER, digest, [container], volumes),
        },
    }


def _daemon_set(site: Site, image: str, digest: str) -> Manifest:
    template = _pod_template(site, DAEMON, digest, [_daemon_container(image)], _daemon_volumes())
    template["spec"]["initContainers"] = [
        {
            "name": "install-cni",
            "image": image,
            "command": ["sh", "-c", install_script(site)],
            "volumeMounts": [
                *_cni_mounts(),
                {"name": "cni-source", "mountPath": "/cni-source", "readOnly": True},
            ],
        }
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _metadata(site, DAEMON),
        "spec": {
            "selector": {"matchLabels": {"name": DAEMON}},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": template,
        },
    }


def _daemon_container(image: str) -> Manifest:
    field = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    pod_field = {"fieldRef": {"fieldPath": "metadata.name"}}
    return {
        "name": "daemon",
        "image": image,
        "command": ["kuryr-daemon", "--config-file", kuryr_conf.CONF_FILE],
        # It moves interfaces between network namespaces of the host.
        "securityContext": {"privileged": True},
        "env": [
            {"name": "KUBERNETES_NODE_NAME", "valueFrom": field},
            {"name": "KURYR_CNI_POD_NAME", "valueFrom": pod_field},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": _probe("/ready", kuryr_conf.DAEMON_PORT, delay=1),
        "livenessProbe": _probe("/alive", kuryr_conf.DAEMON_PORT, delay=60),
        "volumeMounts": [
            {"name": "config", "mountPath": kuryr_conf.CONF_DIRECTORY, "readOnly": True},
            {"name": "lock", "mountPath": kuryr_conf.LOCK_DIRECTORY},
            {"name": "proc", "mountPath": kuryr_conf.PROC_DIRECTORY},
            {
                "name": "netns",
                "mountPath": "/var/run/netns",
                # Namespaces made after the daemon started have to show up too.
                "mountPropagation": "HostToContainer",
            },
        ],
    }


def _daemon_volumes() -> list[Manifest]:
    return [
        {"name": "config", "configMap": {"name": DAEMON_CONFIG}},
        {"name": "cni-source", "configMap": {"name": CNI_CONFIG}},
        {"name": "lock", "emptyDir": {}},
        {"name": "proc", "hostPath": {"path": "/proc"}},
        {"name": "netns", "hostPath": {"path": "/var/run/netns"}},
        *_cni_volumes(),
    ]


def _cni_volumes() -> list[Manifest]:
    return [
        {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
        for name, path in (("cni-bin", "/opt/cni/bin"), ("cni-conf", "/etc/cni/net.d"))
    ]


def _cni_mounts() -> list[Manifest]:
    return [
        {"name": "cni-bin", "mountPath": "/cni-bin"},
        {"name": "cni-conf", "mountPath": "/cni-conf"},
    ]


def _pod_template(
    site: Site,
    name: str,
    digest: str,
    containers: list[Manifest],
    volumes: list[Manifest],
) -> Manifest:
    return {
        "metadata": {
            "labels": {"name": name, **labels(site, name)},
            # A changed configuration rolls the pods; an unchanged one does not.
            "annotations": {"kuryr-runbook/config-sha256": digest},
        },
        "spec": {
            "serviceAccountName": name,
            # There is no pod network before Kuryr runs.
            "hostNetwork": True,
            "tolerations": TOLERATIONS,
            "terminationGracePeriodSeconds": 5,
            "imagePullSecrets": [{"name": PULL_SECRET}],
            "containers": containers,
            "volumes": volumes,
        },
    }


def _probe(path: str, port: int, *, delay: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": delay,
        "periodSeconds": 5,
        "timeoutSeconds": 10,
    }


def _metadata(site: Site, name: str) -> Manifest:
    return {
        "name": name,
        "namespace": site.kubernetes.namespace,
        "labels": labels(site, name),
    }


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
