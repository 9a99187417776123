"""Checks that the machine can run a lab before anything is changed; reports all problems."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

import psutil

from kuryr_runbook.lab import ownership
from kuryr_runbook.lab.kubernetes import cgroups
from kuryr_runbook.lab.launching import NETNS_DIRECTORY
from kuryr_runbook.lab.network import wires
from kuryr_runbook.lab.network.kernel import ip_json
from kuryr_runbook.lab.network.namespaces import namespaces
from kuryr_runbook.lab.processes import Supervisor
from kuryr_runbook.lab.settings import (
    CLOUD_ADDRESS,
    EXTERNAL_CIDR,
    HOST_LINK,
    HOST_NETWORK,
    INTERNET_NS,
    KEYSTONE_PORT,
    NEUTRON_PORT,
    OCTAVIA_PORT,
    PREFIX,
    REGISTRY_PORT,
    LabSettings,
)

PACKAGE_OF: Mapping[str, str] = {
    "apt-get": "apt",
    "curl": "curl",
    "dpkg-deb": "dpkg",
    "dpkg-source": "dpkg-dev",
    "ethtool": "ethtool",
    "haproxy": "haproxy",
    "ip": "iproute2",
    "ss": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nsenter": "util-linux",
    "ovn-controller": "ovn-host",
    "ovn-nbctl": "ovn-common",
    "ovn-northd": "ovn-central",
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-common",
    "sysctl": "procps",
    "unshare": "util-linux",
}
"""Commands that the lab runs, each with its Debian package."""

MACHINES: Mapping[str, str] = {"linux.uml": "user-mode-linux"}
"""Like PACKAGE_OF, for workers that are virtual machines."""
PTRACE = Path("/proc/sys/kernel/yama/ptrace_scope")
NOBODY = "3"
"""Its value when no process may trace another, not even root its children."""
MACHINE_MEMORY_PLACE = Path("/dev/shm")  # noqa: S108 - where User Mode Linux keeps its memory
OTHERWISE = "or use workers of kind `namespace`, which are enough for nested-macvlan"

CLOUD_PORTS = (KEYSTONE_PORT, NEUTRON_PORT, OCTAVIA_PORT, REGISTRY_PORT)
GIB = 1 << 30
NEEDED_MEMORY = 3 * GIB
"""Two workers and Kuryr need 2 GiB; the rest is for building images."""
MACHINE_MEMORY = 3 * GIB // 2
"""A worker that is a virtual machine, with Kuryr's image and some pods; 1.3 GiB were seen."""
NEEDED_DISK = 6 * GIB
"""For everything that is downloaded and built the first time, including sources."""
SOCKET_PATH = 107
"""Longest path of a unix socket (sun_path in unix(7), without the terminating null)."""
LONGEST_SOCKET = "supervisor/supervisor.sock.4194304"
"""supervisord binds a name with its pid, then renames it; OVN's names are not longer."""
PROBE_SECONDS = 20

# Each is tried in a temporary network namespace.
LINK_PROBES: Mapping[str, str] = {
    "veth": "link add p0 type veth peer name p1\n",
    "macvlan": (
        "link add p0 type veth peer name p1\nlink add m0 link p0 type macvlan mode bridge\n"
    ),
    "tun": "tuntap add dev t0 mode tap\n",
}


def problems(settings: LabSettings) -> tuple[str, ...]:
    """Everything that keeps a lab from running here, with remedies."""
    if platform.system() != "Linux":
        return (
            f"the lab needs Linux namespaces, but this is {platform.system()}: use a Linux "
            "machine or virtual machine",
        )
    found = [*missing_commands(shutil.which), *socket_too_long(settings.state)]
    if settings.machine_names:
        found += machine_problems(len(settings.machine_names), shutil.which)
    if os.geteuid() != 0:
        return ("the lab creates network namespaces: run it as root (sudo)", *found)
    found += other_lab(settings, ownership.owner(), namespaces(PREFIX))
    if not found:
        found += [*_kernel(), *_addresses(), *_ports(settings), *_room(settings)]
    return tuple(found)


def missing_commands(which: Callable[[str], str | None]) -> Iterator[str]:
    """Commands that are not on the PATH."""
    missing = [command for command in PACKAGE_OF if not which(command)]
    packages = {PACKAGE_OF[command] for command in missing}
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("python3 -m venv")
        packages.add("python3-venv")
    if missing:
        yield (
            f"commands are missing: {', '.join(missing)}: "
            f"`apt-get install {' '.join(sorted(packages))}`"
        )


def machine_problems(
    machines: int, which: Callable[[str], str | None], ptrace: Path = PTRACE
) -> Iterator[str]:
    """What keeps this machine from running so many workers with a kernel of their own."""
    for command in (command for command in MACHINES if not which(command)):
        package = MACHINES[command]
        yield f"{command} is missing: `apt-get install {package}`, {OTHERWISE}"
    if platform.machine() != "x86_64":
        yield f"User Mode Linux runs on x86_64, and this is {platform.machine()}: {OTHERWISE}"
    if ptrace.exists() and ptrace.read_text().strip() == NOBODY:
        yield (
            f"{ptrace} is {NOBODY}, and User Mode Linux has to trace its processes: reboot with a "
            f"lower value, {OTHERWISE}"
        )
    free = shutil.disk_usage(MACHINE_MEMORY_PLACE).free
    if free < machines * MACHINE_MEMORY:
        yield (
            f"too little room in {MACHINE_MEMORY_PLACE}, where virtual machines have their memory: "
            f"{free / GIB:.1f} GiB are free, {machines * MACHINE_MEMORY / GIB:.1f} are needed: "
            f"`mount -o remount,size=... {MACHINE_MEMORY_PLACE}`, {OTHERWISE}"
        )


