"""Removal of Kuryr's finalizers, so that objects can be deleted without Kuryr."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kuryr_runbook.model.bodies import FinalizerRemoval
from kuryr_runbook.model.plan import Action, Change, Step, Target, shown
from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.planning.kubernetes import deletion, reference_to, target_of
from kuryr_runbook.snapshots.cluster.finalizers import is_kuryrs

FINALIZERS = "finalizers"
"""The kind of a step that only changes an object's finalizers."""


def finalizer_removal(objects: Iterable[Mapping[str, Any]]) -> list[list[Step]]:
    """Stages: first nothing waits for Kuryr any more, then its own objects are deleted."""
    found = list(objects)
    return [
        [
            release(item, "nothing is left that would remove Kuryr's")
            for item in found
            if item["metadata"].get("finalizers")
        ],
        [
            deletion(item, "Kuryr made it")
            for item in found
            if item["apiVersion"].startswith(f"{API_GROUP}/")
        ],
    ]


def release(item: Mapping[str, Any], because: str) -> Step:
    """Remove Kuryr's finalizers, and keep those of others."""
    target, finalizers = target_of(item), item["metadata"]["finalizers"]
    removed = tuple(name for name in finalizers if is_kuryrs(name))
    rest = [name for name in finalizers if name not in removed]
    return Step(
        action=Action.UPDATE,
        target=Target(FINALIZERS, str(target)),
        because=because,
        body=FinalizerRemoval(reference=reference_to(item), removed=removed),
        changes=(Change("metadata.finalizers", shown(finalizers), shown(rest)),),
    )
