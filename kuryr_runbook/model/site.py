"""The site: one cluster's parameters, validated as a whole.

The sections are the parameters of every notebook. Names that the original used for ids
(`pod_security_group_id` and so on) are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from kuryr_runbook.model import addressing, support
from kuryr_runbook.model.drivers import TRAITS, DriverTraits, VifDriver
from kuryr_runbook.model.providers import PROVIDERS, OctaviaProvider, ProviderTraits
from kuryr_runbook.model.releases import RELEASES, ConstraintSet, ConstraintsName, Release
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
    """How the runbook and Kuryr reach the cloud. Credentials stay in clouds.yaml or OS_*."""

    cloud: Text = "envvars"
    """Entry of clouds.yaml; `envvars` takes the OS_* variables."""
    clouds_yaml: File | None = None
    """File that holds the entry; None: where openstacksdk looks for it."""
    k8s_project_id: Id | None = None
    """Project of all resources; None: that of the credentials."""
    ca_file: File | None = None
    """CA of the cloud, for the secret os-client-ca; None: the one that clouds.yaml names."""


class KubernetesSection(Section):
    """How the runbook and Kuryr reach the cluster."""

    kubeconfig: File | None = None
    """None: KUBECONFIG, else ~/.kube/config."""
    context: Text | None = None
    """Context of the kubeconfig; None: its current one."""
    namespace: Label = "kube-system"
    """Namespace of the controller and the daemon."""
    api_root: Url | None = None
    """The API server as Kuryr's pods reach it without Kuryr: a master's node address, never the
    service address. None: the first address of the endpoints of `default/kubernetes`."""
    service_cidr: Network = IPv4Network("10.2.0.0/25")
    """The API server's --service-cluster-ip-range."""


class PodSubnet(Section):
    """The subnet of the pods' addresses."""

    name: Text = "kuryr-pod-subnet"
    """Name of the subnet."""
    cidr: Network = IPv4Network("10.1.0.0/24")
    """One address for each pod of the cluster."""
    gateway: Address | None = None
    """None: the first address."""

    @property
    def gateway_ip(self) -> IPv4Address:
        """The router's address in the subnet."""
        return self.gateway or self.cidr[1]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.cidr.prefixlen > addressing.NARROWEST_SUBNET:
            yield "cidr", f"{self.cidr} is too small: it needs a /28 or wider"
        elif self.gateway_ip not in (self.cidr[1], self.cidr[-2]):
            ends = f"{self.cidr[1]} or {self.cidr[-2]}"
            yield "gateway", f"{self.gateway_ip} is not an end of {self.cidr}: choose {ends}"


class ServiceSubnet(Section):
    """The network and subnet of services: Kubernetes has the lower half, Octavia the upper."""

    network: Text = "kuryr-service-network"
    """Name of the network."""
    name: Text = "kuryr-service-subnet"
    """Name of the subnet."""
    cidr: Network = IPv4Network("10.2.0.0/24")
    """Twice the service CIDR, which is its lower half."""


class NetworkSection(Section):
    """What Kuryr needs of Neutron and Octavia. What exists under a name or id is used.

    An id may stand in the place of each name, and has to where several resources have that name.
    """

    external_network: Text = "ext-net"
    """Network of the floating IPs of load balancers."""
    external_network_id: Id | None = None
    """Its id, instead of its name."""
    router: Text = "k8s-router"
    """Router between nodes, pods, services and the external network; made when there is none."""
    node_subnet: Text = "k8s-node-subnet"
    """Subnet to which the nodes are attached."""
    node_subnet_id: Id | None = None
    """Its id, instead of its name."""
    node_security_group: Text = "k8s-node-sg"
    """Group of the nodes' ports; made, and put on them, when there is none."""
    pod_subnet: PodSubnet = PodSubnet()
    kuryr_pod_subnet_id: Id | None = None
    """Id of a pod subnet that exists, instead of its name."""
    pod_security_group: Text = "kuryr-pod-sg"
    """Group that Kuryr puts on every pod's port."""
    pod_security_group_id: Id | None = None
    """Its id, instead of its name."""
    service_subnet: ServiceSubnet = ServiceSubnet()
    kuryr_service_subnet_id: Id | None = None
    """Id of a service subnet that exists, instead of its name."""
    api_load_balancer: Text = "kubernetes-service"
    """Load balancer of the `kubernetes` service, which Kuryr itself does not make."""


