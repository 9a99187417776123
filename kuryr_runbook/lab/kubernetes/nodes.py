"""A worker: network, mount and UTS namespaces with their own containerd and kubelet.

The mount and UTS namespaces are kept as files below the worker's directory, so they outlive every
program: a killed containerd is restarted and finds its pods running. The network namespace is made
before (`network.wires`), and the compute agent plugs the node's port.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from kuryr_runbook.lab import pki
from kuryr_runbook.lab.kubernetes import cgroups, kubeconfig, leftovers, node_files, pause
from kuryr_runbook.lab.kubernetes.control_plane import Cluster, flags
from kuryr_runbook.lab.kubernetes.node_files import CONTAINERD_SOCKET, HOME, PAUSE_IMAGE
from kuryr_runbook.lab.pki import Issued
from kuryr_runbook.lab.programs import CommandHealth, HttpHealth, Program
from kuryr_runbook.lab.settings import API_PORT, MASTER, REGISTRY, LabSettings, node_namespace
from kuryr_runbook.model.errors import LabError

NETNS = Path("/run/netns")
HIDDEN = (Path("/run"), Path("/var/run"))
"""A worker has its own, in which it would not see the lab's files."""
KUBELET_HEALTH = "http://127.0.0.1:10248/healthz"
KUBELET_ENVIRONMENT = {"AWS_EC2_METADATA_DISABLED": "true"}
"""Otherwise its AWS client would wait for a metadata service on every start."""
COMMAND_SECONDS = 60
MEASURE_THE_NODE = (
    "while umount /proc/1/net 2>/dev/null; do :; done; "
    'mount --bind "/proc/$$/net" /proc/1/net; exec "$0" "$@"'
)
"""A kubelet measures the network of process 1, which is the machine's own; here it becomes that of
the kubelet, which is the node's. What a killed kubelet has left is unmounted first."""


@dataclass(frozen=True, slots=True)
class Node:
    """A worker's name and its files."""

    name: str
    directory: Path

    @property
    def mount_ns(self) -> Path:
        """The file that keeps the mount namespace."""
        return self.directory / "ns" / "mnt"

    @property
    def uts_ns(self) -> Path:
        """The file that keeps the UTS namespace."""
        return self.directory / "ns" / "uts"

    @property
    def entering(self) -> tuple[str, ...]:
        """A command prefix that runs a command inside the node, but not in its cgroup."""
        netns = NETNS / node_namespace(self.name)
        return (
            "nsenter",
            f"--net={netns}",
            f"--mount={self.mount_ns}",
            f"--uts={self.uts_ns}",
            "--",
        )

    @property
    def program_names(self) -> tuple[str, str]:
        """The names of containerd's and the kubelet's programs."""
        return f"containerd-{self.name}", f"kubelet-{self.name}"


def directory(settings: LabSettings) -> Path:
    """The directory that contains the workers' directories."""
    return settings.state / "nodes"


def node(settings: LabSettings, name: str) -> Node:
    """The worker of that name."""
    return Node(name, directory(settings) / name)


def check_place(settings: LabSettings) -> None:
    """Raise LabError when the lab's files are where a worker could not see them."""
    for what, path in (("state", settings.state), ("cache", settings.cache)):
        if any(path.is_relative_to(hidden) for hidden in HIDDEN):
            raise LabError(
                f"the lab's {what} directory is {path}, but it has to be outside /run, since each "
                "worker has its own",
                remedy="set XDG_STATE_HOME and XDG_CACHE_HOME to directories on a disk",
            )


def furnished(worker: Node) -> bool:
    """Whether the worker's namespaces exist and are complete."""
    test = (*worker.entering, "test", "-e", str(node_files.COMPLETE))
    return worker.mount_ns.exists() and _run(test).returncode == 0


def write(worker: Node, cluster: Cluster) -> None:
    """Write the worker's files."""
    for name in ("ns", *node_files.KEPT):
        (worker.directory / name).mkdir(parents=True, exist_ok=True)
    write_files(worker, cluster)
    setup = node_files.setup_script(worker.name, worker.directory, cluster.binaries)
    (worker.directory / "setup.sh").write_text(setup)


def write_files(worker: Node, cluster: Cluster) -> None:
    """Write the files that workers of all kinds have."""
    for path, text in files(worker, cluster).items():
        file = worker.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pki.write_private(file, text.encode())
    names = {MASTER: cluster.addresses.master, **cluster.addresses.workers}
    texts = {
        "hostname": f"{worker.name}\n",
        "hosts": node_files.hosts(names),
        "resolv.conf": "# The lab has no name server.\n",
    }
    for path, text in texts.items():
        (worker.directory / path).write_text(text)
    pause.write_archive(worker.directory / "pause.tar", cluster.binaries.busybox, PAUSE_IMAGE)


def files(worker: Node, cluster: Cluster) -> dict[str, str]:
    """The files that the worker's programs read when they start, by name."""
    settings = cluster.settings
    certificate = _certificate(settings, worker.name, cluster.addresses.workers[worker.name])
    server = f"https://{cluster.addresses.master}:{API_PORT}"
    registry = f"certs.d/{REGISTRY}/hosts.toml"
    # Only a virtual machine has the hierarchies of groups for itself.
    own = worker.name in settings.machine_names
    root = "/" if own else f"/{node_namespace(worker.name)}"
    return {
        "containerd.toml": node_files.containerd_config(cluster.binaries),
        "kubelet.json": node_files.kubelet_config(root, settings, certificate),
        "kubeconfig": kubeconfig.referring(server, settings.ca, certificate),
        registry: node_files.registry_hosts(settings),
    }


