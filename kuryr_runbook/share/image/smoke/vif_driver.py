"""Run inside the image: checks that address pairs are right when pods start and end concurrently.

Kuryr's driver and ours use the same fake Neutron, reduced to what they call: it replaces the whole
list of pairs, honours If-Match, cannot bind pods' ports, and takes time for each call. Written for
Python 3.6, which the image may have.
"""

import copy
import itertools
import uuid
from typing import Any, Dict, List  # noqa: F401  (in a comment)

import eventlet
import kuryr_kubernetes.cmd.eventlet  # noqa: F401  (patches the standard library, as in the controller)
from kuryr_kubernetes import clients, config
from kuryr_kubernetes import exceptions as kuryr_errors
from kuryr_kubernetes.controller.drivers import base, nested_macvlan_vif, vif_pool
from kuryr_runbook_vif import address_pairs, nested_macvlan
from os_vif.objects import network as os_vif_network
from os_vif.objects import subnet as os_vif_subnet

PODS = 20
WORKER = str(uuid.uuid4())
"""Id of the worker's port."""
WORKER_ADDRESS = "172.18.0.10"
SUBNET = str(uuid.uuid4())
SUBNET_OF_NODES = str(uuid.uuid4())
NETWORK = str(uuid.uuid4())


class Neutron:
    """Ports, with the checks that Neutron makes when they are updated."""

    def __init__(self, limit: int = 250, outages: int = 0) -> None:
        self.outages = outages
        worker = {
            "id": WORKER,
            "revision_number": 1,
            "allowed_address_pairs": [],
            "fixed_ips": [{"subnet_id": SUBNET_OF_NODES, "ip_address": WORKER_ADDRESS}],
        }
        self.all = {WORKER: worker}  # type: Dict[str, Any]
        self.limit = limit
        self._numbers = itertools.count(2)

    def answer(self) -> None:
        """Take the time of a request, or be unable to answer it."""
        eventlet.sleep(0.01)
        if self.outages:
            self.outages -= 1
            raise self.error(503, "no database for now")

    @property
    def pairs(self) -> Any:
        """The allowed address pairs of the worker's port."""
        return self.all[WORKER]["allowed_address_pairs"]

    def find(self, fixed_ips: Any) -> List[Any]:
        """Find the worker's port, the only one that is ever looked up by address."""
        found = "ip_address=" + WORKER_ADDRESS in fixed_ips
        answer = copy.deepcopy([self.all[WORKER]] if found else [])
        self.answer()
        return answer

    def add(self, body: Any) -> Any:
        """Add a pod's port. It cannot be bound, as its host is an instance without an agent."""
        self.answer()
        number = next(self._numbers)
        port = dict(
            body,
            id=str(uuid.uuid4()),
            mac_address="fa:16:3e:00:00:{:02x}".format(number),
            fixed_ips=[{"subnet_id": SUBNET, "ip_address": "10.1.0.{}".format(number)}],
            status="DOWN",
        )
        port["binding:vif_type"] = "binding_failed"
        port["binding:vif_details"] = {}
        self.all[port["id"]] = port
        return port

    def change(self, port: str, body: Any, revision: Any) -> None:
        """Replace the fields in `body`, unless the port has changed since `revision`."""
        self.answer()
        if revision not in (None, self.all[port]["revision_number"]):
            raise self.error(412, "the port was changed")
        if len(body["allowed_address_pairs"]) > self.limit:
            raise self.error(400, "too many allowed address pairs")
        self.all[port].update(copy.deepcopy(body))
        self.all[port]["revision_number"] += 1

    def remove(self, port: str) -> bool:
        """Delete a pod's port. Returns whether it was there."""
        self.answer()
        return self.all.pop(port, None) is not None


