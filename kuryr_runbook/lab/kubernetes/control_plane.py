"""The control plane: etcd, API server, controller manager and scheduler in the master's namespace.

Nothing in it is configured for Kuryr: the service CIDR is the cluster's half of Neutron's service
subnet, and nobody but Kuryr makes services or pods reachable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from kuryr_runbook.lab import pki
from kuryr_runbook.lab.kubernetes import kubeconfig
from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.pki import Ca, Issued
from kuryr_runbook.lab.programs import HttpHealth, Program
from kuryr_runbook.lab.settings import (
    API_PORT,
    API_SERVICE_ADDRESS,
    MASTER,
    SERVICE_CIDR,
    LabSettings,
    node_namespace,
)

LOOPBACK = IPv4Address("127.0.0.1")
ETCD_CLIENT = f"http://{LOOPBACK}:2379"
ETCD_PEER = f"http://{LOOPBACK}:2380"
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259
ISSUER = "https://kubernetes.default.svc"
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    MASTER,
)
ADMINS = "system:masters"
"""The group with all permissions."""


@dataclass(frozen=True, slots=True)
class Nic:
    """A virtual machine's network interface."""

    tap: str
    """The hypervisor's end."""
    mac: str
    mtu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The nodes' addresses from Neutron."""

    master: IPv4Address
    floating: IPv4Address
    """The master's floating IP."""
    workers: Mapping[str, IPv4Address]
    """By worker name."""
    nics: Mapping[str, Nic] = field(default_factory=dict)
    """Of the workers that are virtual machines, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Certificates and keys of the control plane."""

    ca: Path
    server: Issued
    admin: Issued
    kubelet_client: Issued
    """The API server's client certificate for kubelets."""
    controller_manager: Issued
    scheduler: Issued
    token_key: Path
    """Signs the tokens of service accounts."""
    token_public_key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Everything that the cluster's programs are rendered from."""

    settings: LabSettings
    addresses: Addresses
    binaries: Binaries
    credentials: Credentials


def directory(settings: LabSettings) -> Path:
    """Configuration of the control plane."""
    return settings.state / "kubernetes"


def etcd_directory(settings: LabSettings) -> Path:
    """The cluster's state."""
    return settings.state / "etcd"


def inside_kubeconfig(settings: LabSettings) -> Path:
    """The cluster admin's kubeconfig for use in the master's namespace."""
    return directory(settings) / "admin.kubeconfig"


def issue(settings: LabSettings, addresses: Addresses) -> Credentials:
    """Have the lab's CA issue the missing certificates."""
    ca = pki.ensure_ca(settings.pki)
    server = (LOOPBACK, API_SERVICE_ADDRESS, addresses.master, addresses.floating)
    token_key, token_public_key = pki.ensure_rsa_pair(settings.pki, "service-account")
    return Credentials(
        ca=ca.cert,
        server=ca.issue(
            "kube-apiserver",
            common_name="kube-apiserver",
            addresses=server,
            dns_names=SERVER_NAMES,
        ),
        admin=ca.issue("kubernetes-admin", common_name="kubernetes-admin", organization=ADMINS),
        kubelet_client=ca.issue(
            "kube-apiserver-kubelet-client",
            common_name="kube-apiserver-kubelet-client",
            organization=ADMINS,
        ),
        controller_manager=_component(ca, "kube-controller-manager"),
        scheduler=_component(ca, "kube-scheduler"),
        token_key=token_key,
        token_public_key=token_public_key,
    )


def write(cluster: Cluster) -> None:
    """Write the kubeconfigs: the admin's, and those of the control plane's own clients."""
    settings, credentials = cluster.settings, cluster.credentials
    directory(settings).mkdir(parents=True, exist_ok=True)
    here = f"https://{LOOPBACK}:{API_PORT}"
    own = {
        inside_kubeconfig(settings): credentials.admin,
        _kubeconfig(settings, "kube-controller-manager"): credentials.controller_manager,
        _kubeconfig(settings, "kube-scheduler"): credentials.scheduler,
    }
    for file, client in own.items():
        text = kubeconfig.referring(here, credentials.ca, client)
        pki.write_private(file, text.encode())
    outside = f"https://{cluster.addresses.floating}:{API_PORT}"
    text = kubeconfig.embedding(outside, credentials.ca, credentials.admin)
    pki.write_private(settings.kubeconfig, text.encode())


