"""The site: one cluster's parameters, validated as a whole.

The sections are the parameters of every notebook. The original's names for ids
(`pod_security_group_id` and so on) are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from kuryr_runbook.model import addressing, support
from kuryr_runbook.model.drivers import TRAITS, DriverTraits, VifDriver
from kuryr_runbook.model.placement import ControllerSection, DaemonSection
from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.model.providers import PROVIDERS, OctaviaProvider, ProviderTraits
from kuryr_runbook.model.releases import (
    RELEASES,
    ConstraintSet,
    ConstraintsName,
    Extension,
    Release,
)
from kuryr_runbook.model.site_network import NetworkSection
from kuryr_runbook.model.site_values import (
    Address,
    File,
    Id,
    Image,
    Interface,
    Label,
    Network,
    Repository,
    Section,
    StoreUrl,
    Tag,
    Text,
    Url,
    checked,
)


class OpenStackSection(Section):
    """How the runbook and Kuryr reach the cloud. Credentials stay in clouds.yaml or in OS_*."""

    cloud: Text = "envvars"
    """Entry of clouds.yaml; `envvars` takes the OS_* variables."""
    clouds_yaml: File | None = None
    """File with the entry; None: where openstacksdk looks for it."""
    k8s_project_id: Id | None = None
    """Project of all resources; None: that of the credentials."""
    ca_file: File | None = None
    """CA of the cloud, for the Secret os-client-ca; None: the one in clouds.yaml."""


class KubernetesSection(Section):
    """How the runbook and Kuryr reach the cluster."""

    kubeconfig: File | None = None
    """None: KUBECONFIG, else ~/.kube/config."""
    context: Text | None = None
    """Context of the kubeconfig; None: its current one."""
    namespace: Label = "kube-system"
    """Namespace of the controller and the daemon."""
    api_root: Url | None = None
    """The API server's address for Kuryr's own pods: a master's node address, never the service
    address. None: the first address of the endpoints of `default/kubernetes`."""
    service_cidr: Network = IPv4Network("10.2.0.0/25")
    """The API server's --service-cluster-ip-range."""


