"""Pools of ports in phase 03's plan: when they may not be switched on, and what they leave.

Kuryr deletes no spare port when pools are switched off, and without pools it gives none to pods.
"""

from __future__ import annotations

from collections.abc import Collection

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import LeftBehind, Target
from kuryr_runbook.model.port_pools import NO_POOL
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cluster.configured import Options
from kuryr_runbook.snapshots.reading import known

DELETED = "once phase controller is done, kuryr-runbook diagnose --site FILE --fix deletes it"


def refuse_unmoved(site: Site, unmoved: int) -> None:
    """Raise DriftError if Kuryr would give the ports of running pods to others.

    At its start it takes every port for spare that no KuryrPort names, and pods of a release that
    noted their ports in annotations get KuryrPorts only when it runs.
    """
    if unmoved and site.kuryr.port_pool.enabled:
        have = counted(unmoved, "pod has its port", "pods have their ports")
        raise DriftError(
            f"{have} noted in an annotation: with pools, Kuryr {site.release.name} would take them "
            "for spare ones and give them to other pods",
            remedy="set kuryr.port_pool.enabled to false and run phase controller, which moves "
            "these notes; then set it to true again",
        )


def leaves_pools(before: Options, after: Options) -> bool:
    """Whether a configuration switches off the pools of the one before it."""
    driver = "vif_pool_driver"
    was, will = (it.get("kubernetes", {}).get(driver, NO_POOL) for it in (before, after))
    return was != NO_POOL and will == NO_POOL


def spare_left(ownership: Ownership, used: Collection[str]) -> tuple[LeftBehind, ...]:
    """The spare ports that stay when pools are switched off; `used` are ids of pods' ports.

    Trunks have to be read if `ownership.has_subports`. Raises AccessError.
    """
    left = [
        port
        for port in known(ownership.cloud.ports)
        if port.id not in used and ownership.is_of_pool(port)
    ]
    return tuple(
        LeftBehind(
            target=Target("port", ", ".join(port.addresses) or port.id),
            id=port.id,
            because=f"port {port.id} is a spare one of a pool: without pools no pod gets it",
            remedy=DELETED,
        )
        for port in sorted(left, key=lambda port: port.id)
    )
