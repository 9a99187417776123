"""The nested-macvlan driver with its changes to the worker's port made safe.

Kuryr 1.0.1 reads the worker's port before it takes its lock, so that of two pods starting at once
on a worker one loses its allowed address pair. Here port and pairs are read inside the lock.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from kuryr.lib import exceptions as kuryr_errors
from kuryr_kubernetes import clients, constants, os_vif_util
from kuryr_kubernetes.controller.drivers import nested_macvlan_vif, utils, vif_pool
from neutronclient.common import exceptions as neutron_errors

from kuryr_runbook_vif import address_pairs

ENTRY_POINT = "nested-macvlan-locked"

LOG = logging.getLogger(__name__)

# On release and activation Kuryr looks a driver up by the class of the VIF, not by the name that
# kuryr.conf gives; without this, deleting a pod ends in a KeyError.
vif_pool.VIF_TYPE_TO_DRIVER_MAPPING["VIFMacvlanNested"] = ENTRY_POINT


class LockedNestedMacvlanDriver(nested_macvlan_vif.NestedMacvlanPodVIFDriver):
    """nested-macvlan for any number of pods that come and go at once on a worker."""

    def request_vif(self, pod: Any, project_id: Any, subnets: Any, security_groups: Any) -> Any:
        """Create the pod's port and allow its addresses on the worker's port.

        A port that gets no pair is deleted again: Kuryr tries once more with a new one.
        """
        neutron = clients.get_neutron_client()
        request = self._get_port_request(pod, project_id, subnets, security_groups)
        port = neutron.create_port(request)["port"]
        try:
            utils.tag_neutron_resources("ports", [port["id"]])
            addresses = {fixed["ip_address"] for fixed in port["fixed_ips"]}
            self._change(neutron, pod, address_pairs.with_pairs, addresses, port["mac_address"])
            return os_vif_util.neutron_to_osvif_vif_nested_macvlan(port, subnets)
        except Exception:
            LOG.error("Pod %s: no VIF; deleting its port %s", pod["metadata"]["name"], port["id"])
            _delete_port(neutron, port["id"])
            raise

    def release_vif(
        self, pod: Any, vif: Any, project_id: Any = None, security_groups: Any = None
    ) -> None:
        """Take the pod's addresses from the worker's port and delete the pod's port.

        Fine when the pod's port or the worker's is gone already.
        """
        neutron = clients.get_neutron_client()
        addresses = {
            str(ip.address) for subnet in vif.network.subnets.objects for ip in subnet.ips.objects
        }
        try:
            self._change(neutron, pod, address_pairs.without_pairs, addresses, str(vif.address))
        except kuryr_errors.NoResourceException:
            LOG.warning("Pod %s: the port of its worker is gone", pod["metadata"]["name"])
        _delete_port(neutron, vif.id)

    def _change(
        self, neutron: Any, pod: Any, change: Callable[..., Any], addresses: set[str], mac: str
    ) -> None:
        worker = _worker_address(pod)
        address_pairs.change_pairs(
            neutron,
            worker,
            lambda: self._get_parent_port_by_host_ip(neutron, worker),
            functools.partial(change, addresses=addresses, mac=mac),
        )


def _worker_address(pod: Any) -> str:
    """Address of the pod's worker: the pod has it only once the kubelet has reported."""
    reported = pod["status"].get("hostIP")
    if reported:
        return str(reported)
    path = f"{constants.K8S_API_BASE}/nodes/{pod['spec']['nodeName']}"
    node = clients.get_kubernetes_client().get(path)
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    return str(addresses["InternalIP"])


def _delete_port(neutron: Any, port: str) -> None:
    try:
        neutron.delete_port(port)
    except neutron_errors.PortNotFoundClient:
        LOG.warning("Port %s is gone already", port)
