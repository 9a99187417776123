"""Guard rails: what does not work together, with the reason and a remedy.

All of it follows from the catalogue's data. The site's validation applies those that only depend on
the site; the others are applied by the code that has read the cluster or the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from kuryr_runbook.model.drivers import TRAITS, GroupRole, PoolDriver, VifDriver
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.providers import PROVIDERS, OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, Release, minor_version
from kuryr_runbook.model.releases.parts import BOTH_PROTOCOLS, SCTP
from kuryr_runbook.model.services import Service

SELF_LINK_GATE = "--feature-gates=RemoveSelfLink=false"

IDLE_OPTIONS = ("timeout_client_data", "timeout_member_data")
"""The options of [octavia_defaults] for silent connections, in milliseconds."""

SERVICE_TYPES = ("ClusterIP", "LoadBalancer")
"""Types of service for which Kuryr creates a load balancer, in every release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection(Verdict):
    """Something that does not work together."""

    subject: str
    """The key in the section `kuryr` of a site, or the object of the cluster."""
    status: Status = Status.FAIL
    """FAIL: Kuryr would not work, or harm others. WARN: a part would not work."""

    def __str__(self) -> str:
        return f"{self.evidence}: {self.remedy}"


def site_objections(
    release: Release,
    driver: VifDriver,
    provider: OctaviaProvider,
    resource_tags: Collection[str],
) -> Iterator[Objection]:
    """Combinations that a site's section `kuryr` must not have."""
    yield from provider_objections(release, driver, provider)
    if release.needs_resource_tags and not resource_tags:
        yield Objection(
            subject="resource_tags",
            evidence=f"Kuryr {release.name} without tags deletes load balancers that are not its "
            "own",
            remedy="set a tag that nothing else in the cloud has, such as the site's name",
        )


def pool_objections(
    release: Release, driver: VifDriver, resource_tags: Collection[str]
) -> Iterator[Objection]:
    """Why release or driver cannot have pools of ports, or the site lacks what they need."""
    pool, subject = TRAITS[driver].pool, "port_pool"
    if pool is None:
        able = " or ".join(it for it, traits in TRAITS.items() if traits.pool)
        yield Objection(
            subject=subject,
            evidence=f"no release of Kuryr can create several ports at a time with {driver}",
            remedy=f"set enabled to false, or use {able}",
        )
    elif pool is PoolDriver.NEUTRON and not release.pools_need_tags:
        first = _first(lambda other: other.pools_need_tags)
        yield Objection(
            subject=subject,
            evidence=f"with pools Kuryr {release.name} deletes, at its start, every port of any "
            "Kuryr that is bound to no host, whatever its tags: those of other clusters, too",
            remedy=f"set enabled to false, or use Kuryr {first} or later",
        )
    if not resource_tags:
        reason = (
            "at its start the controller takes every port of any Kuryr that none of its own pods "
            "has for a spare one or a leftover, and deletes leftovers"
            if release.pools_need_tags
            else "nothing else shows that a port is a spare one and not a leftover"
        )
        yield Objection(
            subject="resource_tags",
            evidence=f"pools of ports need tags: {reason}",
            remedy="set a tag that nothing else in the cloud has, such as the site's name",
        )


def provider_objections(
    release: Release, driver: VifDriver, provider: OctaviaProvider
) -> Iterator[Objection]:
    """Why release or driver cannot use one of Octavia's providers."""
    traits = PROVIDERS[provider]
    unknown = sorted(set(traits.options) - release.octavia_options)
    if unknown:
        able = _first(lambda other: set(traits.options) <= other.octavia_options)
        yield Objection(
            subject="octavia_provider",
            evidence=f"{provider} needs [octavia_defaults] {', '.join(unknown)}, which Kuryr "
            f"{release.name} does not have",
            remedy=f"use amphora, or Kuryr {able} or later",
        )
    if traits.keeps_client_address and TRAITS[driver].admitting_group is GroupRole.NODE:
        yield Objection(
            subject="octavia_provider",
            evidence=f"with {provider} pods see the clients' own addresses, and with {driver} "
            "the nodes' security group applies to these packets, and would have to admit anybody; "
            "and a pod that uses a Service gets no answer from a pod on its own node",
            remedy=f"use amphora, or a driver other than {driver}",
        )


