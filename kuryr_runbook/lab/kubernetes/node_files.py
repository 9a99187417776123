"""Renders the files of a worker.

In a worker's mount namespace everything has its usual path: /run, /etc/cni, /opt/cni and
/var/lib/cni are the worker's own, and so are the directories of kubelet and containerd.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.pki import Issued
from kuryr_runbook.lab.settings import REGISTRY, SERVICE_CIDR, LabSettings

HOME = Path("/run/node")
"""The worker's directory, as seen from inside."""
COMPLETE = Path("/run/complete")
"""Exists in a mount namespace that is complete."""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "kuryr-runbook.lab/pause:1"
DNS_ADDRESS = SERVICE_CIDR[10]

OVERLAID = ("/etc", "/opt", "/var/lib", "/var/log")
"""Shows the host's content; anything that the worker writes there only goes to memory."""
EMPTY = ("/etc/cni", "/opt/cni", "/var/lib/cni", "/var/log/containers")
"""Empty for the worker: the host's files would be mistaken for this node's network plugin."""
KEPT = {
    "containerd": "/var/lib/containerd",
    "kubelet": "/var/lib/kubelet",
    "pod-logs": "/var/log/pods",
}
"""The worker's own directories that are kept on disk, below its home."""

SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""Values that the kubelet would set for the whole machine. It reads them from files that are
mounted over the real ones, finds them right, and does not change the machine's."""

_CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  disable_apparmor = true
  disable_hugetlb_controller = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{home}/certs.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  BinaryName = "{runc}"
"""

_REGISTRY = """\
server = "https://{registry}"
[host."https://{registry}"]
  capabilities = ["pull", "resolve"]
  ca = "{ca}"
"""

_OWN = """\
for path in {empty}; do
  mkdir -p $path
  mount -t tmpfs -o mode=0755 lab $path
done
mkdir -p /etc/cni/net.d /opt/cni/bin
cp {loopback} /opt/cni/bin/loopback
rm -f /etc/hostname /etc/hosts /etc/resolv.conf
cp {home}/hostname {home}/hosts {home}/resolv.conf /etc/"""

_SETUP = """\
set -eu
cd /
hostname {name}
# From here on mounts stay in this node, and pods that ask for them see them.
mount --make-rshared /
mount -t tmpfs -o mode=0755 lab /run
mkdir -p {home} /run/netns /run/lock /run/sysctl
mount --bind {directory} {home}
for path in {overlaid}; do
  mkdir -p /run/overlay$path/upper /run/overlay$path/work
  mount -t overlay -o \
lowerdir=$path,upperdir=/run/overlay$path/upper,workdir=/run/overlay$path/work lab $path
done
{own}
{binds}
{sysctls}
touch {complete}
"""


def containerd_config(binaries: Binaries) -> str:
    """containerd's `config.toml`."""
    return _CONTAINERD.format(
        socket=CONTAINERD_SOCKET, pause=PAUSE_IMAGE, home=HOME, runc=binaries.runc
    )


def registry_hosts(settings: LabSettings) -> str:
    """containerd's `hosts.toml` for the lab's registry: which certificate to trust."""
    return _REGISTRY.format(registry=REGISTRY, ca=settings.ca)


def kubelet_config(cgroup_root: str, settings: LabSettings, serving: Issued) -> str:
    """The kubelet's configuration file; below `cgroup_root` it makes its pods' groups."""
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(settings.ca)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.cert),
        "tlsPrivateKeyFile": str(serving.key),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,
        "clusterDomain": "cluster.local",
        "clusterDNS": [str(DNS_ADDRESS)],
        "resolvConf": "/etc/resolv.conf",
        # The lab shares its machine: neither swap nor a full disk should make it refuse pods.
        "failSwapOn": False,
        "evictionHard": {"memory.available": "50Mi"},
        "imageGCHighThresholdPercent": 100,
        "oomScoreAdj": 0,
        "makeIPTablesUtilChains": False,
        "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "2s",
        "nodeStatusReportFrequency": "1m",
    }
    return json.dumps(document, indent=2) + "\n"


def hosts(addresses: Mapping[str, IPv4Address]) -> str:
    """/etc/hosts of a node, with all nodes by name, since the lab has no name server."""
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in addresses.items())]
    return "".join(f"{line}\n" for line in lines)


def own_files(binaries: Binaries) -> str:
    """Shell commands that give a node of any kind its own network plugins, name and hosts."""
    return _OWN.format(
        empty=" ".join(EMPTY), loopback=shlex.quote(str(binaries.loopback)), home=HOME
    )


def setup_script(name: str, directory: Path, binaries: Binaries) -> str:
    """Shell commands that set up a new mount and UTS namespace for a node."""
    binds = (f"mkdir -p {path}; mount --bind {HOME}/{own} {path}" for own, path in KEPT.items())
    sysctls = (
        f"echo {value} >/run/sysctl/{key.replace('/', '.')}; "
        f"mount --bind /run/sysctl/{key.replace('/', '.')} /proc/sys/{key}"
        for key, value in SYSCTLS.items()
    )
    return _SETUP.format(
        name=name,
        home=HOME,
        directory=shlex.quote(str(directory)),
        overlaid=" ".join(OVERLAID),
        own=own_files(binaries),
        binds="\n".join(binds),
        sysctls="\n".join(sysctls),
        complete=COMPLETE,
    )
