"""The image of phase 01 as the later phases use it, and the release that the cluster runs."""

from __future__ import annotations

import json

from kuryr_runbook.clients.images.kuryr import read_image_spec, read_remote_image
from kuryr_runbook.clients.images.registry import RegistryClient, read_logins
from kuryr_runbook.clients.images.signatures import signature_objection
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.errors import CheckError, DriftError, EarlierPhaseError
from kuryr_runbook.model.plan import known_later
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import Installed, move_objections
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.snapshots.cluster.installed import read_installed
from kuryr_runbook.specs.attachments import unsigned_remedy
from kuryr_runbook.specs.image import Reference


def registry_of(site: Site) -> RegistryClient:
    """A client for the site's registry."""
    return RegistryClient(site.image.registry_auth, site.image.registry_ca, say)


def deployed_image(site: Site, *, ahead: bool = False) -> str:
    """The image by its digest, which the manifests use because a tag may move.

    Raises EarlierPhaseError when phase 01 is not done; if planning `ahead` of it, the digest is
    a value known later. Raises CheckError when the image is not signed by the site's key.
    """
    registry = registry_of(site)
    spec = read_image_spec(site, registry)
    remote = read_remote_image(spec, registry)
    if remote is not None and spec.is_made_as(remote.labels):
        image = spec.reference.at(remote.digest)
        # Ahead of it, phase 01 may still have to sign.
        if not (ahead and site.image.signing_key):
            _require_signature(site, image, registry)
        return str(image)
    if ahead:
        return f"{site.image.repository}@{known_later('digest of the image')}"
    raise EarlierPhaseError(
        f"the registry does not have {spec.reference}, built from these inputs",
        remedy="run phase image_build first",
    )


def _require_signature(site: Site, image: Reference, registry: RegistryClient) -> None:
    if problem := signature_objection(site, image, registry):
        raise CheckError(
            f"image.verify_key {site.image.verify_key}: {problem}; nothing was changed",
            remedy=unsigned_remedy(site),
        )


def registry_login(site: Site) -> str:
    """The kubelets' login at the registry, without those for other registries; empty if none."""
    path = site.image.registry_auth
    if path is None:
        return ""
    host = Reference.parse(site.image.repository).registry
    own = {name: entry for name, entry in read_logins(path).items() if name == host}
    return json.dumps({"auths": own})


def movable(phase: Phase) -> Installed:
    """What the cluster runs. Raises DriftError when no single step leads to the site's release."""
    site = phase.site
    installed = read_installed(site, phase.cluster, registry_of(site))
    found = list(move_objections(installed, site.release))
    if found:
        raise DriftError(
            "\n  ".join([f"{phase.name}: Kuryr {site.release.name} cannot be installed:",
                         *(objection.evidence for objection in found)]),
            remedy="; ".join(dict.fromkeys(objection.remedy for objection in found)),
        )  # fmt: skip
    return installed


def refuse_before_controller(phase: Phase, installed: Installed) -> None:
    """Raise EarlierPhaseError when the controller runs another release than the daemon is to run.

    The daemon plugs what the controller notes, at the place where its own release looks for it.
    """
    wanted = phase.site.release.name
    if installed.controller not in (None, wanted):
        raise EarlierPhaseError(
            f"the controller runs Kuryr {installed.controller}, not {wanted}",
            remedy="run phase controller first",
        )
