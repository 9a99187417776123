"""Checks of what has to answer: cloud, cluster and registry. No answer is a failure."""

from __future__ import annotations

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.image import Reference

SEE_WAY = "check the address and the way there: VPN, proxy, firewall"


@Check(
    "keystone",
    "Keystone answers, is trusted, and accepts the login",
    "keystone: the token, and the catalogue that tells where the others are",
    on=(Occasion.PREFLIGHT,),
)
def check_keystone(look: PreflightLook) -> Verdict:
    """All else in the cloud begins here: it gives the token, and says where the others are."""
    login = look.seen.permissions.login
    if isinstance(login, Unreadable):
        return _no_answer(login)
    return passed(f"user {login.user}, project {login.project} ({login.project_id})")


@Check(
    "neutron",
    "Neutron is in the catalogue, answers, and is trusted",
    "kuryr-kubernetes makes a port for each pod there",
    on=(Occasion.PREFLIGHT,),
)
def check_neutron(look: PreflightLook) -> Verdict:
    """Kuryr makes its ports there."""
    _logged_in(look)
    neutron = look.seen.permissions.neutron
    return _no_answer(neutron) if isinstance(neutron, Unreadable) else passed(neutron.url)


@Check(
    "octavia",
    "Octavia is in the catalogue, answers, and is trusted",
    "kuryr-kubernetes makes a load balancer for each Service there",
    on=(Occasion.PREFLIGHT,),
)
def check_octavia(look: PreflightLook) -> Verdict:
    """Kuryr makes its load balancers there."""
    _logged_in(look)
    octavia = look.seen.permissions.octavia
    return _no_answer(octavia) if isinstance(octavia, Unreadable) else passed(octavia.url)


@Check(
    "kubernetes-api",
    "The Kubernetes API answers, is trusted, and accepts the credentials",
    "kuryr-kubernetes watches pods, Services and Endpoints there",
    on=(Occasion.PREFLIGHT,),
)
def check_kubernetes(look: PreflightLook) -> Verdict:
    """By the way that the kubeconfig names; Kuryr itself takes another, kubernetes.api_root."""
    version = look.cluster.version
    return _no_answer(version) if isinstance(version, Unreadable) else passed(version)


@Check(
    "registry",
    "The image's registry answers, is trusted, and accepts the login",
    "kubelet: it pulls the image from there",
    on=(Occasion.PREFLIGHT,),
)
def check_registry(look: PreflightLook) -> Verdict:
    """Whether the login may also push shows in phase 01: asking would begin an upload."""
    image = look.seen.image
    if isinstance(image, Unreadable):
        return _no_answer(image)
    has = f"it has the image, {image}" if image else "it has no image of ours yet"
    return passed(f"{look.site.image.repository}: {has}")


@Check(
    "base-image",
    "The base image can be pulled",
    "phase 01 builds on it",
    on=(Occasion.PREFLIGHT,),
)
def check_base_image(look: PreflightLook) -> Verdict:
    """Phase 01 builds on it."""
    name = look.site.base_image
    if isinstance(look.seen.base_image, Unreadable):
        return _no_answer(look.seen.base_image)
    if look.seen.base_image is None:
        return failed(
            f"{Reference.parse(name).registry} has no image {name}",
            f"set image.base_image to an image of Debian with Python "
            f"{look.site.constraint_set.python}, such as "
            f"{look.site.constraint_set.base_image}",
        )
    return passed(f"{name}, {look.seen.base_image}")


def _logged_in(look: PreflightLook) -> None:
    if isinstance(look.seen.permissions.login, Unreadable):
        raise CouldNotLook("without a login nothing can be asked", "see the check of Keystone")


def _no_answer(unreadable: Unreadable) -> Verdict:
    return failed(unreadable.reason, unreadable.remedy or SEE_WAY)
