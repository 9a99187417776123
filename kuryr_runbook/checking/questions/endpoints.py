"""Checks that cloud, cluster and registry answer. No answer is a failure."""

from __future__ import annotations

from collections.abc import Callable

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.permissions import NeutronLook, OctaviaLook
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.attachments import unsigned_remedy
from kuryr_runbook.specs.image import Reference

SEE_WAY = "check the address and the network: VPN, proxy, firewall"


def _answers(
    name: str, title: str, source: str
) -> Callable[[Callable[[PreflightLook], str | Unreadable]], Check]:
    """A check that a service answers; the function returns the evidence, or why it did not."""

    def of(ask: Callable[[PreflightLook], str | Unreadable]) -> Check:
        @Check(name, title, source, on=(Occasion.PREFLIGHT,))
        def find(look: PreflightLook) -> Verdict:
            answer = ask(look)
            return _no_answer(answer) if isinstance(answer, Unreadable) else passed(answer)

        return find

    return of


@_answers(
    "keystone",
    "Keystone answers, is trusted, and accepts the login",
    "keystone: the token, and the catalogue with the other services",
)
def check_keystone(look: PreflightLook) -> str | Unreadable:
    """Everything else in the cloud depends on it: it issues the token and has the catalogue."""
    login = look.seen.permissions.login
    if isinstance(login, Unreadable):
        return login
    return f"user {login.user}, project {login.project} ({login.project_id})"


@_answers(
    "neutron",
    "Neutron is in the catalogue, answers, and is trusted",
    "kuryr-kubernetes makes a port for each pod there",
)
def check_neutron(look: PreflightLook) -> str | Unreadable:
    """Kuryr creates its ports there."""
    return _url(look, look.seen.permissions.neutron)


@_answers(
    "octavia",
    "Octavia is in the catalogue, answers, and is trusted",
    "kuryr-kubernetes makes a load balancer for each Service there",
)
def check_octavia(look: PreflightLook) -> str | Unreadable:
    """Kuryr creates its load balancers there."""
    return _url(look, look.seen.permissions.octavia)


@_answers(
    "kubernetes-api",
    "The Kubernetes API answers, is trusted, and accepts the credentials",
    "kuryr-kubernetes watches pods, Services and Endpoints there",
)
def check_kubernetes(look: PreflightLook) -> str | Unreadable:
    """At the kubeconfig's address; Kuryr itself uses another one, kubernetes.api_root."""
    return look.cluster.version


@_answers(
    "registry",
    "The image's registry answers, is trusted, and accepts the login",
    "kubelet: it pulls the image from there",
)
def check_registry(look: PreflightLook) -> str | Unreadable:
    """Phase 01 shows whether the login may also push: trying that here would start an upload."""
    image = look.seen.image
    if isinstance(image, Unreadable):
        return image
    has = f"it has the image, {image}" if image else "it has no image of ours yet"
    return f"{look.site.image.repository}: {has}"


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


def _accepts_any(site: Site) -> str:
    return "" if site.image.verify_key else "the site names no image.verify_key"


@Check(
    "image-signature",
    "The key that the site names signed the image",
    "cosign's SIGNATURE_SPEC.md; phases 03 and 04 deploy no other image",
    on=(Occasion.PREFLIGHT,),
    moot=_accepts_any,
)
def check_signature(look: PreflightLook) -> Verdict:
    """An image that is still to be built or signed by phase 01 is none of preflight's business."""
    image, objection = look.seen.image, look.seen.objection
    for unreadable in (image, objection):
        if isinstance(unreadable, Unreadable):
            return _no_answer(unreadable)
    if image is None:
        by = "phase 01 signs it" if look.site.image.signing_key else "to be signed after phase 01"
        return passed(f"there is no image yet: {by}")
    if objection and look.site.image.signing_key:
        return passed(f"phase 01 signs it: {objection}")
    return failed(str(objection), unsigned_remedy(look.site)) if objection else passed(str(image))


def _url(look: PreflightLook, answer: NeutronLook | OctaviaLook | Unreadable) -> str | Unreadable:
    if isinstance(look.seen.permissions.login, Unreadable):
        raise CouldNotLook("nothing can be read without a login", "see the check of Keystone")
    return answer if isinstance(answer, Unreadable) else answer.url


def _no_answer(unreadable: Unreadable) -> Verdict:
    return failed(unreadable.reason, unreadable.remedy or SEE_WAY)