class KuryrSection(Section):
    """Which Kuryr, and how pods are plugged."""

    release: Text = "stein"
    """Kuryr's release; `kuryr-runbook releases` shows what works with what."""
    vif_driver: VifDriver = VifDriver.NESTED_MACVLAN
    """How a pod's interface is created."""
    link_iface: Interface = "ens3"
    """The nodes' interface on the node subnet."""
    cni_plugin: Literal["install", "preinstalled"] = "install"
    """Whether the daemon's init container installs the plugin, or every node has it already."""
    lb_activation_seconds: Annotated[int, Strict(), Field(ge=30, le=3600)] = 300
    """How long Kuryr waits for a load balancer to become ACTIVE."""
    lb_idle_seconds: Annotated[int, Strict(), Field(ge=1, le=86400)] | None = None
    """How long connections through load balancers of Services may be silent, from Xena on; None:
    as long as Octavia says, usually 50 seconds."""
    pod_plug_seconds: Annotated[int, Strict(), Field(ge=10, le=3600)] = 60
    """How long the daemon waits for the controller to give a pod its port, before the kubelet has
    to ask again."""
    watch_retry_seconds: Annotated[int, Strict(), Field(ge=10, le=86400)] = 60
    """How long controller and daemon try to reach the API server again before they restart. Up to
    Ussuri the pauses between two attempts grow to as much."""
    log_level: Literal["info", "debug"] = "info"
    """How much controller and daemon log."""
    octavia_provider: OctaviaProvider = OctaviaProvider.AMPHORA
    """Octavia's provider of the load balancers that Kuryr creates. With `ovn` pods see the clients'
    own addresses, and the pods' security group admits everybody."""
    network_policies: Annotated[bool, Strict()] = False
    """Whether Kuryr enforces network policies, with a security group for each; from Wallaby on,
    with `network.namespace_subnets`. The pods' security group then admits everybody: it is for the
    pods that no policy selects."""
    resource_tags: tuple[Tag, ...] = ()
    """Tags that Kuryr sets on what it creates in Neutron and Octavia."""
    port_pool: PortPool = PortPool()
    credentials: Literal["site", "application_credential"] = "site"
    """How Kuryr logs in: like the runbook, with `openstack.cloud`, or with an application
    credential that the runbook creates only for it, and that can be rotated."""
    credential_roles: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Roles of the application credential; None: those that the VIF driver needs with the default
    policies of Neutron and Octavia."""
    credential_access_rules: bool = False
    """Whether the application credential permits only the requests that Kuryr makes. Neutron and
    Octavia have to enforce that: phase 03 tries it first."""
    controller: ControllerSection = ControllerSection()
    daemon: DaemonSection = DaemonSection()

    @model_validator(mode="after")
    def _supported(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.credentials == "site":
            for key in ("credential_roles", "credential_access_rules"):
                if getattr(self, key):
                    yield key, "is only for credentials: application_credential"
        release = RELEASES.get(self.release)
        if release is None:
            yield "release", f"no release {self.release!r}: known are {', '.join(RELEASES)}"
            return
        for objection in support.site_objections(
            release, self.vif_driver, self.octavia_provider, self.resource_tags
        ):
            yield objection.subject, str(objection)
        if self.lb_idle_seconds:
            for objection in support.idle_objections(release, self.octavia_provider):
                yield objection.subject, str(objection)
        if self.port_pool.enabled:
            for objection in support.pool_objections(release, self.vif_driver, self.resource_tags):
                yield objection.subject, str(objection)


class ImageSection(Section):
    """The image of controller and daemon."""

    repository: Repository
    """Registry and repository, without a tag: registry.example.org/kuryr/kuryr."""
    constraints: ConstraintsName = ConstraintsName.MODERN
    """The versions of Kuryr's dependencies: `modern`, one tested set for every release, on a
    current Python; or `historic`, the release's own, on the Python of its time."""
    base_image: Image | None = None
    """The image to build on: Debian, with the Python that the constraints are for. None:
    docker.io/library/debian:bookworm-slim for `modern`."""
    engine: Literal["auto", "docker", "podman", "buildah"] = "auto"
    """The container engine that builds the image; `auto`: the first that this machine has."""
    cni_plugin_language: Literal["go", "python"] = "go"
    """Kuryr's CNI plugin in Go, or Stein's own in Python, which runs in the daemon's container and
    takes a second or two longer for each pod. For Stein, the Go plugin is Train's."""
    registry_auth: File | None = None
    """Login of the registry in the form of docker's config.json; None: no login."""
    registry_ca: File | None = None
    """CA of the registry; None: the system's."""
    signing_key: File | None = None
    """Private key in PEM with which phase 01 signs the image, like cosign; None: it does not sign.
    """
    verify_key: File | None = None
    """Public key in PEM: preflight and the phases that deploy accept only an image that it
    signed; None: they accept one without a signature."""
    artifact_store: StoreUrl | None = None
    """Where the CNI plugin and its SHA-256 are also stored, for nodes that get it by other means:
    URL of a directory that accepts HTTP PUT, with the login in ~/.netrc; or s3://bucket/directory,
    with the extra `archive` and boto3's login. None: nowhere."""


class VerificationSection(Section):
    """The acceptance workload."""

    namespace: Label = "kuryr-verification"
    """Namespace of the workload; created, and removed at the end."""
    replicas: Annotated[int, Strict(), Field(ge=2, le=100)] = 4
    """Pods of the workload, spread over the workers."""
    external_address: Address = IPv4Address("8.8.8.8")
    """An address outside the cloud that answers ping."""