class KuryrSection(Section):
    """Which Kuryr, and how pods are plugged."""

    release: Text = "stein"
    """Kuryr's release; `kuryr-runbook releases` shows what works with what."""
    vif_driver: VifDriver = VifDriver.NESTED_MACVLAN
    """How a pod's interface is made."""
    link_iface: Interface = "ens3"
    """The nodes' interface on the node subnet."""
    cni_plugin: Literal["install", "preinstalled"] = "install"
    """Whether the daemon's init container brings the plugin, or it lies on every node already."""
    lb_activation_seconds: Annotated[int, Strict(), Field(ge=30, le=3600)] = 300
    """How long Kuryr waits for a load balancer to become ACTIVE."""
    octavia_provider: OctaviaProvider = OctaviaProvider.AMPHORA
    """Octavia's provider of the load balancers that Kuryr makes. With `ovn` pods see the clients'
    own addresses, and the pods' security group admits everybody."""
    resource_tags: tuple[Tag, ...] = ()
    """Tags that Kuryr puts on what it makes in Neutron and Octavia."""
    credentials: Literal["site", "application_credential"] = "site"
    """How Kuryr logs in: as the runbook does, by `openstack.cloud`, or by an application credential
    that the runbook makes for it alone, and that can be rotated."""
    credential_roles: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Roles of the application credential; None: those that the VIF driver needs when Neutron and
    Octavia have their default policies."""

    @model_validator(mode="after")
    def _supported(self) -> Self:
        return checked(self, self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        if self.credential_roles and self.credentials == "site":
            yield "credential_roles", "is for credentials: application_credential only"
        release = RELEASES.get(self.release)
        if release is None:
            yield "release", f"no release {self.release!r}: known are {', '.join(RELEASES)}"
            return
        for objection in support.site_objections(
            release, self.vif_driver, self.octavia_provider, self.resource_tags
        ):
            yield objection.subject, str(objection)


class ImageSection(Section):
    """The image of controller and daemon."""

    repository: Repository
    """Registry and repository, without tag: registry.example.org/kuryr/kuryr."""
    constraints: ConstraintsName = ConstraintsName.MODERN
    """With which versions of its dependencies Kuryr is installed: `modern`, one tried set for every
    release, on a current Python; or `historic`, the release's own, on the Python of its time."""
    base_image: Image | None = None
    """What the image is built on, of Debian, with the Python that the constraints are for. None:
    docker.io/library/debian:bookworm-slim for `modern`."""
    engine: Literal["auto", "docker", "podman", "buildah"] = "auto"
    """The container engine that builds; `auto`: the first of them that this machine has."""
    cni_plugin_language: Literal["go", "python"] = "go"
    """Kuryr's CNI plugin in Go, or Stein's own in Python, which runs in the daemon's container and
    takes a second or two more for each pod. For Stein the one in Go is Train's."""
    registry_auth: File | None = None
    """Login of the registry in the form of docker's config.json; None: no login."""
    registry_ca: File | None = None
    """CA of the registry; None: those that the system trusts."""
    signing_key: File | None = None
    """Private key in PEM with which phase 01 signs the image, in the form of cosign; None: it does
    not sign."""
    verify_key: File | None = None
    """Public key in PEM: preflight and the phases that deploy accept only an image that it
    signed; None: they accept one without a signature."""
    artifact_store: StoreUrl | None = None
    """Where the CNI plugin is put as well, for nodes that get it by other means, with its SHA-256
    beside it: URL of a directory that takes HTTP PUT, with the login in ~/.netrc; or
    s3://bucket/directory, with the extra `archive` and boto3's login. None: nowhere."""


class VerificationSection(Section):
    """The acceptance workload."""

    namespace: Label = "kuryr-verification"
    """Namespace of the workload; made, and removed at the end."""
    replicas: Annotated[int, Strict(), Field(ge=2, le=100)] = 4
    """Pods of the workload, spread over the workers."""
    external_address: Address = IPv4Address("8.8.8.8")
    """An address outside the cloud that answers ping."""


class RecordSection(Section):
    """The records of the site's runs. No notebook needs it."""

    signing_key: File | None = None
    """Private key in PEM that signs them; None: one of this user's on this machine, made when it is
    first needed."""
    archive: Text | None = None
    """Directory, or URL such as s3://bucket/prefix, to which each is copied; None: it is kept
    where the run made it, and nowhere else."""
    timestamp_url: Url | None = None
    """Time-stamping service (RFC 3161) that signs each record's digest with the time; None: none
    does. With the extra `timestamp`."""
    timestamp_ca: File | None = None
    """CA, in PEM, by which the time-stamping service is trusted."""


class Site(Section):
    """One cluster's parameters."""

    name: Label
    """Name of the site, a DNS label; resources that the runbook makes are marked with it."""
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
        """What the image is built on."""
        return self.image.base_image or self.constraint_set.base_image

    @property
    def driver(self) -> DriverTraits:
        """What the VIF driver asks for."""
        return TRAITS[self.kuryr.vif_driver]

    @property
    def provider(self) -> ProviderTraits:
        """What Octavia's provider asks for."""
        return PROVIDERS[self.kuryr.octavia_provider]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        return checked(self, _conflicts(self))


def _conflicts(site: Site) -> Iterator[tuple[str, str]]:
    """Problems that no single section shows."""
    pods, services = site.network.pod_subnet, site.network.service_subnet
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
            f"python is for {has} alone: with release {site.kuryr.release} leave the key out",
        )
    ranges = {"the pod subnet": pods.cidr, "the service subnet": services.cidr}
    for problem in addressing.overlaps(ranges):
        yield "network.pod_subnet.cidr", problem
    outside = site.verification.external_address
    for name, cidr in ranges.items():
        if outside in cidr:
            yield "verification.external_address", f"{outside} is not outside: {name} has it"
