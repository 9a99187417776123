"""The Kubernetes objects of the Kuryr controller, and its custom resources' definitions."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.placement import resources
from kuryr_runbook.model.releases import Crd, Rule
from kuryr_runbook.model.releases.names import API_VERSION
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.kuryr_conf import CREDENTIAL_SECRET, Conf, render_conf
from kuryr_runbook.specs.manifests import (
    controller_placement,
    digest,
    labels,
    metadata,
    pod_template,
    probe,
    program_metadata,
    role,
    secret,
    service_account,
)
from kuryr_runbook.specs.privilege import NONE, TMP, TMP_MOUNT

CONTROLLER = "kuryr-controller"
CA_SECRET = "os-client-ca"  # noqa: S105 - the name of a Secret, as below
CA_KEY = "os_ca.crt"
CONFIG_SECRET = "kuryr-config"  # noqa: S105
CONFIG_KEY = "kuryr.conf"
CREDENTIAL_ANNOTATION = "kuryr-runbook/application-credential"
"""An annotation of the controller's pods: the application credential that they started with."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ControllerConfig:
    """The controller's configuration; never shown, since it contains the login."""

    conf: Conf
    ca_pem: str
    """The cloud's CA; empty for the system's."""
    credential: str = ""
    """Name of the application credential in `conf`; empty if it is not the runbook's."""

    @property
    def digest(self) -> str:
        """The pods restart when it changes.

        It does not depend on id and secret of our own application credential, since a plan is made
        before they exist; the credential's name is in an annotation of its own.
        """
        neutron = {
            name: value
            for name, value in self.conf["neutron"].items()
            if not (self.credential and name in ("application_credential_id", CREDENTIAL_SECRET))
        }
        return digest(render_conf({**self.conf, "neutron": neutron}), self.ca_pem)


def controller_manifests(site: Site, image: str, config: ControllerConfig) -> list[Manifest]:
    """All objects of the controller, in the order in which they are applied."""
    return [
        secret(site, CA_SECRET, {CA_KEY: config.ca_pem}),
        config_secret(site, config.conf),
        *custom_resource_definitions(site),
        service_account(site, CONTROLLER),
        *role(site, CONTROLLER, _rules(site)),
        _deployment(site, image, config),
    ]


def _rules(site: Site) -> tuple[Rule, ...]:
    of_extensions = (rule for it in site.extensions for rule in it.controller_rules)
    return (*site.release.controller_rules, *of_extensions)


def config_secret(site: Site, conf: Conf) -> Manifest:
    """The Secret with the controller's configuration."""
    return secret(site, CONFIG_SECRET, {CONFIG_KEY: render_conf(conf)})


def references(site: Site) -> tuple[Manifest, Manifest]:
    """The Secret and the Deployment, by name only: enough to read them from the cluster."""
    return secret(site, CONFIG_SECRET, {}), controller_reference(site)


def _deployment(site: Site, image: str, config: ControllerConfig) -> Manifest:
    container = {
        "name": "controller",
        "image": image,
        "command": ["kuryr-k8s-controller", "--config-file", kuryr_conf.CONF_FILE],
        "resources": resources(site.kuryr.controller),
        "securityContext": NONE.security_context,
        "readinessProbe": probe("/ready", site.release.health_ports.controller, delay=1),
        "livenessProbe": probe("/alive", site.release.health_ports.controller, delay=15),
        "volumeMounts": [
            {"name": "config", "mountPath": kuryr_conf.CONF_DIRECTORY, "readOnly": True},
            {"name": "ca", "mountPath": kuryr_conf.CA_DIRECTORY, "readOnly": True},
            {"name": "lock", "mountPath": kuryr_conf.LOCK_DIRECTORY},
            TMP_MOUNT,
        ],
    }
    if proxied := _proxies(site, config.conf):
        container["env"] = [{"name": name, "value": value} for name, value in proxied.items()]
    volumes = [
        {"name": "config", "secret": {"secretName": CONFIG_SECRET}},
        {"name": "ca", "secret": {"secretName": CA_SECRET}},
        {"name": "lock", "emptyDir": {}},
        TMP,
    ]
    template = pod_template(site, CONTROLLER, config.digest, NONE, [container], volumes)
    template["spec"].update(controller_placement(site))
    if config.credential:
        template["metadata"]["annotations"][CREDENTIAL_ANNOTATION] = config.credential
    return {
        **controller_reference(site),
        "metadata": program_metadata(site, CONTROLLER),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"name": CONTROLLER}},
            # One at a time: two controllers would both handle the same pods. Only this strategy
            # waits until the old pod has ended, not just until it is terminating.
            "strategy": {"type": "Recreate"},
            "template": template,
        },
    }


def _proxies(site: Site, conf: Conf) -> dict[str, str]:
    """The variables by which the controller reaches OpenStack through a proxy; empty: it does not.

    It never reaches Kubernetes, pods and Services that way. Python's requests compares hosts with
    the ends of names, addresses and ranges.
    """
    section, network = site.kuryr.controller, site.network
    proxies = {"HTTP_PROXY": section.http_proxy, "HTTPS_PROXY": section.https_proxy}
    given = {name: url for name, url in proxies.items() if url}
    if not given:
        return {}
    inside = (
        urlsplit(conf["kubernetes"]["api_root"]).hostname or "",
        "localhost",
        "127.0.0.1",
        str(network.pod_subnet.cidr),
        str(network.service_subnet.cidr),
    )
    without = dict.fromkeys((*section.no_proxy, *inside))
    return {**given, "NO_PROXY": ",".join(filter(None, without))}


def controller_reference(site: Site) -> Manifest:
    """A reference to the controller's Deployment."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(site, CONTROLLER),
    }


def custom_resource_definitions(site: Site) -> list[Manifest]:
    """One for each custom resource of the site's release."""
    return [_definition(site, crd) for crd in site.release.crds]


def _definition(site: Site, crd: Crd) -> Manifest:
    """The schema accepts any content, since releases differ in what they write.

    A field that a schema does not name would be dropped silently, and these resources only exist to
    keep state. There is no status subresource: Kuryr patches `.status` in the resource.
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
