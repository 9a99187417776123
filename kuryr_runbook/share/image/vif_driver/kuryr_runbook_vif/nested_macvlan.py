"""The nested-macvlan driver made safe, and made to work where upstream's does not.

Kuryr 1.0.1 reads the worker's port before it takes its lock, so that of two pods starting at once
on a worker one loses its allowed address pair; 1.1.2 gives up after three attempts and leaves the
pod's port behind; from 3.0.0 on a port that Neutron cannot bind is deleted, which is every port
of this driver; from 4.0.0 on the constructor leaves out its parent's; and all leave the pod's port
switched on, so that OVN sends it what is the pod's. Here port and pairs are read inside the lock, a
pod's port is switched off and used whatever Neutron says of its binding, and all constructors are
called. What differs between the releases is asked of the installed one (`ports`).
"""

import functools
import logging
from typing import Any, Callable, Set

from kuryr.lib import exceptions as kuryr_errors
from kuryr_kubernetes import clients, constants, os_vif_util
from kuryr_kubernetes.controller.drivers import nested_macvlan_vif, vif_pool

from kuryr_runbook_vif import address_pairs
from kuryr_runbook_vif.ports import ports_of

ENTRY_POINT = "nested-macvlan-locked"

LOG = logging.getLogger(__name__)

# On release and activation Kuryr looks a driver up by the class of the VIF, not by the name that
# kuryr.conf gives; without this, deleting a pod ends in a KeyError.
vif_pool.VIF_TYPE_TO_DRIVER_MAPPING["VIFMacvlanNested"] = ENTRY_POINT

UPSTREAM = nested_macvlan_vif.NestedMacvlanPodVIFDriver


class LockedNestedMacvlanDriver(UPSTREAM):
    """nested-macvlan for any number of pods that come and go at once on a worker."""

    def __init__(self) -> None:
        super().__init__()
        # Past upstream's constructor, which may not do it.
        super(UPSTREAM, self).__init__()

    def request_vif(self, pod: Any, project_id: Any, subnets: Any, security_groups: Any) -> Any:
        """Create the pod's port and allow its addresses on the worker's port.

        A port that gets no pair is deleted again: Kuryr tries once more with a new one.
        """
        ports = ports_of(self)
        request = self._get_port_request(pod, project_id, subnets, security_groups)
        port = ports.create(_switched_off(request))
        try:
            addresses = {fixed["ip_address"] for fixed in port["fixed_ips"]}
            _change(ports, pod, address_pairs.with_pairs, addresses, port["mac_address"])
            return os_vif_util.neutron_to_osvif_vif_nested_macvlan(port, subnets)
        except Exception:
            LOG.error("Pod %s: no VIF; deleting its port %s", pod["metadata"]["name"], port["id"])
            ports.delete(port["id"])
            raise

    def release_vif(self, pod: Any, vif: Any, *_project: Any, **_more: Any) -> None:
        """Take the pod's addresses from the worker's port and delete the pod's port.

        Fine when the pod's port or the worker's is gone already.
        """
        ports = ports_of(self)
        addresses = {
            str(ip.address) for subnet in vif.network.subnets.objects for ip in subnet.ips.objects
        }
        try:
            _change(ports, pod, address_pairs.without_pairs, addresses, str(vif.address))
        except kuryr_errors.NoResourceException:
            LOG.warning("Pod %s: the port of its worker is gone", pod["metadata"]["name"])
        ports.delete(vif.id)


def _switched_off(request: Any) -> Any:
    """The request for a port that keeps address and MAC for the pod, and is never plugged.

    It may not be up: OVN then takes the pod's frames to be for that port, which is nowhere, or for
    the worker's, which has the same MAC in a pair, as it happens. Of a port that is switched off
    and one that isn't, OVN prefers the latter.
    """
    request.get("port", request)["admin_state_up"] = False
    return request


def _change(
    ports: Any, pod: Any, change: Callable[..., Any], addresses: Set[str], mac: str
) -> None:
    only_pairs = functools.partial(change, addresses=addresses, mac=mac)
    address_pairs.change_pairs(ports, _worker_address(pod), only_pairs)


def _worker_address(pod: Any) -> str:
    """Address of the pod's worker: the pod has it only once the kubelet has reported.

    Raises NoResourceException for what Kuryr remembers of a pod that is gone with its worker.
    """
    reported = pod.get("status", {}).get("hostIP")
    if reported:
        return str(reported)
    if "spec" not in pod:
        raise kuryr_errors.NoResourceException
    path = "{}/nodes/{}".format(constants.K8S_API_BASE, pod["spec"]["nodeName"])
    node = clients.get_kubernetes_client().get(path)
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    return str(addresses["InternalIP"])
