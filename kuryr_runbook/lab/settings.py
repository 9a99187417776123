"""What a lab is: its parameters, its addresses and names, and the paths of its files.

Addresses outside the cluster are from documentation ranges (RFC 5737), so that nothing of the lab
can be mistaken for a real host. The cluster's ranges are the original's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

PREFIX = "kr-"
"""Prefix of the names of all namespaces, links and cgroups of the lab."""

INTERNET_NS = f"{PREFIX}internet"
"""Namespace of everything outside the tenant: cloud APIs, registry, a web page."""
HYPERVISOR_NS = f"{PREFIX}hypervisor"
"""Namespace of OVN and Open vSwitch: the cloud's only hypervisor, and its gateway."""
LB_NS_PREFIX = f"{PREFIX}lb-"
"""Each amphora has a namespace: this prefix and the first eight characters of its device id."""

HOST_LINK = f"{PREFIX}host"
"""The host's end of the only link between the host and the lab."""
HOST_NETWORK = IPv4Network("203.0.113.128/25")
HOST_ADDRESS = IPv4Address("203.0.113.129")
CLOUD_ADDRESS = IPv4Address("203.0.113.130")
"""Where Keystone, Neutron, Octavia and the registry listen, inside INTERNET_NS."""

KEYSTONE_PORT = 5000
NEUTRON_PORT = 9696
OCTAVIA_PORT = 9876
REGISTRY_PORT = 5443
REGISTRY = f"{CLOUD_ADDRESS}:{REGISTRY_PORT}"

INTERNET_ADDRESS = IPv4Address("203.0.113.10")
"""A host on the lab's internet, with a web page on port 80; answers ping."""

EXTERNAL_CIDR = IPv4Network("198.51.100.0/24")
EXTERNAL_GATEWAY = IPv4Address("198.51.100.1")
"""The gateway of the external network: a leg of INTERNET_NS."""

NODE_CIDR = IPv4Network("172.18.0.0/24")
NODE_GATEWAY = IPv4Address("172.18.0.1")
SERVICE_CIDR = IPv4Network("10.2.0.0/25")
"""Kubernetes' service CIDR: the lower half of the future service subnet in Neutron."""
API_SERVICE_ADDRESS = IPv4Address("10.2.0.1")

UNDERLAY_CIDR = IPv4Network("192.0.2.0/24")
"""The network between the chassis, which carries OVN's tunnels."""
UNDERLAY_ADDRESS = IPv4Address("192.0.2.1")
"""The hypervisor's address there; a worker's is `underlay_address`."""
UNDERLAY_BRIDGE = "br-underlay"
UNDERLAY_LINK = "underlay"
"""A worker's link to the underlay."""

REGION = "RegionOne"
PROJECT = "k8s"
EXTERNAL_NETWORK = "ext-net"
NODE_NETWORK = "k8s-node-network"
NODE_SUBNET = "k8s-node-subnet"
NODE_SECURITY_GROUP = "k8s-node-sg"
ROUTER = "k8s-router"
MASTER = "master"

CHASSIS = "lab"
"""The hypervisor's name in OVN, and the `binding:host_id` of all its ports."""
NODE_OWNER = "compute:lab"
"""`device_owner` of nodes' ports; their `device_id` is the node's name."""
AMPHORA_OWNER = "compute:amphora"
"""`device_owner` of amphorae's ports."""
INTEGRATION_BRIDGE = "br-int"
EXTERNAL_BRIDGE = "br-ex"
EXTERNAL_PORT = "internet"
"""The external bridge's link to INTERNET_NS."""
PHYSICAL_NETWORK = "external"
"""Neutron's and OVN's name for the physical network of the external network."""

OPENSTACK_RELEASES = ("2025.2", "2026.1")
"""Releases that the lab can run, the default first. From 2026.1 on, Neutron's OVN driver refuses
the address pairs that nested-macvlan depends on."""
KUBERNETES_VERSION = "1.20.2"
API_PORT = 6443