def idle_objections(release: Release, provider: OctaviaProvider) -> Iterator[Objection]:
    """Why nobody can set how long connections through load balancers may be silent."""
    subject = "lb_idle_seconds"
    if not release.octavia_options.issuperset(IDLE_OPTIONS):
        able = _first(lambda other: other.octavia_options.issuperset(IDLE_OPTIONS))
        yield Objection(
            subject=subject,
            evidence=f"Kuryr {release.name} leaves the timeouts of listeners to Octavia",
            remedy=f"leave the key out and let the cloud's operators change Octavia's defaults "
            f"([haproxy_amphora]), or use Kuryr {able} or later",
        )
    if PROVIDERS[provider].keeps_client_address:
        yield Objection(
            subject=subject,
            evidence=f"load balancers of {provider} forward packets, and have no such timeouts",
            remedy="leave the key out, or use amphora",
        )


def namespace_objections(release: Release, driver: VifDriver) -> Iterator[Objection]:
    """Why namespaces cannot have subnets of their own."""
    subject = "namespace_subnets"
    if release.namespace_subnets is None:
        able = _first(lambda other: other.namespace_subnets is not None)
        yield Objection(
            subject=subject,
            evidence=f"Kuryr {release.name} notes the subnets of namespaces in KuryrNet objects "
            "and in annotations of the namespaces, which the runbook neither installs nor removes",
            remedy=f"use Kuryr {able} or later",
        )
    if TRAITS[driver].pods_on_node_network:
        yield Objection(
            subject=subject,
            evidence=f"with {driver} pods have to be in the nodes' network, and Kuryr makes a "
            "network of its own for each namespace",
            remedy=f"use a driver other than {driver}, or leave it off",
        )


def policy_objections(
    release: Release, driver: VifDriver, *, has_namespace_subnets: bool
) -> Iterator[Objection]:
    """Why network policies cannot be enforced."""
    subject = "network_policies"
    if release.network_policies is None:
        able = _first(lambda other: other.network_policies is not None)
        yield Objection(
            subject=subject,
            evidence=f"the runbook sets up network policies for Kuryr {able} and later, not for "
            f"{release.name}",
            remedy=f"use Kuryr {able} or later",
        )
    if TRAITS[driver].admitting_group is GroupRole.NODE:
        yield Objection(
            subject=subject,
            evidence=f"with {driver} the groups of pods' own ports have no effect, and Kuryr "
            "enforces policies with these",
            remedy=f"use a driver other than {driver}, or leave it off",
        )
    elif not has_namespace_subnets:
        yield Objection(
            subject=subject,
            evidence="a policy's peers that are whole namespaces are the ranges of their subnets "
            "to Kuryr: without these such a policy admits too little, or is not applied at all",
            remedy="set network.namespace_subnets.enabled: true",
        )


def kubernetes_objections(release: Release, version: str) -> Iterator[Objection]:
    """Why a release may not run on the API server of that version (v1.20.2).

    Raises ValueError if it is not a version.
    """
    kubernetes, subject = minor_version(version), f"Kubernetes {version}"
    if not release.runs_on(kubernetes):
        window = f"Kubernetes {release.kubernetes_window}"
        yield Objection(
            subject=subject,
            evidence=f"Kuryr {release.name} runs on {window}",
            remedy=_releases(lambda other: other.runs_on(kubernetes))
            or f"use a cluster of {window}",
        )
    elif kubernetes > minor_version(release.kubernetes_tried):
        yield Objection(
            subject=subject,
            evidence=f"Kuryr {release.name} was tested with Kubernetes up to "
            f"{release.kubernetes_tried}",
            remedy="try it on a cluster that may fail before you rely on it",
            status=Status.WARN,
        )


