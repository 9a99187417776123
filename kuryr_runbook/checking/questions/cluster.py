"""Checks of the cluster itself: its version, its service range, and what we may do there."""

from __future__ import annotations

from ipaddress import IPv4Network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    objected,
    passed,
    readable,
    skipped,
    some,
    warned,
)
from kuryr_runbook.checking.view.cloud import look_up
from kuryr_runbook.checking.view.permissions import (
    cluster,
    octavia_version,
    services,
)
from kuryr_runbook.model import addressing, support
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.services import Service
from kuryr_runbook.model.upgrades import move_objections
from kuryr_runbook.snapshots.cluster.permissions import service_range_of
from kuryr_runbook.snapshots.preflight import PreflightSnapshot
from kuryr_runbook.specs.wanted import service_subnet


@Check(
    "kubernetes-version",
    "Kuryr's release runs on this version of Kubernetes",
    "catalogue of releases: kuryr-runbook releases",
    on=(Occasion.PREFLIGHT,),
)
def check_version(snapshot: PreflightSnapshot) -> Verdict:
    """Each release has a window, from the APIs that it uses."""
    version, release = cluster(snapshot).version, snapshot.site.release
    try:
        objection = next(support.kubernetes_objections(release, version), None)
    except ValueError as error:
        raise CouldNotLook(str(error)) from error
    if objection:
        return objected(objection)
    return passed(f"{version}; Kuryr {release.name} runs on {release.kubernetes_window}")


@Check(
    "release-step",
    "One step leads from the installed release of Kuryr to the site's",
    "catalogue of releases: upgrades that upstream supports",
    on=(Occasion.PREFLIGHT,),
)
def check_release_step(snapshot: PreflightSnapshot) -> Verdict:
    """State stands in places that a later release may not read, or an earlier one not find."""
    cluster(snapshot)
    installed, wanted = readable(snapshot.installed), snapshot.site.release
    if objection := next(move_objections(installed, wanted), None):
        return failed(objection.evidence, objection.remedy)
    told = [f"{subject} runs {release}" for subject, release in installed.releases()]
    return passed("; ".join(told) or "Kuryr is not installed")


@Check(
    "self-link",
    "The API gives its objects the metadata.selfLink that Kuryr reads",
    "metadata.selfLink in kuryr_kubernetes of stein to victoria",
    on=(Occasion.PREFLIGHT,),
)
def check_self_link(snapshot: PreflightSnapshot) -> Verdict:
    """Seen at the Service default/kubernetes. Up to Victoria, Kuryr does nothing without it."""
    release = snapshot.site.release
    if not release.needs_self_link:
        return skipped(f"Kuryr {release.name} does not read it")
    service = _kubernetes(snapshot)
    if objection := next(support.self_link_objections(release, service), None):
        return objected(objection)
    return passed(f"Service {service} has it")


@Check(
    "kubernetes-rights",
    "The kubeconfig's user may do all that the runbook does",
    "kubernetes: SelfSubjectAccessReview",
    on=(Occasion.PREFLIGHT,),
)
def check_rights(snapshot: PreflightSnapshot) -> Verdict:
    """Kubernetes answers this itself, for each verb and resource (SelfSubjectAccessReview)."""
    missing = [str(right) for right in readable(cluster(snapshot).missing_rights)]
    if missing:
        return failed(
            f"{len(missing)} are missing: {some(missing)}",
            "bind the ClusterRole cluster-admin to the user, or name another user's context in "
            "kubernetes.context",
        )
    return passed("it may")


@Check(
    "service-cidr",
    "The site's service CIDR is the cluster's, and fits the service subnet",
    "kuryr-kubernetes, doc/source/installation/services.rst: a VIP is a ClusterIP",
    on=(Occasion.PREFLIGHT,),
)
def check_service_cidr(snapshot: PreflightSnapshot) -> Verdict:
    """The API server names its range when it refuses an address that is outside of it.

    A VIP is a ClusterIP: ranges that differ give Services load balancers in no subnet, and the
    API one at an address that no pod asks.
    """
    wanted, told = snapshot.site.kubernetes.service_cidr, _told(snapshot)
    first, address = addressing.api_service_address(wanted), _kubernetes(snapshot).cluster_ip
    problems = []
    if told is not None and told != wanted:
        problems.append(f"the API server's range is {told}, kubernetes.service_cidr is {wanted}")
    if address != str(first):
        problems.append(
            f"Service default/kubernetes is at {address or 'no address'}, not at {first}, the "
            f"first of {wanted}"
        )
    unseen = None
    try:
        problems += _misfits(snapshot, told or wanted)
    except CouldNotLook as reason:
        unseen = reason
    if problems:
        right = told or f"the API server's --service-cluster-ip-range, which begins at {address}"
        return failed(
            some(problems),
            f"set kubernetes.service_cidr to {right}, and network.service_subnet to a range of "
            "twice that size which begins with it",
        )
    if told is None:
        raise CouldNotLook(
            f"Service default/kubernetes is at the first address of {wanted}, but the API server "
            f"does not tell where its range ends: {cluster(snapshot).service_refusal}",
            "compare with --service-cluster-ip-range of the API server",
        )
    if unseen is not None:
        raise unseen
    return passed(f"{told}, Service default/kubernetes at {address}")


@Check(
    "services",
    "Kuryr makes a load balancer of every Service",
    "kuryr-kubernetes, controller/handlers/lbaas.py: what it ignores",
    on=(Occasion.PREFLIGHT,),
)
def check_services(snapshot: PreflightSnapshot) -> Verdict:
    """Nobody answers at the address of a Service that Kuryr ignores: there is no kube-proxy."""
    found, version = services(snapshot), octavia_version(snapshot)
    told: dict[str, list[str]] = {}
    ways_out = {}
    for service in found:
        for objection in support.service_objections(snapshot.site.release, service, version):
            told.setdefault(objection.evidence, []).append(objection.subject)
            ways_out[objection.remedy] = True
    if told:
        evidence = [f"{reason} ({some(names)})" for reason, names in told.items()]
        return warned("; ".join(evidence), "; ".join(ways_out))
    return passed(f"{len(found)}, besides default/kubernetes, which phase 02 serves")


def _kubernetes(snapshot: PreflightSnapshot) -> Service:
    found = readable(cluster(snapshot).kubernetes_service)
    if found is None:
        raise CouldNotLook("there is no Service default/kubernetes", "is this a real API server?")
    return found


def _told(snapshot: PreflightSnapshot) -> IPv4Network | None:
    return service_range_of(cluster(snapshot).service_refusal)


def _misfits(snapshot: PreflightSnapshot, services: IPv4Network) -> list[str]:
    """Why Neutron's service subnet cannot carry the range; nothing where there is none yet."""
    wanted = service_subnet(snapshot.site)
    subnet = look_up(snapshot.cloud.subnets, wanted, snapshot.cloud)
    if subnet is None:
        return []
    problems = (
        addressing.service_problems(IPv4Network(subnet.cidr), services)
        if "." in subnet.cidr
        else ("it is no range of IPv4",)
    )
    return [f"service subnet {subnet.cidr} of Neutron: {problem}" for problem in problems]