class WorkerKind(StrEnum):
    """What a worker of the lab is."""

    NAMESPACE = "namespace"
    """Namespaces of this machine, with its kernel: the fastest, for nested-macvlan."""
    CHASSIS = "chassis"
    """The same, and a chassis of OVN: for neutron-vif, which plugs pods into the worker's own Open
    vSwitch."""
    UML = "uml"
    """A virtual machine with a kernel of its own, User Mode Linux, and the parent port of a trunk:
    for nested-vlan, whatever this machine's kernel has."""


def node_namespace(node: str) -> str:
    """Name of the network namespace of a node."""
    return f"{PREFIX}{node}"


def underlay_port(worker: str) -> str:
    """Name of the hypervisor's end of the worker's link to the underlay."""
    return f"u-{worker}"


def underlay_address(worker: str) -> IPv4Address:
    """The worker's address on the underlay; `worker1` has the eleventh."""
    return UNDERLAY_CIDR[10 + int(worker.removeprefix("worker"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings:
    """The parameters of a lab. A machine has at most one lab."""

    workers: int = 2
    """Number of worker nodes, 1 to 5."""
    worker_kinds: tuple[WorkerKind, ...] = (WorkerKind.NAMESPACE,)
    """The kind of each worker, in their order; the last holds for all that follow."""
    max_allowed_address_pair: int = 250
    """Neutron's limit on a port's address pairs, and so on the nested-macvlan pods of a worker."""
    openstack: str = OPENSTACK_RELEASES[0]
    """Release of Keystone, Neutron and Octavia, one of OPENSTACK_RELEASES."""
    octavia_ovn: bool = False
    """Whether Octavia has the provider ovn in addition to amphora; its agent needs some 200 MB."""
    state: Path = field(default_factory=lambda: user_state_path("kuryr-runbook") / "lab")
    """Directory of everything that the lab writes, except for caches."""
    cache: Path = field(default_factory=lambda: user_cache_path("kuryr-runbook"))
    """Directory of what is fetched or built once: binaries, virtual environments, base image."""

    @property
    def worker_names(self) -> tuple[str, ...]:
        """worker1, worker2, ..."""
        return tuple(f"worker{n}" for n in range(1, self.workers + 1))

    @property
    def chassis_names(self) -> tuple[str, ...]:
        """The workers that are chassis of OVN."""
        names = self.worker_names
        return tuple(name for name in names if self.kind(name) is WorkerKind.CHASSIS)

    @property
    def machine_names(self) -> tuple[str, ...]:
        """The workers that have a kernel of their own."""
        names = self.worker_names
        return tuple(name for name in names if self.kind(name) is WorkerKind.UML)

    @property
    def namespace_names(self) -> tuple[str, ...]:
        """The nodes that are namespaces of this machine."""
        return tuple(name for name in self.node_names if name not in self.machine_names)

    def kind(self, worker: str) -> WorkerKind:
        """The kind of a worker."""
        index = self.worker_names.index(worker)
        return self.worker_kinds[min(index, len(self.worker_kinds) - 1)]

    @property
    def node_names(self) -> tuple[str, ...]:
        """The master and the workers."""
        return (MASTER, *self.worker_names)

    @property
    def pki(self) -> Path:
        """Directory of the lab's CA (`ca.pem`, `ca.key`) and its certificates."""
        return self.state / "pki"

    @property
    def ca(self) -> Path:
        """Certificate of the CA for the cloud's, the registry's and the cluster's TLS."""
        return self.pki / "ca.pem"

    @property
    def clouds_yaml(self) -> Path:
        """Clouds `admin`, `k8s` (the cluster's project) and `member` (a plain member)."""
        return self.state / "clouds.yaml"

    @property
    def kubeconfig(self) -> Path:
        """The cluster admin's kubeconfig, which uses the master's floating IP."""
        return self.state / "kubeconfig"

    @property
    def registry_auth(self) -> Path:
        """The registry's login, in the format of docker's `config.json`."""
        return self.state / "registry" / "auth.json"

    @property
    def logs(self) -> Path:
        """Directory with one log for each program."""
        return self.state / "log"
