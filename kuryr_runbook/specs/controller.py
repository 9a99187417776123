"""The Kubernetes objects of the Kuryr controller."""

from __future__ import annotations

from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.custom_resources import custom_resource_definitions
from kuryr_runbook.specs.manifests import (
    Manifest,
    digest,
    metadata,
    pod_template,
    probe,
    role,
    secret,
    service_account,
)

CONTROLLER = "kuryr-controller"
CA_SECRET = "os-client-ca"  # noqa: S105 - the name of a Secret, as below
CA_KEY = "os_ca.crt"
CONFIG_SECRET = "kuryr-config"  # noqa: S105


def controller_manifests(site: Site, image: str, conf: str, ca_pem: str) -> list[Manifest]:
    """All objects of the controller, in the order in which they are applied."""
    return [
        secret(site, CA_SECRET, {CA_KEY: ca_pem}),
        secret(site, CONFIG_SECRET, {"kuryr.conf": conf}),
        *custom_resource_definitions(site),
        service_account(site, CONTROLLER),
        *role(site, CONTROLLER, site.release.controller_rules),
        _deployment(site, image, digest(conf, ca_pem)),
    ]


def _deployment(site: Site, image: str, config: str) -> Manifest:
    container = {
        "name": "controller",
        "image": image,
        "command": ["kuryr-k8s-controller", "--config-file", kuryr_conf.CONF_FILE],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": probe("/ready", site.release.health_ports.controller, delay=1),
        "livenessProbe": probe("/alive", site.release.health_ports.controller, delay=15),
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
        "metadata": metadata(site, CONTROLLER),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"name": CONTROLLER}},
            # One at a time: two controllers would both answer for the same pods.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "template": pod_template(site, CONTROLLER, config, [container], volumes),
        },
    }