def self_link_objections(release: Release, service: Service) -> Iterator[Objection]:
    """Why a release does nothing on a cluster whose API returns a Service like that one."""
    if release.needs_self_link and not service.self_link:
        other = _releases(lambda other: not other.needs_self_link)
        yield Objection(
            subject=f"Service {service.place}",
            evidence=f"it has no metadata.selfLink, which Kuryr {release.name} reads",
            remedy=f"start the API servers with {SELF_LINK_GATE} (Kubernetes 1.20 to 1.23; from "
            f"1.24 on there is no such gate){', or ' if other else ''}{other}",
        )


def gets_balancer(release: Release, service: Service) -> bool:
    """Whether Kuryr creates a load balancer for a Service other than `default/kubernetes`."""
    return _ignored(release, service) is None


def service_objections(
    release: Release, service: Service, api: tuple[int, int]
) -> Iterator[Objection]:
    """Why Kuryr creates no load balancer for a Service, or none for some of its ports.

    `api` is the highest version in the root of Octavia's API.
    """
    ignored = _ignored(release, service)
    for evidence, remedy in (ignored,) if ignored else _ignored_ports(release, service, api):
        yield Objection(subject=service.place, evidence=evidence, remedy=remedy, status=Status.WARN)


def _ignored(release: Release, service: Service) -> tuple[str, str] | None:
    """The same in every release, except for the selector (kuryr-kubernetes, handlers/lbaas.py)."""
    if service.type == "ExternalName":
        return (
            "Kuryr ignores Services of type ExternalName",
            "a Service of type ExternalName needs no load balancer: DNS answers with its other "
            "name",
        )
    if service.type not in SERVICE_TYPES:
        return (
            f"Kuryr ignores Services of type {service.type}",
            f"change it to type {' or '.join(SERVICE_TYPES)}: kubectl -n NAMESPACE patch service "
            'NAME --type=merge -p \'{"spec":{"type":"ClusterIP"}}\'',
        )
    if not service.cluster_ip:
        return (
            "Kuryr ignores headless Services: they have no address for a load balancer",
            "a headless Service needs none if clients only use its name: DNS returns the pods' "
            "addresses",
        )
    if release.services.needs_selector and not service.selects:
        return (
            f"Kuryr {release.name} ignores Services without a selector",
            "give a Service without a selector one, or create its load balancer by hand as for the "
            "API",
        )
    return None


def _ignored_ports(
    release: Release, service: Service, api: tuple[int, int]
) -> Iterator[tuple[str, str]]:
    sctp = sorted(it.port for it in service.ports if it.protocol == "SCTP")
    if sctp and not (SCTP in release.octavia_features and api >= SCTP.api):
        first = _first(lambda other: SCTP in other.octavia_features)
        yield (
            f"SCTP port {', '.join(map(str, sctp))} is skipped",
            f"SCTP needs Kuryr {first} or later and version {SCTP.since} of Octavia's API",
        )
    tcp = {it.port for it in service.ports if it.protocol == "TCP"}
    both = sorted(it.port for it in service.ports if it.protocol == "UDP" and it.port in tcp)
    if both and api < BOTH_PROTOCOLS.api:
        yield (
            f"port {', '.join(map(str, both))} has TCP and UDP, and one of them is skipped",
            f"TCP and UDP on one port need version {BOTH_PROTOCOLS.since} of Octavia's API; "
            "or use two ports",
        )


def _first(able: Callable[[Release], bool]) -> str:
    """The name of the oldest release that is able to."""
    return next(name for name, release in RELEASES.items() if able(release))


def _releases(able: Callable[[Release], bool]) -> str:
    """Which release to use instead; empty if there is none."""
    names = [name for name, release in RELEASES.items() if able(release)]
    return f"set kuryr.release to {' or '.join(names)}" if names else ""
