"""The part of phase 03's plan about a release that differs from the installed one."""

from __future__ import annotations

from dataclasses import replace

from kuryr_runbook.model import upgrades
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Change, Step, Target
from kuryr_runbook.model.releases import RELEASES, Release, StatePlace
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.model.wording import counted

RELEASE = Target("release", "kuryr")
RUNNING_PODS = Target("pods", "that run")


def plan_move(installed: Installed, wanted: Release, check: Manifest) -> Step | None:
    """The step in which the new release checks the cluster first; None: no other one is installed.

    `check` is the pod that does it.
    """
    if installed.controller in (None, wanted.name):
        return None
    before = RELEASES[str(installed.controller)]
    return Step(
        action=Action.UPDATE,
        target=RELEASE,
        because=f"Kuryr {before.name} is installed: `kuryr-k8s-status upgrade check` of "
        f"{wanted.name} runs first, and stops the rest if it fails{_rewriting(wanted)}",
        body=check,
        changes=tuple(upgrades.moved(before, wanted)),
        disturbs=upgrades.disturbance(before, wanted),
    )


def _rewriting(wanted: Release) -> str:
    if not wanted.rewrites_annotations:
        return ""
    return "; VIFs in pods' annotations that have the format from before Rocky are converted"


def after_first(first: Step | None, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps, each of which waits for the first one."""
    if first is None:
        return steps
    return (first, *(replace(step, after=step.after | {first.target}) for step in steps))


def plan_vif_moves(release: Release, unmoved: int, after: Target) -> Step | None:
    """The step that moves the VIFs of running pods; None: there are none to move.

    One step for all, since the set of running pods changes from moment to moment.
    """
    if not unmoved:
        return None
    before, now = map(str, _vif_places(release))
    return Step(
        action=Action.UPDATE,
        target=RUNNING_PODS,
        because="their VIF is in an annotation, and Kuryr only moves those of pods that are about "
        f"to start: the ports of running pods would be orphaned ({counted(unmoved, 'pod')} now)",
        changes=(Change("VIF", before, now),),
        after=frozenset({after}),
    )


def _vif_places(release: Release) -> tuple[StatePlace, StatePlace]:
    """Where a pod's VIF was before there were custom resources, and where it is now."""
    earlier = next(other for other in RELEASES.values() if not other.crds)
    return earlier.vif_state, release.vif_state
