"""Taking from the nodes' disks what the daemon's init container put there: a pod does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kuryr_runbook.model.plan import Action, Step, Target, field_changes
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.kubernetes import deletion, target_of
from kuryr_runbook.specs.daemon import CLEANER, DAEMON, cleaner_manifest

NODE_FILES = "node_files"
"""The kind of the step that waits until every node is clean, and ends the cleaning."""


def node_files_removal(site: Site, daemon_sets: Iterable[Mapping[str, Any]]) -> list[list[Step]]:
    """Stages; none when neither daemon nor cleaner is there.

    The cleaner comes before the daemon goes, so that a teardown that is cut off in between finds
    it, and ends what was begun.
    """
    found = {item["metadata"]["name"]: item for item in daemon_sets}
    present = [found[name] for name in (DAEMON, CLEANER) if name in found]
    if not present:
        return []
    image = present[0]["spec"]["template"]["spec"]["containers"][0]["image"]
    cleaner = cleaner_manifest(site, image)
    return [
        [_start(cleaner)] if CLEANER not in found else [],
        [deletion(found[DAEMON], "the runbook made it")] if DAEMON in found else [],
        [_end(cleaner)],
    ]


def _start(cleaner: Mapping[str, Any]) -> Step:
    return Step(
        action=Action.CREATE,
        target=target_of(cleaner),
        because="takes plugin and CNI configuration off every node",
        body=cleaner,
        changes=field_changes(cleaner),
        disturbs="new pods get no network any more",
    )


def _end(cleaner: Mapping[str, Any]) -> Step:
    return Step(
        action=Action.DELETE,
        target=Target(NODE_FILES, "CNI plugin and configuration on every node"),
        because="the daemon's init container put them there",
        body=cleaner,
    )
