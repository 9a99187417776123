"""Guard rails: what does not go together, with the reason and the way out.

All of it follows from the catalogue's data. What the site alone decides is asked by the site's
validation; what cluster or cloud decide, by whoever has looked at them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kuryr_runbook.model.drivers import TRAITS, GroupRole, VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import PROVIDERS, OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, Release, minor_version

SELF_LINK_OPTIONAL = (1, 20)
"""The first Kubernetes that gives `metadata.selfLink` only with a feature gate."""

SELF_LINK_GATE = "--feature-gates=RemoveSelfLink=false"

SUBCLASSED_SSL = (3, 7)
"""The first Python whose SSLContext eventlet before FIXED_EVENTLET cannot wrap."""

FIXED_EVENTLET = (0, 26)

SERVICE_TYPES = ("ClusterIP", "LoadBalancer")
"""Types of service that Kuryr makes a load balancer for, in every release."""

SCTP_OCTAVIA = (2, 23)
BOTH_PROTOCOLS_OCTAVIA = (2, 13)
"""Octavia's first API version that takes SCTP, and TCP and UDP on one port.

kuryr-kubernetes, controller/drivers/lbaasv2.py; Ussuri has 2.11 there, corrected afterwards.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Something that does not go together."""

    subject: str
    """The key in the section `kuryr` of a site, or the object of the cluster."""
    reason: str
    way_out: str
    status: Status = Status.FAIL
    """FAIL: Kuryr would not work, or harm others. WARN: a part would not work."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.way_out}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceShape:
    """What decides whether Kuryr makes a load balancer of a service."""

    name: str
    """With its namespace: default/web."""
    kind: str
    """Its type: ClusterIP, NodePort, LoadBalancer or ExternalName."""
    headless: bool
    has_selector: bool
    ports: tuple[tuple[str, int], ...]
    """Protocol and port."""


def site_objections(
    release: Release,
    driver: VifDriver,
    provider: OctaviaProvider,
    resource_tags: Collection[str],
) -> Iterator[Objection]:
    """What a site's section `kuryr` may not combine."""
    if release.image is None:
        built = ", ".join(name for name, other in RELEASES.items() if other.image)
        yield Objection(
            subject="release",
            reason=f"Kuryr {release.name} is in the catalogue, but the runbook builds no image of "
            "it, so there is nothing to install",
            way_out=f"choose {built}",
        )
    if driver not in release.vif_drivers:
        broken = release.broken_drivers[driver]
        yield Objection(
            subject="vif_driver",
            reason=f"{driver} does not work in Kuryr {release.name}: {broken.text}",
            way_out=f"{broken.way_out}; {', '.join(release.vif_drivers)} work",
        )
    yield from _provider_objections(release, driver, provider)
    if release.needs_resource_tags and not resource_tags:
        yield Objection(
            subject="resource_tags",
            reason=f"Kuryr {release.name} without tags deletes load balancers that are not its own",
            way_out="give a tag that nothing else in the cloud has, such as the site's name",
        )


def _provider_objections(
    release: Release, driver: VifDriver, provider: OctaviaProvider
) -> Iterator[Objection]:
    traits = PROVIDERS[provider]
    unknown = sorted(set(traits.options) - release.octavia_options)
    if unknown:
        able = next(
            name for name, r in RELEASES.items() if set(traits.options) <= r.octavia_options
        )
        yield Objection(
            subject="octavia_provider",
            reason=f"{provider} needs [octavia_defaults] {', '.join(unknown)}, which Kuryr "
            f"{release.name} does not have",
            way_out=f"use amphora, or Kuryr {able} or later",
        )
    if traits.keeps_client_address and TRAITS[driver].admitting_group is GroupRole.NODE:
        yield Objection(
            subject="octavia_provider",
            reason=f"with {provider} pods see the clients' own addresses, and with {driver} these "
            "packets meet the nodes' security group, which would have to let anybody in",
            way_out=f"use amphora, or a driver other than {driver}",
        )


def python_objections(release: Release, python: str, eventlet: str) -> Iterator[Objection]:
    """Why a release cannot run on a Python with that eventlet."""
    if minor_version(python) >= SUBCLASSED_SSL and minor_version(eventlet) < FIXED_EVENTLET:
        yield Objection(
            subject=f"Kuryr {release.name}",
            reason=f"on Python {python} eventlet {eventlet} cannot open TLS connections",
            way_out="take eventlet 0.26.0 or later, or Python 3.6",
        )


