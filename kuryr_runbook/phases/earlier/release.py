"""What phases 03 and 04 ask before they give a cluster another release, and the answer of 03."""

from __future__ import annotations

from kuryr_runbook.model.errors import DriftError, EarlierPhaseError
from kuryr_runbook.model.upgrades import Installed, move_objections
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.image import registry_of
from kuryr_runbook.snapshots.cluster.installed import read_installed


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