def programs(cluster: Cluster) -> tuple[Program, ...]:
    """The programs in the order of their dependencies."""
    credentials = cluster.credentials
    return (
        _etcd(cluster),
        _api_server(cluster),
        _client(
            cluster,
            "kube-controller-manager",
            CONTROLLER_MANAGER_PORT,
            credentials.controller_manager,
            {
                "use-service-account-credentials": "true",
                "service-account-private-key-file": credentials.token_key,
                "root-ca-file": credentials.ca,
                "service-cluster-ip-range": SERVICE_CIDR,
                "allocate-node-cidrs": "false",
                # Pods get their addresses from Neutron; nodeipam would only wait for ten seconds.
                "controllers": "*,-nodeipam",
            },
        ),
        _client(cluster, "kube-scheduler", SCHEDULER_PORT, credentials.scheduler, {}),
    )


def _etcd(cluster: Cluster) -> Program:
    options = {
        "name": MASTER,
        "data-dir": etcd_directory(cluster.settings),
        "listen-client-urls": ETCD_CLIENT,
        "advertise-client-urls": ETCD_CLIENT,
        "listen-peer-urls": ETCD_PEER,
        "initial-advertise-peer-urls": ETCD_PEER,
        "initial-cluster": f"{MASTER}={ETCD_PEER}",
        "snapshot-count": 10000,
        "logger": "zap",
        "log-level": "warn",
        # Without it, data survives the end of the process, though not a crash of the machine.
        "unsafe-no-fsync": "true",
    }
    return Program(
        name="etcd",
        command=(str(cluster.binaries.etcd), *flags(options)),
        health=HttpHealth(url=f"{ETCD_CLIENT}/health"),
        netns=node_namespace(MASTER),
        address=ETCD_CLIENT,
    )


def _api_server(cluster: Cluster) -> Program:
    addresses, credentials = cluster.addresses, cluster.credentials
    options = {
        "etcd-servers": ETCD_CLIENT,
        "bind-address": "0.0.0.0",  # noqa: S104 - within the master's namespace
        "secure-port": API_PORT,
        "advertise-address": addresses.master,
        "service-cluster-ip-range": SERVICE_CIDR,
        # Up to Victoria, Kuryr reads metadata.selfLink.
        "feature-gates": "RemoveSelfLink=false",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "tls-cert-file": credentials.server.cert,
        "tls-private-key-file": credentials.server.key,
        "client-ca-file": credentials.ca,
        "service-account-issuer": ISSUER,
        "service-account-signing-key-file": credentials.token_key,
        "service-account-key-file": credentials.token_public_key,
        "kubelet-client-certificate": credentials.kubelet_client.cert,
        "kubelet-client-key": credentials.kubelet_client.key,
        "kubelet-certificate-authority": credentials.ca,
        "kubelet-preferred-address-types": "InternalIP,Hostname",
        "profiling": "false",
    }
    return Program(
        name="kube-apiserver",
        command=(str(cluster.binaries.component("kube-apiserver")), *flags(options)),
        health=_health(API_PORT, "readyz", credentials),
        netns=node_namespace(MASTER),
        address=f"https://{addresses.floating}:{API_PORT}",
    )


def _client(
    cluster: Cluster, name: str, port: int, own: Issued, more: Mapping[str, object]
) -> Program:
    """A component that is a client of the API server."""
    file = _kubeconfig(cluster.settings, name)
    options = {
        "kubeconfig": file,
        "authentication-kubeconfig": file,
        "authorization-kubeconfig": file,
        "tls-cert-file": own.cert,
        "tls-private-key-file": own.key,
        "bind-address": LOOPBACK,
        "secure-port": port,
        "port": 0,
        "leader-elect": "false",
        **more,
    }
    return Program(
        name=name,
        command=(str(cluster.binaries.component(name)), *flags(options)),
        health=_health(port, "healthz", cluster.credentials),
        netns=node_namespace(MASTER),
        address=f"https://{LOOPBACK}:{port}",
    )


def _component(ca: Ca, name: str) -> Issued:
    """A component's client certificate, which also serves its health endpoint on loopback."""
    return ca.issue(name, common_name=f"system:{name}", addresses=(LOOPBACK,))


def _health(port: int, path: str, credentials: Credentials) -> HttpHealth:
    return HttpHealth(
        url=f"https://{LOOPBACK}:{port}/{path}",
        ca=credentials.ca,
        certificate=credentials.admin.cert,
        key=credentials.admin.key,
    )


def flags(options: Mapping[str, object]) -> tuple[str, ...]:
    """The options as `--name=value`."""
    return tuple(f"--{name}={value}" for name, value in options.items())


def _kubeconfig(settings: LabSettings, name: str) -> Path:
    return directory(settings) / f"{name}.kubeconfig"
