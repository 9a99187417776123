"""Checks of the cluster itself: its version, its service range, and our rights there."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    CouldNotLook,
    failed,
    objected,
    passed,
    readable,
    some,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model import addressing, support
from kuryr_runbook.model.findings import Region, Status, Verdict
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import move_objections
from kuryr_runbook.snapshots.cluster.permissions import service_range_of
from kuryr_runbook.specs.wanted import service_subnet


def _without_self_link(site: Site) -> str:
    return "" if site.release.needs_self_link else f"Kuryr {site.release.name} does not read it"


@Check(
    "kubernetes-version",
    "Kuryr's release runs on this version of Kubernetes",
    "catalogue of releases: kuryr-runbook releases",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"controller-ready", *CONTROLLER_EFFECTS},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(Fault("Kubernetes outside of the release's window", "nothing is handled"),),
)
def check_version(look: Look) -> Iterator[Verdict]:
    """Each release supports a range of versions, because of the APIs that it uses."""
    version, release = look.version, look.site.release
    for objection in support.kubernetes_objections(release, version):
        said = objected(objection)
        # An untested version is not a cause: it is reported before, but not when Kuryr runs.
        untried = said.status is Status.WARN
        yield Cause(
            status=said.status,
            evidence=said.evidence,
            remedy=said.remedy,
            explains=frozenset() if untried else None,
            is_hint=untried,
        )
    yield passed(f"{version}; Kuryr {release.name} runs on {release.kubernetes_window}")


@Check(
    "release-step",
    "One step leads from the installed release of Kuryr to the site's",
    "catalogue of releases: upgrades that upstream supports",
    on=(Occasion.PREFLIGHT,),
)
def check_release_step(look: PreflightLook) -> Verdict:
    """A later release may not read the earlier one's state, or the other way round."""
    installed, wanted = readable(look.seen.installed), look.site.release
    if objection := next(move_objections(installed, wanted), None):
        return failed(objection.evidence, objection.remedy)
    reported = [f"{subject} runs {release}" for subject, release in installed.releases()]
    return passed("; ".join(reported) or "Kuryr is not installed")


@Check(
    "self-link",
    "The API gives its objects the metadata.selfLink that Kuryr reads",
    "metadata.selfLink in kuryr_kubernetes of stein to victoria",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    moot=_without_self_link,
    explains={"controller-ready", *CONTROLLER_EFFECTS},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "Kubernetes 1.20 on without selfLink, Stein to Victoria",
            "nothing is handled, KeyError selfLink",
        ),
    ),
)
def check_self_link(look: Look) -> Verdict:
    """Read from the Service default/kubernetes. Up to Victoria, Kuryr does nothing without it."""
    service = look.kubernetes
    if objection := next(support.self_link_objections(look.site.release, service), None):
        return objected(objection)
    return passed(f"Service {service.place} has it")


@Check(
    "kubernetes-rights",
    "The kubeconfig's user may do all that the runbook does",
    "kubernetes: SelfSubjectAccessReview",
    on=(Occasion.PREFLIGHT,),
)
def check_rights(look: PreflightLook) -> Verdict:
    """Kubernetes itself answers this, for each verb and resource (SelfSubjectAccessReview)."""
    missing = [str(right) for right in readable(look.rights.missing_rights)]
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
def check_service_cidr(look: PreflightLook) -> Verdict:
    """The API server names its range when it refuses an address outside of it.

    A VIP is a ClusterIP: if the ranges differ, Services get load balancers in no subnet, and the
    API one at an address that no pod uses.
    """
    wanted, reported = look.site.kubernetes.service_cidr, _reported_range(look)
    first, address = addressing.api_service_address(wanted), look.kubernetes.cluster_ip
    problems = []
    if reported is not None and reported != wanted:
        problems.append(
            f"the API server's range is {reported}, kubernetes.service_cidr is {wanted}"
        )
    if address != str(first):
        problems.append(
            f"Service default/kubernetes is at {address or 'no address'}, not at {first}, the "
            f"first of {wanted}"
        )
    unseen = None
    try:
        problems += _misfits(look, reported or wanted)
    except CouldNotLook as reason:
        unseen = reason
    if problems:
        right = (
            reported or f"the API server's --service-cluster-ip-range, which starts at {address}"
        )
        return failed(
            some(problems),
            f"set kubernetes.service_cidr to {right}, and network.service_subnet to a range of "
            "twice that size that starts with it",
        )
    if reported is None:
        raise CouldNotLook(
            f"Service default/kubernetes is at the first address of {wanted}, but the API server "
            f"does not say where its range ends: {look.rights.service_refusal}",
            "compare with --service-cluster-ip-range of the API server",
        )
    if unseen is not None:
        raise unseen
    return passed(f"{reported}, Service default/kubernetes at {address}")


def _reported_range(look: PreflightLook) -> IPv4Network | None:
    return service_range_of(look.rights.service_refusal)


def _misfits(look: PreflightLook, services: IPv4Network) -> list[str]:
    """Why Neutron's service subnet cannot contain the range; empty if there is none yet."""
    wanted = service_subnet(look.site)
    subnet = look_up(look.cloud.subnets, wanted, look.cloud)
    if subnet is None:
        return []
    problems = (
        addressing.service_problems(IPv4Network(subnet.cidr), services)
        if "." in subnet.cidr
        else ("it is not an IPv4 range",)
    )
    return [f"service subnet {subnet.cidr} of Neutron: {problem}" for problem in problems]