class Neutronclient(Neutron):
    """The client that Stein and Train use."""

    def error(self, status: int, message: str) -> Exception:
        """The exception that a refusal becomes."""
        from neutronclient.common import exceptions

        return exceptions.NeutronClientException(status_code=status, message=message)

    def list_ports(self, fixed_ips: Any) -> Any:
        """Ports by address."""
        return {"ports": self.find(fixed_ips)}

    def create_port(self, request: Any) -> Any:
        """Makes a port."""
        return {"port": self.add(request["port"])}

    def show_port(self, port: str) -> Any:
        """One port."""
        return {"port": self.all[port]}

    def update_port(self, port: str, body: Any, revision_number: Any = None) -> None:
        """Changes a port."""
        self.change(port, body["port"], revision_number)

    def delete_port(self, port: str) -> None:
        """Deletes a port."""
        from neutronclient.common import exceptions

        if not self.remove(port):
            raise exceptions.PortNotFoundClient(message=port)


class Sdk(Neutron):
    """The client that later releases use."""

    def error(self, status: int, message: str) -> Exception:
        """The exception that a refusal becomes."""
        from openstack import exceptions

        kinds = {412: getattr(exceptions, "PreconditionFailedException", None)}
        kind = kinds.get(status) or exceptions.HttpException
        return kind(message, http_status=status)

    def find_extension(self, **_name: Any) -> Any:
        """Ports can be created with tags."""
        return {"alias": "tag-ports-during-bulk-creation"}

    def ports(self, fixed_ips: Any) -> Any:
        """Ports by address."""
        from openstack.network.v2 import port as sdk

        for found in self.find(fixed_ips):
            yield sdk.Port.existing(**found)

    def create_port(self, **body: Any) -> Any:
        """Makes a port."""
        from openstack.network.v2 import port as sdk

        return sdk.Port.existing(**self.add(body))

    def get_port(self, port: str) -> Any:
        """One port."""
        from openstack.network.v2 import port as sdk

        return sdk.Port.existing(**self.all[port])

    def update_port(self, port: str, if_revision: Any = None, **body: Any) -> None:
        """Changes a port. Ignores unknown arguments, as the SDK does."""
        self.change(port, body, if_revision)

    def delete_port(self, port: str, ignore_missing: Any = True) -> None:  # noqa: FBT002
        """Deletes a port."""
        from openstack import exceptions

        if not self.remove(port) and not ignore_missing:
            raise exceptions.ResourceNotFound(port)


class Kubernetes:
    """The only answer that the driver needs as long as the kubelet has not reported."""

    def get(self, path: str) -> Any:
        """The worker's node."""
        check(path == "/api/v1/nodes/worker", "asked for " + path)
        return {"status": {"addresses": [{"type": "InternalIP", "address": WORKER_ADDRESS}]}}


class LocksOfTheirOwn(dict):  # type: ignore[type-arg]
    """Locks as if each pod were handled by a different controller."""

    def setdefault(self, _key: Any, default: Any = None) -> Any:
        """A new lock for everybody."""
        return default


def check(right: bool, problem: str) -> None:  # noqa: FBT001
    """End the program with the problem unless all is well."""
    if not right:
        raise SystemExit(problem)


def pod(number: int) -> Any:
    """A pod on the worker; for the first one, the kubelet has not reported the address yet."""
    return {
        "metadata": {
            "name": "pod-{}".format(number),
            "namespace": "default",
            "uid": "uid-{}".format(number),
        },
        "spec": {"nodeName": "worker"},
        "status": {"hostIP": WORKER_ADDRESS} if number else {},
    }


def pod_subnets() -> Any:
    """The pod subnet as Kuryr's subnet driver returns it."""
    subnet = os_vif_subnet.Subnet(cidr="10.1.0.0/24", gateway="10.1.0.1", dns=[])
    network = os_vif_network.Network(id=NETWORK, label="pods", mtu=1450)
    network.subnets = os_vif_subnet.SubnetList(objects=[subnet])
    return {SUBNET: network}


def meet(neutron: Neutron) -> Neutron:
    """Make Kuryr use that client."""
    setattr(clients, GETTER, lambda: neutron)
    return neutron


def start(driver: Any, pods: Any) -> List[Any]:
    """Start all pods concurrently. Returns their VIFs, or the exceptions instead."""
    subnets = pod_subnets()

    def request(number: int) -> Any:
        try:
            return driver.request_vif(pod(number), "project", subnets, [])
        except Exception as error:
            return error

    threads = [eventlet.spawn(request, number) for number in pods]
    return [thread.wait() for thread in threads]


