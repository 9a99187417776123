"""Renders the two scripts that start a worker with a kernel of its own.

The first is the kernel's first process: it puts a file system in memory over this machine's root,
which it sees read-only. The second continues within, as the worker's init.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from kuryr_runbook.lab.kubernetes.binaries import Binaries
from kuryr_runbook.lab.kubernetes.node_files import HOME, KEPT, own_files

DEVICE = "ens3"
MODULES = Path("/usr/lib/uml/modules")
"""Where Debian's user-mode-linux has the modules of its kernel."""
LOADED = ("8021q", "macvlan", "veth")
"""Modules for pods' interfaces; containers' file systems need overlay, which is loaded before."""

_BOOT = """\
#!/bin/bash
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
{busybox} insmod {modules}/$(uname -r)/kernel/fs/overlayfs/overlay.ko
mount -t tmpfs -o size=50%,mode=0755 lab /mnt
mkdir /mnt/upper /mnt/work /mnt/merged
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work lab /mnt/merged
for path in proc sys dev; do mount --no-mtab --move /$path /mnt/merged/$path; done
cd /mnt/merged
pivot_root . mnt
exec chroot . /bin/bash {init} </dev/console >/dev/console 2>&1
"""

_INIT = """\
#!/bin/bash
set -eu
hostname {name}
mount --make-rshared /
mount -t tmpfs -o mode=0755 lab /run
mkdir -p {home} /run/netns /run/lock /run/kept /dev/shm /dev/pts
mount --bind {directory} {home}
mount -t tmpfs lab /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
for name in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
  ln -sfn /proc/self/${{name#*:}} /dev/${{name%:*}}
done
# The kubelet and runc find all controllers in groups, and processes only in their leaves.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/init
echo $$ >/sys/fs/cgroup/init/cgroup.procs
for name in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo +$name >/sys/fs/cgroup/cgroup.subtree_control
done
# The kubelet does not start if it cannot see the clock speed.
{{ printf 'processor\t: 0\ncpu MHz\t\t: 2000.000\nphysical id\t: 0\ncore id\t\t: 0\n'
  grep -v ^processor /proc/cpuinfo; }} >/run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo
mkdir -p /lib/modules
mount -t hostfs -o {modules} none /lib/modules
for module in {loaded}; do {busybox} modprobe $module; done
# Containers' file systems cannot be on an overlay.
mount -t tmpfs -o size=50%,mode=0755 lab /run/kept
{kept}
{own}
sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
  net.ipv4.conf.all.arp_notify=1
ip link set lo up
ip link set eth0 name {device}
ip link set {device} mtu {mtu} up
ip address add {address} dev {device}
ip route add default via {gateway}
{environment}
again() {{
  while true; do
    "$@" || true
    echo "$1 ended, and starts again"
    sleep 1
  done
}}
again {containerd} &
until {client} --connect-timeout=2s version >/dev/null 2>&1; do sleep 0.2; done
{client} --namespace=k8s.io images import {home}/pause.tar
again {kubelet} &
# A first process never ends, and waits for orphans.
while true; do wait -n || true; sleep 1; done
"""


def boot_script(init: Path, binaries: Binaries) -> str:
    """The kernel's first process."""
    return _BOOT.format(
        busybox=shlex.quote(str(binaries.busybox)), modules=MODULES, init=shlex.quote(str(init))
    )


def init_script(
    name: str,
    directory: Path,
    binaries: Binaries,
    network: tuple[IPv4Interface, IPv4Address, int],
    environment: dict[str, str],
    programs: tuple[Sequence[str], Sequence[str], Sequence[str]],
) -> str:
    """The worker's init: `network` is address, gateway and MTU; `programs` are containerd, its
    client, and the kubelet."""
    address, gateway, mtu = network
    containerd, client, kubelet = map(shlex.join, programs)
    kept = (
        f"mkdir -p {path} /run/kept/{own}; mount --bind /run/kept/{own} {path}"
        for own, path in KEPT.items()
    )
    return _INIT.format(
        name=name,
        home=HOME,
        directory=shlex.quote(str(directory)),
        modules=MODULES,
        loaded=" ".join(LOADED),
        busybox=shlex.quote(str(binaries.busybox)),
        kept="\n".join(kept),
        own=own_files(binaries),
        device=DEVICE,
        mtu=mtu,
        address=address,
        gateway=gateway,
        environment="\n".join(
            f"export {key}={shlex.quote(value)}" for key, value in environment.items()
        ),
        containerd=containerd,
        client=client,
        kubelet=kubelet,
    )
