"""A worker that is a virtual machine: User Mode Linux, for what this machine may lack.

Its network interface is a tap of the hypervisor, which the compute agent has plugged into the
worker's Neutron port. Everything that it writes is in memory, and gone when it ends.
"""

from __future__ import annotations

from ipaddress import IPv4Interface

from kuryr_runbook.lab.kubernetes import machine_files, nodes
from kuryr_runbook.lab.kubernetes.control_plane import Cluster
from kuryr_runbook.lab.kubernetes.nodes import NETNS, Node
from kuryr_runbook.lab.programs import CommandHealth, Program
from kuryr_runbook.lab.settings import (
    HYPERVISOR_NS,
    MASTER,
    NODE_CIDR,
    NODE_GATEWAY,
    node_namespace,
)

KERNEL = "linux.uml"
MEMORY = "2G"
"""What it may use; it is taken from /dev/shm as it is needed, and never given back."""
BOOT_SECONDS = 180.0
"""Until the kubelet answers; about 20 on an idle machine."""
HEALTH_SECONDS = 10
OFF_SECONDS = 20
"""How long it may take to go off; it is then killed."""


def program_name(worker: Node) -> str:
    """The name of the worker's program."""
    return f"machine-{worker.name}"


def write(worker: Node, cluster: Cluster) -> None:
    """Write the worker's files."""
    nodes.write_files(worker, cluster)
    init = worker.directory / "init.sh"
    nic = cluster.addresses.nics[worker.name]
    address = IPv4Interface((cluster.addresses.workers[worker.name], NODE_CIDR.prefixlen))
    text = machine_files.init_script(
        worker.name,
        worker.directory,
        cluster.binaries,
        (address, NODE_GATEWAY, nic.mtu),
        {**nodes.environment(worker, cluster), **nodes.KUBELET_ENVIRONMENT},
        (
            nodes.containerd_command(cluster),
            nodes.containerd_client(cluster),
            nodes.kubelet_command(worker, cluster),
        ),
    )
    init.write_text(text)
    boot = worker.directory / "boot.sh"
    boot.write_text(machine_files.boot_script(init, cluster.binaries))
    boot.chmod(0o755)


def program(worker: Node, cluster: Cluster) -> Program:
    """The virtual machine; its log has what its kernel, containerd and the kubelet say."""
    nic = cluster.addresses.nics[worker.name]
    return Program(
        name=program_name(worker),
        command=(
            KERNEL,
            f"mem={MEMORY}",
            f"umid={worker.name}",
            f"uml_dir={worker.directory}/",
            # This machine's root, read-only.
            *("root=/dev/root", "rootfstype=hostfs", "ro"),
            f"init={worker.directory / 'boot.sh'}",
            *("con=null", "con0=null,fd:1", "ssl=null", "quiet"),
            f"eth0=tuntap,{nic.tap},{nic.mac}",
        ),
        health=CommandHealth(command=_asking(worker, cluster)),
        netns=HYPERVISOR_NS,
        environment=nodes.environment(worker, cluster),
        deadline=BOOT_SECONDS,
        stop_seconds=OFF_SECONDS,
        address=nodes.kubelet_url(worker, cluster),
    )


def _asking(worker: Node, cluster: Cluster) -> tuple[str, ...]:
    """A command that succeeds if the kubelet is healthy, from a node that reaches it."""
    client = cluster.credentials.kubelet_client
    return (
        *("nsenter", f"--net={NETNS / node_namespace(MASTER)}", "--"),
        *("curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"),
        *("--max-time", str(HEALTH_SECONDS), "--cacert", str(cluster.credentials.ca)),
        *("--cert", str(client.cert), "--key", str(client.key)),
        f"{nodes.kubelet_url(worker, cluster)}/healthz",
    )
