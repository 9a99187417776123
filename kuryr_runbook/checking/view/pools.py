"""The pools of ports of a snapshot: which ports are spare ones.

Kuryr notes nowhere which ports those are. At its start it takes for spare what has its tags, is on
a node, and belongs to no pod; from then on it remembers.
"""

from __future__ import annotations

from kuryr_runbook.checking.verdicts import CouldNotLook
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.port_pools import NO_POOL
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cluster.vif import PodVif


def pool_of_controller(look: Look) -> str:
    """The pool driver in the controller's kuryr.conf. Raises CouldNotLook if it was not read."""
    conf = look.configured.controller or {}
    return conf.get("kubernetes", {}).get("vif_pool_driver", NO_POOL)


def has_pools(look: Look) -> bool:
    """Whether pods get their ports from pools, by the site or by what the controller is told.

    One that cannot be read is as the site says: the check `configuration` reports it.
    """
    if look.site.kuryr.port_pool.enabled:
        return True
    try:
        return pool_of_controller(look) != NO_POOL
    except CouldNotLook:
        return False


def used_ports(look: Look) -> frozenset[str]:
    """Ids of the ports of pods' interfaces."""
    return frozenset(vif.port_id for vif in look.vifs.values() if isinstance(vif, PodVif))


def spare_ports(look: Look) -> dict[str, Port]:
    """The ports that are, or were, in a pool, by id. Raises CouldNotLook if something is missing.

    Without pools these are leftovers.
    """
    used, names = used_ports(look), {node.name for node in look.nodes}
    return {
        port.id: port
        for port in look.ports.values()
        if port.id not in used
        and look.owned(Ownership.is_of_pool, port)
        # Where hosts are shown: Kuryr deletes ports without one, and looks for no other node's.
        and (port.host is None or look.site.driver.needs_trunks or port.host in names)
    }
