"""Pod VIF drivers: how a pod's interface is created, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class VifDriver(StrEnum):
    """Kuryr's names of the drivers that a site may choose (`[kubernetes] pod_vif_driver`)."""

    NESTED_MACVLAN = "nested-macvlan"
    NESTED_VLAN = "nested-vlan"
    NEUTRON_VIF = "neutron-vif"


class PoolDriver(StrEnum):
    """Kuryr's names of its pools of ports (`[kubernetes] vif_pool_driver`)."""

    NEUTRON = "neutron"
    NESTED = "nested"


class GroupRole(StrEnum):
    """Which security group applies to a packet for a pod."""

    NODE = "node"
    POD = "pod"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverTraits:
    """What a driver requires of Neutron."""

    admitting_group: GroupRole
    """The group that must admit the service subnet.

    With MACVLAN the pod's own port only reserves the address and the traffic passes the node's
    port; the other drivers plug the pod's port itself.
    """
    pods_on_node_network: bool
    """The pod subnet has to be in the nodes' network (same L2 segment)."""
    needs_address_pairs: bool
    """Every pod uses one allowed address pair of its node's port."""
    sends_binding_host: bool
    """Kuryr sets `binding:host_id`, which Neutron's default policy permits only to admins."""
    needs_trunks: bool
    """Pods' ports are subports of their worker's trunk."""
    plugs_into_ovs: bool
    """The daemon adds the pod's interface to the node's own Open vSwitch."""
    pool: PoolDriver | None
    """The pool whose ports it can use; None: there is none.

    Source: kuryr-kubernetes, VALID_MULTI_POD_POOLS_OPTS in utils.py, the same in every release.
    `request_vifs` of nested_macvlan_vif.py raises NotImplementedError in each.
    """


TRAITS: dict[VifDriver, DriverTraits] = {
    VifDriver.NESTED_MACVLAN: DriverTraits(
        admitting_group=GroupRole.NODE,
        pods_on_node_network=True,
        needs_address_pairs=True,
        sends_binding_host=True,
        needs_trunks=False,
        plugs_into_ovs=False,
        pool=None,
    ),
    VifDriver.NESTED_VLAN: DriverTraits(
        admitting_group=GroupRole.POD,
        pods_on_node_network=False,
        needs_address_pairs=False,
        sends_binding_host=False,
        needs_trunks=True,
        plugs_into_ovs=False,
        pool=PoolDriver.NESTED,
    ),
    VifDriver.NEUTRON_VIF: DriverTraits(
        admitting_group=GroupRole.POD,
        pods_on_node_network=False,
        needs_address_pairs=False,
        sends_binding_host=True,
        needs_trunks=False,
        plugs_into_ovs=True,
        pool=PoolDriver.NEUTRON,
    ),
}
