"""What phase 03 finds to say of what runs when kuryr.conf changes, beside its own steps."""

from __future__ import annotations

from kuryr_runbook.model.plan import LeftBehind
from kuryr_runbook.model.port_pools import NO_POOL
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.openstack import ownership_of
from kuryr_runbook.planning.pools import spare_left
from kuryr_runbook.snapshots.cluster.configured import read_configured
from kuryr_runbook.snapshots.cluster.installed import read_used_ports
from kuryr_runbook.snapshots.reading import known


def left_of_pools(phase: Phase, installed: Installed) -> tuple[LeftBehind, ...]:
    """The spare ports that stay when the installed controller has pools, and the site none."""
    release = RELEASES.get(installed.controller or "")
    if release is None or phase.site.kuryr.port_pool.enabled:
        return ()
    before = read_configured(phase.site, phase.cluster).controller or {}
    if before.get("kubernetes", {}).get("vif_pool_driver", NO_POOL) == NO_POOL:
        return ()
    prepared = phase.prepared()
    cluster_id = known(prepared.cluster.cluster_id)
    ownership = ownership_of(phase.site, cluster_id, prepared.cloud, phase.cloud)
    return spare_left(ownership, read_used_ports(release, phase.cluster))
