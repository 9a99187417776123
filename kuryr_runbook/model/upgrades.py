"""Ways from one release to another: which single steps there are, and what a step moves.

All of it follows from the catalogue. An upgrade is a step that upstream supports; it can be taken
back when both releases find what the other has noted of pods and load balancers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.model.plan import Change
from kuryr_runbook.model.releases import RELEASES, Ports, Release
from kuryr_runbook.model.support import Objection

RELEASE_LABEL = "kuryr-runbook/release"
"""On the controller's Deployment and the daemon's DaemonSet: which release they run."""

UNKNOWN = ""
"""What is installed, where nothing tells which release it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Controller and daemon, at one time: the name of the release of each.

    None: there is none. UNKNOWN: it is there, and nothing tells.
    """

    controller: str | None
    daemon: str | None

    def releases(self) -> Iterator[tuple[str, str]]:
        """What is there: its name for people, and its release."""
        if self.controller is not None:
            yield "the controller", self.controller
        if self.daemon is not None:
            yield "the daemon", self.daemon


def is_later(release: Release, other: Release) -> bool:
    """Whether the first came out after the second."""
    order = list(RELEASES)
    return order.index(release.name) > order.index(other.name)


def is_step(before: Release, after: Release) -> bool:
    """Whether a cluster may go from one straight to the other, up or back."""
    if is_later(after, before):
        return before.name in after.upgrades_from
    return after.name in before.upgrades_from and before.shares_state_with(after)


def find_path(before: Release, after: Release) -> tuple[Release, ...] | None:
    """The releases by which a cluster gets there, without the one that it has; None: by none.

    Of several ways the one of fewest steps. Always in one direction.
    """
    up = is_later(after, before)
    ways: list[tuple[Release, ...]] = [(before,)]
    seen = {before.name}
    while ways:
        way = ways.pop(0)
        if way[-1] is after:
            return way[1:]
        for following in RELEASES.values():
            forward = is_later(following, way[-1]) is up
            if following.name not in seen and forward and is_step(way[-1], following):
                seen.add(following.name)
                ways.append((*way, following))
    return None


def move_objection(installed: str, wanted: Release, subject: str) -> Objection | None:
    """Why a cluster that runs one release may not be given another; None: it may, or has it.

    `installed` is the name that the cluster tells, `subject` the object that tells it.
    """
    if installed == UNKNOWN:
        return Objection(
            subject=subject,
            evidence=f"{subject} is there, and neither a label nor its image tells which release "
            "it runs",
            remedy=f"set the label {RELEASE_LABEL} of its Deployment or DaemonSet to the release "
            "that it runs",
        )
    before = RELEASES.get(installed)
    if before is None:
        return Objection(
            subject=subject,
            evidence=f"{subject} runs Kuryr {installed}, which is not in the catalogue",
            remedy="take it away with what it made, or correct its label "
            f"{RELEASE_LABEL}: known are {', '.join(RELEASES)}",
        )
    if before is wanted or is_step(before, wanted):
        return None
    path = find_path(before, wanted)
    if path is None:
        return Objection(
            subject=subject,
            evidence=f"{subject} runs Kuryr {before.name}, from which no way leads to "
            f"{wanted.name}: {before.name} notes a pod's VIF in {before.vif_state}, {wanted.name} "
            f"looks for {wanted.vif_state}, and nothing moves it back",
            remedy=f"set kuryr.release to {before.name}; to have {wanted.name} all the same, "
            "remove the workloads, take Kuryr away with that site (kuryr-runbook teardown), and "
            "then install anew",
        )
    return Objection(
        subject=subject,
        evidence=f"{subject} runs Kuryr {before.name}, and from there to {wanted.name} it is "
        f"{len(path)} steps, each of which is done by itself",
        remedy=f"set kuryr.release to {path[0].name} and run it; then go on by "
        f"{', '.join(release.name for release in path[1:])}",
    )


def move_objections(installed: Installed, wanted: Release) -> Iterator[Objection]:
    """Why controller or daemon may not be given another release.

    Both are asked: after an upgrade that was cut off, the daemon is a step behind.
    """
    for subject, release in installed.releases():
        if objection := move_objection(release, wanted, subject):
            yield objection


def moved(before: Release, after: Release) -> Iterator[Change]:
    """What is elsewhere, or another, after a step from one release to the other."""
    for (what, old), (_, new) in zip(_facts(before), _facts(after), strict=True):
        if old != new:
            yield Change(what, old, new)


def disturbance(before: Release, after: Release) -> str:
    """What pods and services notice of the step."""
    told = "pods keep their network, and load balancers carry traffic; changes wait meanwhile"
    if before.shares_state_with(after):
        return told
    return (
        f"{told}: pods that start between the controller's new release and the daemon's are "
        f"plugged when phase daemon is done, and the step cannot be taken back"
    )


def _facts(release: Release) -> Iterator[tuple[str, str]]:
    yield "release", release.name
    yield "package", f"kuryr-kubernetes {release.version}"
    yield "VIF of a pod", str(release.vif_state)
    yield "wanted load balancer", str(release.balancer_spec)
    yield "made load balancer", str(release.balancer_state)
    yield "custom resources", ", ".join(crd.kind for crd in release.crds) or "none"
    yield "CNI configuration", release.cni_file
    yield "handlers", ", ".join(release.handlers)
    yield "nodes' subnet in kuryr.conf", release.worker_subnet_option
    yield "metrics", _ports(release.metrics_ports)


def _ports(ports: Ports | None) -> str:
    return f"{ports.controller}, {ports.daemon}" if ports else "none"
