"""What a lab is: its parameters, its addresses and names, and where its files lie.

Addresses outside the cluster are documentation ranges (RFC 5737), so that nothing of the lab can
be taken for a real host. The cluster's ranges are the original's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

PREFIX = "kr-"
"""Every namespace, link and cgroup of the lab begins with it."""

INTERNET_NS = f"{PREFIX}internet"
"""Namespace of all that is outside the tenant: cloud APIs, registry, a web page."""
HYPERVISOR_NS = f"{PREFIX}hypervisor"
"""Namespace of OVN and Open vSwitch: the cloud's one hypervisor, and its gateway."""
LB_NS_PREFIX = f"{PREFIX}lb-"
"""One namespace for each amphora: prefix and the first eight characters of its device id."""

HOST_LINK = f"{PREFIX}host"
"""The host's end of the one link between the host and the lab."""
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
"""A host of the lab's internet, with a web page on port 80; answers ping."""

EXTERNAL_CIDR = IPv4Network("198.51.100.0/24")
EXTERNAL_GATEWAY = IPv4Address("198.51.100.1")
"""The gateway of the external network: a leg of INTERNET_NS."""

NODE_CIDR = IPv4Network("172.18.0.0/24")
NODE_GATEWAY = IPv4Address("172.18.0.1")
SERVICE_CIDR = IPv4Network("10.2.0.0/25")
"""Kubernetes' service CIDR: the lower half of what becomes Neutron's service subnet."""
API_SERVICE_ADDRESS = IPv4Address("10.2.0.1")

REGION = "RegionOne"
PROJECT = "k8s"
EXTERNAL_NETWORK = "ext-net"
NODE_NETWORK = "k8s-node-network"
NODE_SUBNET = "k8s-node-subnet"
NODE_SECURITY_GROUP = "k8s-node-sg"
ROUTER = "k8s-router"
MASTER = "master"

CHASSIS = "lab"
"""The hypervisor's name in OVN, and `binding:host_id` of all ports that it has."""
NODE_OWNER = "compute:lab"
"""`device_owner` of the ports of nodes; their `device_id` is the node's name."""
AMPHORA_OWNER = "compute:amphora"
"""`device_owner` of the ports of amphorae."""
INTEGRATION_BRIDGE = "br-int"
EXTERNAL_BRIDGE = "br-ex"
EXTERNAL_PORT = "internet"
"""The external bridge's way to INTERNET_NS."""
PHYSICAL_NETWORK = "external"
"""Neutron's and OVN's name for the wire of the external network."""

OPENSTACK_RELEASES = ("2025.2", "2026.1")
"""Those that the lab can run, the default first. From 2026.1 on Neutron's OVN refuses the address
pairs that nested-macvlan lives by."""
KUBERNETES_VERSION = "1.20.2"
API_PORT = 6443


def node_namespace(node: str) -> str:
    """Name of the network namespace of a node."""
    return f"{PREFIX}{node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings:
    """The parameters of a lab. There is one lab on a machine."""

    workers: int = 2
    """Worker nodes, 1 to 5."""
    max_allowed_address_pair: int = 250
    """Neutron's limit of address pairs on a port, and so of nested-macvlan pods on a worker."""
    openstack: str = OPENSTACK_RELEASES[0]
    """Release of Keystone, Neutron and Octavia, one of OPENSTACK_RELEASES."""
    octavia_ovn: bool = False
    """Whether Octavia has the provider ovn beside amphora; its agent takes some 200 MB."""
    state: Path = field(default_factory=lambda: user_state_path("kuryr-runbook") / "lab")
    """All that the lab writes, but for caches."""
    cache: Path = field(default_factory=lambda: user_cache_path("kuryr-runbook"))
    """What is fetched or built once: binaries, virtual environments, base image."""

    @property
    def worker_names(self) -> tuple[str, ...]:
        """worker1, worker2, ..."""
        return tuple(f"worker{n}" for n in range(1, self.workers + 1))

    @property
    def node_names(self) -> tuple[str, ...]:
        """The master and the workers."""
        return (MASTER, *self.worker_names)

    @property
    def pki(self) -> Path:
        """The lab's certificate authority (`ca.pem`, `ca.key`) and what it issued."""
        return self.state / "pki"

    @property
    def ca(self) -> Path:
        """Certificate of the CA that signs the cloud's, the registry's and the cluster's TLS."""
        return self.pki / "ca.pem"

    @property
    def clouds_yaml(self) -> Path:
        """Clouds `admin`, `k8s` (the cluster's project) and `member` (a plain member)."""
        return self.state / "clouds.yaml"

    @property
    def kubeconfig(self) -> Path:
        """Cluster admin, by way of the master's floating IP."""
        return self.state / "kubeconfig"

    @property
    def registry_auth(self) -> Path:
        """Login of the registry, in docker's `config.json` form."""
        return self.state / "registry" / "auth.json"

    @property
    def logs(self) -> Path:
        """One log for each program."""
        return self.state / "log"
