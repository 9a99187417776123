"""The neutron-vif driver that leaves the bridge of the pod's node as it is.

Kuryr's daemon has os-vif make sure of the bridge, and then adds the pod's interface to it itself.
But os-vif wants the bridge to have the datapath in the kernel, as no VIF of Kuryr's names another,
and changes one that has not: with the datapath in userspace, everything on it loses its network.
The bridge is there, or no port could be bound to the node. So os-vif is left out, by the plugin
that Kuryr brings for the nested drivers. Ports with a Linux bridge of their own need the real one.
"""

from typing import Any, List

from kuryr_kubernetes import constants
from kuryr_kubernetes.controller.drivers import neutron_vif, vif_pool
from os_vif.objects.vif import VIFOpenVSwitch

ENTRY_POINT = "neutron-vif-as-is"

# On release and activation Kuryr looks a driver up by the class of the VIF, not by the name that
# kuryr.conf gives; without this, deleting a pod ends in a KeyError.
for kind, driver in list(vif_pool.VIF_TYPE_TO_DRIVER_MAPPING.items()):
    if driver == "neutron-vif":
        vif_pool.VIF_TYPE_TO_DRIVER_MAPPING[kind] = ENTRY_POINT


class AsIsNeutronDriver(neutron_vif.NeutronPodVIFDriver):
    """neutron-vif on any datapath."""

    def request_vif(self, *arguments: Any, **more: Any) -> Any:
        """Create the pod's port, as upstream does."""
        return _as_is(super().request_vif(*arguments, **more))

    def request_vifs(self, *arguments: Any, **more: Any) -> List[Any]:
        """The same for a pool of ports."""
        return [_as_is(vif) for vif in super().request_vifs(*arguments, **more)]


def _as_is(vif: Any) -> Any:
    if isinstance(vif, VIFOpenVSwitch):
        vif.plugin = constants.K8S_OS_VIF_NOOP_PLUGIN
    return vif
