"""Run inside the image: pods that start and end at once keep, and give back, their address pairs.

Kuryr's driver and ours meet the same Neutron, reduced to what they call: it replaces the whole
list of pairs, honours If-Match, and lets time pass in each call.
"""

import copy
import itertools
import uuid
from typing import Any

import eventlet
import kuryr_kubernetes.cmd.eventlet  # noqa: F401  (patches the standard library, as in the controller)
from kuryr_kubernetes import clients, config, os_vif_util
from kuryr_kubernetes.controller.drivers import base, nested_macvlan_vif, vif_pool
from kuryr_runbook_vif import address_pairs, nested_macvlan
from neutronclient.common import exceptions as neutron_errors
from os_vif.objects import subnet as os_vif_subnet

PODS = 20
WORKER = str(uuid.uuid4())
"""Id of the worker's port."""
WORKER_ADDRESS = "172.18.0.10"
SUBNET = str(uuid.uuid4())
NETWORK = str(uuid.uuid4())


class Neutron:
    """Ports, and the checks that Neutron makes when they are updated."""

    def __init__(self, limit: int = 250) -> None:
        worker = {"id": WORKER, "revision_number": 1, "allowed_address_pairs": []}
        self.ports: dict[str, Any] = {WORKER: worker}
        self.limit = limit
        self._numbers = itertools.count(2)

    @property
    def pairs(self) -> list[dict[str, str]]:
        """The allowed address pairs of the worker's port."""
        pairs: list[dict[str, str]] = self.ports[WORKER]["allowed_address_pairs"]
        return pairs

    def list_ports(self, fixed_ips: list[str]) -> dict[str, Any]:
        """Only the worker's port is ever asked for, by its address."""
        found = f"ip_address={WORKER_ADDRESS}" in fixed_ips
        answer = copy.deepcopy({"ports": [self.ports[WORKER]] if found else []})
        eventlet.sleep(0.01)
        return answer

    def create_port(self, request: dict[str, Any]) -> dict[str, Any]:
        """A port of a pod."""
        number = next(self._numbers)
        port = request["port"] | {
            "id": str(uuid.uuid4()),
            "mac_address": f"fa:16:3e:00:00:{number:02x}",
            "fixed_ips": [{"subnet_id": SUBNET, "ip_address": f"10.1.0.{number}"}],
            "status": "DOWN",
        }
        self.ports[port["id"]] = port
        eventlet.sleep(0.01)
        return {"port": port}

    def show_port(self, port: str) -> dict[str, Any]:
        """One port."""
        return {"port": self.ports[port]}

    def update_port(
        self, port: str, body: dict[str, Any], revision_number: int | None = None
    ) -> None:
        """Replaces what `body` names, unless the port changed since `revision_number`."""
        eventlet.sleep(0.01)
        if revision_number not in (None, self.ports[port]["revision_number"]):
            raise neutron_errors.NeutronClientException(status_code=412)
        if len(body["port"]["allowed_address_pairs"]) > self.limit:
            raise neutron_errors.BadRequest(message="too many allowed address pairs")
        self.ports[port].update(copy.deepcopy(body["port"]))
        self.ports[port]["revision_number"] += 1

    def delete_port(self, port: str) -> None:
        """Deletes a port of a pod."""
        eventlet.sleep(0.01)
        if self.ports.pop(port, None) is None:
            raise neutron_errors.PortNotFoundClient(message=port)


class Kubernetes:
    """The one answer that the driver needs while the kubelet has not reported yet."""

    def get(self, path: str) -> dict[str, Any]:
        """The worker's node."""
        check(path == "/api/v1/nodes/worker", f"asked for {path}")
        return {"status": {"addresses": [{"type": "InternalIP", "address": WORKER_ADDRESS}]}}


class LocksOfTheirOwn(dict[str, Any]):
    """As if each pod were handled by another controller."""

    def setdefault(self, _key: str, default: Any = None) -> Any:
        """Nobody shares a lock."""
        return default