def end(driver: Any, vifs: List[Any]) -> None:
    """End all pods concurrently."""
    threads = [
        eventlet.spawn(driver.release_vif, pod(number + 1), vif, "project")
        for number, vif in enumerate(vifs)
    ]
    for thread in threads:
        thread.wait()


def expected(vifs: List[Any]) -> Any:
    """The pairs of the VIFs."""
    failed = [vif for vif in vifs if isinstance(vif, Exception)]
    check(not failed, "no VIF: {!r}".format(failed[:1]))
    return sorted(
        (str(vif.network.subnets.objects[0].ips.objects[0].address), str(vif.address))
        for vif in vifs
    )


def seen(neutron: Neutron) -> Any:
    """The pairs of the worker's port."""
    return sorted((pair["ip_address"], pair["mac_address"]) for pair in neutron.pairs)


def new(**how: int) -> Neutron:
    """A Neutron client of the kind that this Kuryr expects."""
    return KIND(**how)


KIND, GETTER = (
    (Sdk, "get_network_client")
    if hasattr(clients, "get_network_client")
    else (Neutronclient, "get_neutron_client")
)
GROUP = config.CONF.pod_vif_nested
NODES = (
    ("worker_nodes_subnets", [SUBNET_OF_NODES])
    if "worker_nodes_subnets" in GROUP
    else ("worker_nodes_subnet", SUBNET_OF_NODES)
)
config.CONF.set_override(*NODES, group="pod_vif_nested")
clients.get_kubernetes_client = Kubernetes

upstream = meet(new())
start(nested_macvlan_vif.NestedMacvlanPodVIFDriver(), range(1, PODS + 1))
check(len(upstream.pairs) < PODS, "Kuryr's own driver lost no pair: this check would not notice")

neutron = meet(new())
locked = base.PodVIFDriver.get_instance(specific_driver=nested_macvlan.ENTRY_POINT)
vifs = start(locked, range(PODS))
up = [port for port in neutron.all.values() if port["id"] != WORKER and port["admin_state_up"]]
check(not up, "ports switched on, which OVN would send the pods' frames: {}".format(up[:1]))
check(seen(neutron) == expected(vifs), "pairs {}, pods {}".format(seen(neutron), expected(vifs)))
alias = vif_pool.VIF_TYPE_TO_DRIVER_MAPPING[type(vifs[0]).__name__]
check(alias == nested_macvlan.ENTRY_POINT, "its VIFs go to " + alias)

full = meet(new(limit=0))
[refused] = start(locked, [1])
check(isinstance(refused, Exception), "a port without its pair was taken for good")
check("too many" in str(refused), "refused for another reason: {!r}".format(refused))
check(list(full.all) == [WORKER], "ports left behind: {}".format(list(full.all)))

meet(neutron)
neutron.all.pop(vifs[0].id)
end(locked, vifs)
check(not neutron.pairs, "pairs left behind: {}".format(neutron.pairs))
check(list(neutron.all) == [WORKER], "ports left behind: {}".format(list(neutron.all)))

tired = meet(new(outages=1))
[refused] = start(locked, [1])
check(
    isinstance(refused, kuryr_errors.ResourceNotReady), "not to be repeated: {!r}".format(refused)
)
served = start(locked, range(2))
tired.outages = 3
end(locked, served)
check(not tired.outages, "it was not asked again")
check(not tired.pairs, "pairs left behind by an outage: {}".format(tired.pairs))
check(list(tired.all) == [WORKER], "ports left behind by an outage: {}".format(list(tired.all)))

address_pairs._locks = LocksOfTheirOwn()
contested = meet(new())
others = start(locked, range(4))
check(seen(contested) == expected(others), "pairs {}".format(seen(contested)))

print(  # noqa: T201
    "{0} of {0} pods keep their pair, {1} with Kuryr's own driver".format(PODS, len(upstream.pairs))
)