class RecordSection(Section):
    """The records of the site's runs. Not used by notebooks."""

    signing_key: File | None = None
    """Private key in PEM that signs them; None: one for this user on this machine, created when it
    is first needed."""
    archive: Text | None = None
    """Directory, or URL such as s3://bucket/prefix, to which each is copied; None: it only exists
    where the run wrote it."""
    timestamp_url: Url | None = None
    """Time-stamping service (RFC 3161) that signs each record's digest with the time, with the
    extra `timestamp`; None: no time stamps."""
    timestamp_ca: File | None = None
    """CA of the time-stamping service, in PEM."""


class Site(Section):
    """One cluster's parameters."""

    name: Label
    """Name of the site, a DNS label; resources that the runbook creates are marked with it."""
    openstack: OpenStackSection
    kubernetes: KubernetesSection
    network: NetworkSection
    kuryr: KuryrSection
    image: ImageSection
    verification: VerificationSection = VerificationSection()
    record: RecordSection = RecordSection()

    @property
    def release(self) -> Release:
        """The Kuryr release."""
        return RELEASES[self.kuryr.release]

    @property
    def constraint_set(self) -> ConstraintSet:
        """The versions of Kuryr's dependencies."""
        return self.release.image.constraint_sets[self.image.constraints]

    @property
    def base_image(self) -> str:
        """The image to build on."""
        return self.image.base_image or self.constraint_set.base_image

    @property
    def driver(self) -> DriverTraits:
        """What the VIF driver requires."""
        return TRAITS[self.kuryr.vif_driver]

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """What the controller does beyond pods and Services, and needs for it."""
        chosen = (
            (self.network.namespace_subnets.enabled, self.release.namespace_subnets),
            (self.kuryr.network_policies, self.release.network_policies),
        )
        return tuple(it for wanted, it in chosen if wanted and it is not None)

    @property
    def provider(self) -> ProviderTraits:
        """What Octavia's provider requires."""
        return PROVIDERS[self.kuryr.octavia_provider]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        return checked(self, _conflicts(self))


def _conflicts(site: Site) -> Iterator[tuple[str, str]]:
    """Problems that involve several sections."""
    pods, services = site.network.pod_subnet, site.network.service_subnet
    spaces = site.network.namespace_subnets
    for problem in addressing.service_problems(services.cidr, site.kubernetes.service_cidr):
        yield "network.service_subnet.cidr", problem
    if site.image.constraints not in site.release.image.constraint_sets:
        has = ", ".join(site.release.image.constraint_sets)
        yield (
            "image.constraints",
            f"there is no {site.image.constraints} set for release {site.kuryr.release}: it has "
            f"{has}",
        )
    if site.image.cni_plugin_language == "python" and not site.release.python_plugin:
        has = ", ".join(name for name, release in RELEASES.items() if release.python_plugin)
        yield (
            "image.cni_plugin_language",
            f"python is only for {has}: with release {site.kuryr.release} leave the key out",
        )
    ranges = {"the pod subnet": pods.cidr, "the service subnet": services.cidr}
    for problem in addressing.overlaps(ranges):
        yield "network.pod_subnet.cidr", problem
    if spaces.enabled:
        yield from _namespace_conflicts(site, ranges)
        ranges["the pool of namespaces"] = spaces.cidr
    if site.kuryr.network_policies:
        for objection in support.policy_objections(
            site.release, site.kuryr.vif_driver, has_namespace_subnets=spaces.enabled
        ):
            yield f"kuryr.{objection.subject}", str(objection)
    outside = site.verification.external_address
    for name, cidr in ranges.items():
        if outside in cidr:
            yield "verification.external_address", f"{outside} is not outside: it is in {name}"


def _namespace_conflicts(
    site: Site, ranges: Mapping[str, IPv4Network]
) -> Iterator[tuple[str, str]]:
    """Problems with subnets of namespaces."""
    for objection in support.namespace_objections(site.release, site.kuryr.vif_driver):
        yield f"network.{objection.subject}.enabled", str(objection)
    pool = site.network.namespace_subnets.cidr
    for name, cidr in ranges.items():
        for problem in addressing.overlaps({"the pool of namespaces": pool, name: cidr}):
            yield "network.namespace_subnets.cidr", problem
