"""What phase 03 says of what runs when kuryr.conf changes, beside its own steps."""

from __future__ import annotations

from dataclasses import replace

from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.openstack import ownership_of
from kuryr_runbook.planning.live_services import moved_services, moves_services
from kuryr_runbook.planning.pools import leaves_pools, spare_left
from kuryr_runbook.snapshots.cluster.configured import read_configured
from kuryr_runbook.snapshots.cluster.installed import read_used_ports
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.kuryr_conf import Conf


def with_consequences(plan: Plan, phase: Phase, installed: Installed, after: Conf) -> Plan:
    """The plan with the ports and the Services that a new configuration concerns.

    Reads more only if what the installed controller is told differs in these matters.
    """
    release = RELEASES.get(installed.controller or "")
    before = read_configured(phase.site, phase.cluster).controller if release else None
    if release is None or before is None:
        return plan
    leaves, moves = leaves_pools(before, after), moves_services(before, after)
    if not (leaves or moves):
        return plan
    prepared = phase.prepared()
    cluster_id = known(prepared.cluster.cluster_id)
    ownership = ownership_of(phase.site, cluster_id, prepared.cloud, phase.cloud)
    return replace(
        plan,
        left=spare_left(ownership, read_used_ports(release, phase.cluster)) if leaves else (),
        consequences=tuple(moved_services(ownership, before, after)) if moves else (),
    )