def kubernetes_objections(
    release: Release, version: str, *, self_link: bool | None = None
) -> Iterator[Objection]:
    """Why a release cannot run on the API server of that version (v1.20.2).

    `self_link` tells whether objects were seen to have `metadata.selfLink`; None: nobody looked.
    """
    kubernetes = minor_version(version)
    subject = f"Kubernetes {version}"
    if not release.runs_on(kubernetes):
        yield Objection(
            subject=subject,
            reason=f"Kuryr {release.name} runs on Kubernetes {release.kubernetes_window}",
            way_out="install another release of Kuryr, or Kubernetes of that window",
        )
    elif release.needs_self_link and kubernetes >= SELF_LINK_OPTIONAL and not self_link:
        seen = "this cluster's objects lack" if self_link is False else "nobody saw"
        yield Objection(
            subject=subject,
            reason=f"Kuryr {release.name} reads metadata.selfLink, which {seen}",
            way_out=f"start the API server with {SELF_LINK_GATE}",
            status=Status.FAIL if self_link is False else Status.WARN,
        )
    elif kubernetes > minor_version(release.kubernetes_tried):
        yield Objection(
            subject=subject,
            reason=f"Kuryr {release.name} was tried with Kubernetes up to "
            f"{release.kubernetes_tried}",
            way_out="try it on a cluster that may fail before you rely on it",
            status=Status.WARN,
        )


def address_pair_objections(
    driver: VifDriver, pods: Mapping[str, int], limit: int
) -> Iterator[Objection]:
    """Nodes that are to carry more pods than a port takes address pairs.

    `pods` is the number by node, `limit` Neutron's max_allowed_address_pair, 10 by default; no API
    tells it.
    """
    if not TRAITS[driver].needs_address_pairs:
        return
    for node, count in pods.items():
        if count > limit:
            yield Objection(
                subject=f"node {node}",
                reason=f"{count} pods need as many address pairs, and its port takes {limit}; past "
                "that the controller restarts without end",
                way_out="raise max_allowed_address_pair in neutron.conf, or allow fewer pods",
            )


def service_objections(
    release: Release, service: ServiceShape, octavia: str
) -> Iterator[Objection]:
    """Why Kuryr makes no load balancer of a service, or none for some of its ports.

    `octavia` is the highest version that Octavia's API names (2.26).
    """
    subject = f"service {service.name}"
    if ignored := _ignored(release, service):
        reason, way_out = ignored
        yield Objection(subject=subject, reason=reason, way_out=way_out, status=Status.WARN)
        return
    for reason, way_out in _ignored_ports(release, service, minor_version(octavia)):
        yield Objection(subject=subject, reason=reason, way_out=way_out, status=Status.WARN)


def _ignored(release: Release, service: ServiceShape) -> tuple[str, str] | None:
    if service.kind not in SERVICE_TYPES:
        return (
            f"Kuryr ignores services of type {service.kind}",
            f"use {' or '.join(SERVICE_TYPES)}",
        )
    if service.headless:
        return (
            "Kuryr ignores headless services: there is no address to put a load balancer at",
            "nothing, if its names are all that is used: DNS gives the pods' addresses",
        )
    if release.services.needs_selector and not service.has_selector:
        return (
            f"Kuryr {release.name} ignores services without a selector",
            "give it a selector, or make its load balancer by hand as for the API",
        )
    return None


def _ignored_ports(
    release: Release, service: ServiceShape, octavia: tuple[int, int]
) -> Iterator[tuple[str, str]]:
    sctp = sorted(port for protocol, port in service.ports if protocol == "SCTP")
    if sctp and not (release.services.knows_sctp and octavia >= SCTP_OCTAVIA):
        yield (
            f"SCTP port {', '.join(map(str, sctp))} is skipped",
            "SCTP needs Kuryr wallaby or later and version 2.23 of Octavia's API",
        )
    tcp = {port for protocol, port in service.ports if protocol == "TCP"}
    both = sorted(port for protocol, port in service.ports if protocol == "UDP" and port in tcp)
    if both and octavia < BOTH_PROTOCOLS_OCTAVIA:
        yield (
            f"port {', '.join(map(str, both))} has TCP and UDP, and one of them is skipped",
            "that needs version 2.13 of Octavia's API; or use two ports",
        )
