"""The parts of a release's description."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kuryr_runbook.model.releases.names import API_GROUP, OWN_DOMAIN, POD_FINALIZER, PORT_FINALIZER


def minor_version(text: str) -> tuple[int, int]:
    """Major and minor of a version: 1.20, or v1.20.2. Raises ValueError if it is not one."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    if found is None:
        raise ValueError(f"{text!r} is not a version")
    return int(found[1]), int(found[2])


class GoBuild(StrEnum):
    """How the Go CNI plugin is built. Its dependencies are vendored in both."""

    GOPATH = "with GOPATH"
    MODULES = "as a Go module"


@dataclass(frozen=True, slots=True, kw_only=True)
class CniPlugin:
    """The executable in Go that the kubelet calls."""

    built_from: str
    """Version of kuryr-kubernetes whose sdist contains the plugin's source."""
    sdist_sha256: str
    build: GoBuild
    daemon_address: str
    """Address at which the plugin contacts the daemon: fixed in the Go plugin's source."""


class ConstraintsName(StrEnum):
    """The versions of its dependencies with which a release is installed."""

    MODERN = "modern"
    HISTORIC = "historic"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintSet:
    """The version of each dependency, and the Python with which they work."""

    file: str
    """In the package's data for the image: each package that is installed, with its hashes."""
    build_file: str
    """The same of what builds those that are published as source alone."""
    python: str
    """The Python that the set is for: that of the base image."""
    base_image: str
    """An image with that Python, used if the site names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInputs:
    """The inputs of the release's image."""

    constraint_sets: Mapping[ConstraintsName, ConstraintSet]
    wheel_sha256: str
    """Of the release's own package."""


class KubernetesWindow(NamedTuple):
    """First and last minor version of Kubernetes; None: no last one is known."""

    first: str
    last: str | None

    def __str__(self) -> str:
        return f"{self.first} to {self.last}" if self.last else f"from {self.first} on"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlace:
    """Where Kuryr keeps its state: a kind of object, and an annotation or a field of it."""

    kind: str
    annotation: str = ""
    field: str = ""

    def __str__(self) -> str:
        return f"{self.kind} " + (
            f"annotation {self.annotation}" if self.annotation else self.field
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crd:
    """One of Kuryr's custom resources; all are namespaced."""

    kind: str
    plural: str
    short_name: str

    @property
    def name(self) -> str:
        """The name of its definition."""
        return f"{self.plural}.{API_GROUP}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalizer:
    """A finalizer that Kuryr sets; without the controller the object stays in Terminating."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A permission, as a ClusterRole has it."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRequest:
    """Requests of the controller to an OpenStack service."""

    service: str
    """Its type in Keystone's catalogue."""
    path: str
    """The end of the URL's path, after what differs between clouds; `*` is one segment."""
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Something that the controller does only if the site asks for it."""

    handlers: tuple[str, ...]
    """In addition to those for pods and Services."""
    controller_rules: tuple[Rule, ...]
    cloud_requests: tuple[CloudRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Ports on which controller and daemon listen, on the node's own network."""

    controller: int
    daemon: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTraits:
    """Which services get a load balancer from Kuryr."""

    needs_selector: bool
    """Services without a selector are ignored."""
    needs_pod_targets: bool
    """Only endpoints with a pod's name become members."""


class MtuRule(StrEnum):
    """Which MTU the pods' network may have, compared with the nodes', for a pod to be plugged."""

    ANY = "any"
    EQUAL = "exactly the nodes'"
    NO_LARGER = "the nodes' or less"

    def refuses(self, pods: int, nodes: int) -> bool:
        """Whether a nested pod cannot be plugged with these MTUs."""
        match self:
            case MtuRule.ANY:
                return False
            case MtuRule.EQUAL:
                return pods != nodes
            case MtuRule.NO_LARGER:
                return pods > nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """What may go wrong with a release, and how to prevent it."""

    text: str
    way_out: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OctaviaFeature:
    """Something that not every version of Octavia's API has."""

    name: str
    api: tuple[int, int]
    """The first version of Octavia's API that has it."""

    @property
    def since(self) -> str:
        """That version in Octavia's notation: 2.13."""
        return ".".join(map(str, self.api))

    def __str__(self) -> str:
        return f"{self.name} ({self.since})"


# Octavia API reference, listeners; its root says 2.1 from Rocky on.
LISTENER_TIMEOUTS = OctaviaFeature(name="timeouts of listeners", api=(2, 1))
PROVIDER_CHOICE = OctaviaFeature(name="choice of the provider", api=(2, 6))
ACCESS_LISTS = OctaviaFeature(name="access lists of listeners", api=(2, 12))
# Ussuri checks for 2.11, which Victoria corrected.
BOTH_PROTOCOLS = OctaviaFeature(name="TCP and UDP on one port", api=(2, 13))
SCTP = OctaviaFeature(name="SCTP", api=(2, 23))


CUSTOM_RESOURCES = (
    Crd(kind="KuryrPort", plural="kuryrports", short_name="kp"),
    Crd(kind="KuryrLoadBalancer", plural="kuryrloadbalancers", short_name="klb"),
    Crd(kind="KuryrNetwork", plural="kuryrnetworks", short_name="kns"),
    Crd(kind="KuryrNetworkPolicy", plural="kuryrnetworkpolicies", short_name="knp"),
)

FINALIZERS = (
    Finalizer(kind="Pod", name=POD_FINALIZER),
    Finalizer(kind="Service", name=f"{OWN_DOMAIN}/service-finalizer"),
    Finalizer(kind="KuryrPort", name=PORT_FINALIZER),
    Finalizer(kind="KuryrLoadBalancer", name=f"{OWN_DOMAIN}/kuryrloadbalancer-finalizers"),
    Finalizer(kind="KuryrNetwork", name=f"kuryrnetwork.finalizers.{OWN_DOMAIN}"),
    Finalizer(kind="NetworkPolicy", name=f"{OWN_DOMAIN}/networkpolicy-finalizer"),
)