def socket_too_long(state: Path) -> Iterator[str]:
    """Whether sockets' paths would be too long, which the kernel refuses."""
    longest = str(state / LONGEST_SOCKET)
    if len(os.fsencode(longest)) > SOCKET_PATH:
        yield (
            f"the state directory's path is too long for the sockets in it: {longest} has "
            f"{len(os.fsencode(longest))} bytes, {SOCKET_PATH} can be: set XDG_STATE_HOME to a "
            "shorter one"
        )


def other_lab(settings: LabSettings, owner: Path | None, there: Collection[str]) -> Iterator[str]:
    """Whether there is another lab: a second one would mistake its namespaces for its own."""
    if owner is not None and owner != settings.state and there:
        yield (
            f"this machine has a lab already, with its state in {owner} and the namespaces "
            f"{', '.join(there)}: use that one, or remove it: `kuryr-runbook lab destroy` with "
            f"XDG_STATE_HOME={owner.parent.parent}"
        )


def _kernel() -> Iterator[str]:
    for kind, commands in LINK_PROBES.items():
        if said := probe(("ip", "-batch", "-"), commands):
            yield (
                f"the kernel makes no {kind} links ({said}): use one with the module {kind}, such "
                "as Debian's linux-image-amd64"
            )
    if not cgroups.hierarchies():
        yield (
            "no cgroup hierarchy is mounted, and the lab's nodes need one: mount it at "
            "/sys/fs/cgroup (`mount -t cgroup2 cgroup2 /sys/fs/cgroup`)"
        )
    if "\toverlay\n" not in Path("/proc/filesystems").read_text() and not _loadable("overlay"):
        yield "the kernel has no overlay file system: use one with the module overlay"


def probe(command: tuple[str, ...], text: str) -> str:
    """The error of the command when tried in a network namespace of its own."""
    done = subprocess.run(
        ("unshare", "--net", "--", *command),
        input=text,
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        check=False,
    )
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or "no reason given"


def _loadable(module: str) -> bool:
    try:
        return (
            subprocess.run(
                ("modprobe", "--dry-run", "--quiet", module), timeout=PROBE_SECONDS, check=False
            ).returncode
            == 0
        )
    except FileNotFoundError:
        return False


def _addresses() -> Iterator[str]:
    needed = (HOST_NETWORK, EXTERNAL_CIDR)
    for route in wires.foreign_routes(ip_json("-4", "route", "show", "table", "all"), needed):
        yield (
            f"this machine has a route {route}, and the lab needs "
            f"{' and '.join(map(str, needed))} (documentation ranges, RFC 5737): remove that route "
            f"or address away; only {HOST_LINK} may have them"
        )


def _ports(settings: LabSettings) -> Iterator[str]:
    """Ports of the cloud that are used by anything but this lab's programs."""
    if not (NETNS_DIRECTORY / INTERNET_NS).exists():
        return
    shown = subprocess.run(
        ("nsenter", f"--net={NETNS_DIRECTORY / INTERNET_NS}", "--", "ss", "-Hltnp"),
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        check=False,
    )
    ours = Supervisor(settings).pids()
    for port, pids in listening(shown.stdout, CLOUD_PORTS).items():
        if not pids <= ours:
            yield (
                f"port {port} of {CLOUD_ADDRESS} in {INTERNET_NS} is in use by pid "
                f"{', '.join(map(str, sorted(pids - ours)))}, which is not of this lab's: end it"
            )


def listening(shown: str, ports: Iterable[int]) -> dict[int, frozenset[int]]:
    """Which processes listen on which of the ports, from the output of `ss -Hltnp`."""
    found: dict[int, frozenset[int]] = {}
    for line in shown.splitlines():
        port = int(line.split()[3].rpartition(":")[2])
        if port in ports:
            pids = frozenset(int(pid) for pid in re.findall(r"pid=(\d+)", line))
            found[port] = found.get(port, frozenset()) | pids
    return found


def _room(settings: LabSettings) -> Iterator[str]:
    if Supervisor(settings).running:
        return  # an existing lab already has what it needs
    memory = psutil.virtual_memory().available
    needed = NEEDED_MEMORY + len(settings.machine_names) * MACHINE_MEMORY
    if memory < needed:
        yield (
            f"too little memory: {memory / GIB:.1f} GiB are available, the lab needs "
            f"{needed / GIB:.0f}: end something, or use a bigger machine"
        )
    for what, variable, path in (
        ("state", "XDG_STATE_HOME", settings.state),
        ("cache", "XDG_CACHE_HOME", settings.cache),
    ):
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        if free < NEEDED_DISK:
            yield (
                f"too little disk for the lab's {what} directory {path}: {free / GIB:.1f} GiB are "
                f"free, {NEEDED_DISK / GIB:.0f} are needed: make room, or set {variable} to "
                "another disk"
            )
