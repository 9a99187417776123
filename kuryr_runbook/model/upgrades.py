"""Upgrade paths: which single steps there are from release to release, and what a step changes.

All of it follows from the catalogue. An upgrade is a step that upstream supports; it can be
reverted if each of the two releases finds the other's state of pods and load balancers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.model.plan import Change
from kuryr_runbook.model.releases import RELEASES, Ports, Release
from kuryr_runbook.model.support import Objection
from kuryr_runbook.model.wording import counted

RELEASE_LABEL = "kuryr-runbook/release"
"""The label with the release, on the controller's Deployment and the daemon's DaemonSet."""

UNKNOWN = ""
"""The release of an installation that nothing identifies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The releases of controller and daemon at one time, by name.

    None: it is not installed. UNKNOWN: it is installed, but nothing identifies its release.
    """

    controller: str | None
    daemon: str | None

    def releases(self) -> Iterator[tuple[str, str]]:
        """What is installed: its name for people, and its release."""
        if self.controller is not None:
            yield "the controller", self.controller
        if self.daemon is not None:
            yield "the daemon", self.daemon


def is_later(release: Release, other: Release) -> bool:
    """Whether the first came out after the second."""
    order = list(RELEASES)
    return order.index(release.name) > order.index(other.name)


def is_step(before: Release, after: Release) -> bool:
    """Whether a cluster may go directly from one to the other, up or down."""
    if is_later(after, before):
        return before.name in after.upgrades_from
    return after.name in before.upgrades_from and before.shares_state_with(after)


def find_path(before: Release, after: Release) -> tuple[Release, ...] | None:
    """The releases on a cluster's path, without the current one; None: there is no path.

    Of several paths the shortest one. Always in one direction.
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
    """Why a cluster may not go from one release to another; None: it may, or it has it.

    `installed` is the release's name in the cluster, `subject` the object that it was read from.
    """
    if installed == UNKNOWN:
        return Objection(
            subject=subject,
            evidence=f"{subject} exists, but neither a label nor its image shows which release it "
            "runs",
            remedy=f"set the label {RELEASE_LABEL} of its Deployment or DaemonSet to the release "
            "that it runs",
        )
    before = RELEASES.get(installed)
    if before is None:
        return Objection(
            subject=subject,
            evidence=f"{subject} runs Kuryr {installed}, which is not in the catalogue",
            remedy="remove it and everything that it created, or correct its label "
            f"{RELEASE_LABEL}: known are {', '.join(RELEASES)}",
        )
    if before is wanted or is_step(before, wanted):
        return None
    path = find_path(before, wanted)
    if path is None:
        return Objection(
            subject=subject,
            evidence=f"{subject} runs Kuryr {before.name}, and there is no path from it to "
            f"{wanted.name}: {before.name} stores a pod's VIF in {before.vif_state}, {wanted.name} "
            f"in {wanted.vif_state}, and nothing moves it back",
            remedy=f"set kuryr.release to {before.name}; if you need {wanted.name}, remove the "
            "workloads and Kuryr with that site file (kuryr-runbook teardown), and then install "
            "Kuryr again",
        )
    return Objection(
        subject=subject,
        evidence=f"{subject} runs Kuryr {before.name}, and the path from it to {wanted.name} has "
        f"{counted(len(path), 'step')}, each of which is a run of its own",
        remedy=f"set kuryr.release to {path[0].name} and run that; then continue with "
        f"{', '.join(release.name for release in path[1:])}",
    )


def move_objections(installed: Installed, wanted: Release) -> Iterator[Objection]:
    """Why controller or daemon may not get another release.

    Both are checked: after an interrupted upgrade, the daemon is a step behind.
    """
    for subject, release in installed.releases():
        if objection := move_objection(release, wanted, subject):
            yield objection


def moved(before: Release, after: Release) -> Iterator[Change]:
    """The facts that differ after a step from one release to the other."""
    for (what, old), (_, new) in zip(_facts(before), _facts(after), strict=True):
        if old != new:
            yield Change(what, old, new)


def disturbance(before: Release, after: Release) -> str:
    """What pods and services notice during the step."""
    notice = "pods keep their network, and load balancers carry traffic; changes wait meanwhile"
    if before.shares_state_with(after):
        return notice
    return (
        f"{notice}: pods that start between the controller's new release and the daemon's are "
        f"plugged when phase daemon is done, and the step cannot be reverted"
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