def make_namespaces(worker: Node) -> None:
    """Make both of the worker's mount and UTS namespaces, or neither: then raises LabError."""
    keep = worker.directory / "ns"
    for file in (worker.mount_ns, worker.uts_ns):
        file.touch()
    # The kernel keeps a mount namespace as a file only below a private mount.
    _must("mount", "--bind", str(keep), str(keep))
    _must("mount", "--make-private", str(keep))
    answer = _run(
        (
            "unshare",
            f"--mount={worker.mount_ns}",
            f"--uts={worker.uts_ns}",
            # Unmounts on the host take effect here, but nothing from the node reaches the host.
            "--propagation=slave",
            "sh",
            str(worker.directory / "setup.sh"),
        )
    )
    if answer.returncode != 0:
        leftovers.unmount_below(worker.directory)
        raise LabError(
            f"the namespaces of {worker.name} could not be made, the shell said: "
            f"{answer.stderr.strip()}",
            remedy="the lab needs overlayfs, tmpfs and mount namespaces; see `dmesg`",
        )


def import_pause_image(worker: Node, cluster: Cluster) -> None:
    """Import the pause image, which every pod needs, into the worker's containerd."""
    images = (*worker.entering, *containerd_client(cluster), "--namespace=k8s.io", "images")
    if PAUSE_IMAGE not in _must(*images, "list", "--quiet").split():
        _must(*images, "import", str(HOME / "pause.tar"))


def programs(worker: Node, cluster: Cluster) -> tuple[Program, Program]:
    """The worker's containerd and kubelet, in this order."""
    return _containerd(worker, cluster), _kubelet(worker, cluster)


def remove(worker: Node, roots: Sequence[Path]) -> None:
    """End everything that runs in the worker, and remove its cgroup, namespaces and files."""
    cgroups.remove(node_namespace(worker.name), roots)
    leftovers.end_inhabitants(worker.mount_ns)
    leftovers.unmount_below(worker.directory)
    shutil.rmtree(worker.directory, ignore_errors=True)


def containerd_command(cluster: Cluster) -> tuple[str, ...]:
    """containerd, as every worker runs it."""
    return str(cluster.binaries.containerd), f"--config={HOME / 'containerd.toml'}"


def containerd_client(cluster: Cluster) -> tuple[str, ...]:
    """containerd's own client."""
    return str(cluster.binaries.ctr), f"--address={CONTAINERD_SOCKET}"


def kubelet_command(worker: Node, cluster: Cluster) -> tuple[str, ...]:
    """The kubelet, as every worker runs it."""
    options = {
        "config": HOME / "kubelet.json",
        "kubeconfig": HOME / "kubeconfig",
        "hostname-override": worker.name,
        "node-ip": cluster.addresses.workers[worker.name],
        "container-runtime": "remote",
        "container-runtime-endpoint": f"unix://{CONTAINERD_SOCKET}",
        "pod-infra-container-image": PAUSE_IMAGE,
        "v": 2,
    }
    return str(cluster.binaries.component("kubelet")), *flags(options)


def _containerd(worker: Node, cluster: Cluster) -> Program:
    client = (*containerd_client(cluster), "--connect-timeout=2s")
    return Program(
        name=worker.program_names[0],
        command=containerd_command(cluster),
        health=CommandHealth(command=(*client, "version")),
        netns=node_namespace(worker.name),
        mount_ns=worker.mount_ns,
        uts_ns=worker.uts_ns,
        environment=environment(worker, cluster),
        address=f"unix:{CONTAINERD_SOCKET} in {worker.name}",
    )


def _kubelet(worker: Node, cluster: Cluster) -> Program:
    return Program(
        name=worker.program_names[1],
        command=("sh", "-c", MEASURE_THE_NODE, *kubelet_command(worker, cluster)),
        health=HttpHealth(url=KUBELET_HEALTH),
        netns=node_namespace(worker.name),
        mount_ns=worker.mount_ns,
        uts_ns=worker.uts_ns,
        environment={**environment(worker, cluster), **KUBELET_ENVIRONMENT},
        address=kubelet_url(worker, cluster),
    )


def kubelet_url(worker: Node, cluster: Cluster) -> str:
    """The kubelet's API, as the API server calls it."""
    return f"https://{cluster.addresses.workers[worker.name]}:10250"


def environment(worker: Node, cluster: Cluster) -> dict[str, str]:
    """PATH for containerd to find its shim, and a digest, so that changed files cause a restart."""
    own = cluster.binaries.debian
    text = "".join(files(worker, cluster).values())
    return {
        "PATH": f"{own}/usr/bin:{own}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LAB_CONFIGURATION": hashlib.sha256(text.encode()).hexdigest(),
    }


def _certificate(settings: LabSettings, name: str, address: IPv4Address) -> Issued:
    """The kubelet's certificate, for use as a server and as a client."""
    return pki.ensure_ca(settings.pki).issue(
        f"kubelet-{name}",
        common_name=f"system:node:{name}",
        organization="system:nodes",
        addresses=(address,),
        dns_names=(name,),
    )


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def _must(*command: str) -> str:
    answer = _run(command)
    if answer.returncode != 0:
        raise LabError(
            f"`{' '.join(command)}` failed with status {answer.returncode}: {answer.stderr.strip()}"
        )
    return answer.stdout