def check(right: bool, problem: str) -> None:  # noqa: FBT001
    """Ends the program with the problem."""
    if not right:
        raise SystemExit(problem)


def pod(number: int) -> dict[str, Any]:
    """A pod on the worker; of the first, the kubelet has not reported the address."""
    return {
        "metadata": {"name": f"pod-{number}", "uid": f"uid-{number}"},
        "spec": {"nodeName": "worker"},
        "status": {"hostIP": WORKER_ADDRESS} if number else {},
    }


def pod_subnets() -> dict[str, Any]:
    """The pod subnet as Kuryr's subnet driver gives it."""
    network = os_vif_util.neutron_to_osvif_network({"id": NETWORK, "name": "pods", "mtu": 1450})
    subnet = os_vif_util.neutron_to_osvif_subnet(
        {"cidr": "10.1.0.0/24", "dns_nameservers": [], "host_routes": [], "gateway_ip": "10.1.0.1"}
    )
    network.subnets = os_vif_subnet.SubnetList(objects=[subnet])
    return {SUBNET: network}


def start(driver: Any, neutron: Neutron, pods: range) -> list[Any]:
    """Starts all pods at once; gives their VIFs."""
    clients.get_neutron_client = lambda: neutron
    subnets = pod_subnets()
    threads = [eventlet.spawn(driver.request_vif, pod(n), "project", subnets, []) for n in pods]
    return [thread.wait() for thread in threads]


def end(driver: Any, vifs: list[Any]) -> None:
    """Ends all pods at once."""
    threads = [eventlet.spawn(driver.release_vif, pod(n + 1), vif) for n, vif in enumerate(vifs)]
    for thread in threads:
        thread.wait()


def expected(vifs: list[Any]) -> list[tuple[str, str]]:
    """The pairs of the VIFs."""
    return sorted(
        (str(vif.network.subnets.objects[0].ips.objects[0].address), str(vif.address))
        for vif in vifs
    )


def seen(neutron: Neutron) -> list[tuple[str, str]]:
    """The pairs of the worker's port."""
    return sorted((pair["ip_address"], pair["mac_address"]) for pair in neutron.pairs)


config.CONF.set_override("worker_nodes_subnet", "node-subnet", group="pod_vif_nested")
clients.get_kubernetes_client = Kubernetes

upstream = Neutron()
start(nested_macvlan_vif.NestedMacvlanPodVIFDriver(), upstream, range(1, PODS + 1))
check(len(upstream.pairs) < PODS, "Kuryr's own driver lost no pair: this check would not notice")

locked = base.PodVIFDriver.get_instance(specific_driver=nested_macvlan.ENTRY_POINT)
neutron = Neutron()
vifs = start(locked, neutron, range(PODS))
check(seen(neutron) == expected(vifs), f"pairs {seen(neutron)}, pods {expected(vifs)}")
alias = vif_pool.VIF_TYPE_TO_DRIVER_MAPPING[type(vifs[0]).__name__]
check(alias == nested_macvlan.ENTRY_POINT, f"a {type(vifs[0]).__name__} goes to {alias}")

full = Neutron(limit=0)
try:
    clients.get_neutron_client = lambda: full
    locked.request_vif(pod(1), "project", pod_subnets(), [])
    raise SystemExit("a port without its pair was taken for good")
except neutron_errors.BadRequest:
    check(list(full.ports) == [WORKER], f"ports left behind: {list(full.ports)}")

clients.get_neutron_client = lambda: neutron
neutron.ports.pop(vifs[0].id)
end(locked, vifs)
check(not neutron.pairs, f"pairs left behind: {neutron.pairs}")
check(list(neutron.ports) == [WORKER], f"ports left behind: {list(neutron.ports)}")

address_pairs._locks = LocksOfTheirOwn()
contested = Neutron()
others = start(locked, contested, range(4))
check(seen(contested) == expected(others), f"pairs {seen(contested)}, pods {expected(others)}")

print(f"{PODS} of {PODS} pods keep their pair, {len(upstream.pairs)} with Kuryr's own driver")  # noqa: T201
