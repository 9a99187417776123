"""The fixed part of the lab's network: its namespaces, and the one link to the host.

A namespace is the lab's when its loopback bears the alias MARK, and so is the link. What bears the
name without the mark is refused, never touched. The host gets one link and, by way of it, one
route; both go together.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from kuryr_runbook.lab.fabric.kernel import (
    ip,
    ip_batch,
    ip_json,
    namespaces,
    processes,
    run,
    sysctl,
)
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import (
    CLOUD_ADDRESS,
    EXTERNAL_CIDR,
    FABRIC_NS,
    HOST_ADDRESS,
    HOST_LINK,
    HOST_NETWORK,
    INTERNET_ADDRESS,
    INTERNET_NS,
    PREFIX,
    ROUTER_NS,
    LabSettings,
    node_namespace,
)
from kuryr_runbook.model.errors import LabError

MARK = "kuryr-runbook-lab"
INTERNET_LINK = "host"
"""The other end of HOST_LINK, inside INTERNET_NS."""
BROADEST = 8
"""A route for more than a /8 is a default route by another name, and is no obstacle."""
END_SECONDS = 5.0
"""How long processes in the lab's namespaces may take to end after SIGTERM."""

_NO_FILTER = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
HOST_LIKE = {**_NO_FILTER, "net.ipv4.ip_forward": 0}
"""Set for every namespace: new ones inherit what the host happens to have."""
FORWARDING = {**_NO_FILTER, "net.ipv4.ip_forward": 1}
# Two subnets on one bridge give the router two legs there: each answers for itself alone, and
# neighbours on the same wire are not told to leave the router out.
ROUTING = {
    **FORWARDING,
    **{
        f"net.ipv4.conf.{scope}.{key}": value
        for scope in ("all", "default")
        for key, value in (("arp_ignore", 1), ("arp_announce", 2), ("send_redirects", 0))
    },
}
BRIDGING = {
    **HOST_LIKE,
    "net.bridge.bridge-nf-call-iptables": 1,
    "net.bridge.bridge-nf-call-ip6tables": 0,
    "net.bridge.bridge-nf-call-arptables": 0,
}
_BRIDGE_FILTER = Path("/proc/sys/net/bridge")


def ensure_wires(settings: LabSettings, say: Progress) -> None:
    """Make the namespaces and the host's link, or what is missing of them.

    Raises LabError when a name or an address range is taken by something else, or when the kernel
    lacks what the fabric needs.
    """
    _refuse_foreign_routes(ip_json("-4", "route", "show", "table", "all"))
    _load_modules()
    _ensure_namespace(INTERNET_NS, FORWARDING, say)
    _ensure_namespace(FABRIC_NS, BRIDGING, say)
    _ensure_namespace(ROUTER_NS, ROUTING, say)
    for node in settings.node_names:
        _ensure_namespace(node_namespace(node), HOST_LIKE, say)
    _ensure_host_link(say)


def destroy_wires(say: Progress) -> None:
    """End what still runs in the lab's namespaces, then remove them and the host's link.

    Raises LabError when a process does not end.
    """
    ours = [name for name in namespaces(PREFIX) if _is_ours(name)]
    _end_processes(ours, say)
    link = _host_link()
    if link is not None and _is_our_link(link):
        ip("link", "delete", HOST_LINK)
        say(f"link {HOST_LINK} removed")
    for name in ours:
        ip("netns", "delete", name)
        say(f"namespace {name} removed")


def _ensure_namespace(name: str, parameters: Mapping[str, int], say: Progress) -> None:
    if name not in namespaces(PREFIX):
        ip("netns", "add", name)
        say(f"namespace {name} made")
    elif not _is_ours(name):
        raise LabError(
            f"network namespace {name} exists and is not the lab's: its loopback should bear the "
            f"alias {MARK}",
            remedy=f"see what it is for (`ip -n {name} addr`), and remove or rename it",
        )
    ip_batch([f"link set lo alias {MARK}", "link set lo up"], namespace=name)
    sysctl(name, parameters)


def _is_ours(namespace: str) -> bool:
    """Whether it bears the mark, or is as bare as one that was made and not yet marked."""
    links = ip_json("link", "show", namespace=namespace)
    loopback = next((link for link in links if link["ifname"] == "lo"), {})
    if loopback.get("ifalias") == MARK:
        return True
    bare = all("UP" not in link["flags"] for link in links)
    return bare and namespace not in processes(namespace).values()


def _ensure_host_link(say: Progress) -> None:
    link = _host_link()
    if link is not None and not _is_our_link(link):
        raise LabError(
            f"a link {HOST_LINK} exists on the host and is not the lab's",
            remedy=f"see what it is for (`ip addr show {HOST_LINK}`), and remove or rename it",
        )
    if link is None:
        ip(
            *("link", "add", HOST_LINK, "type", "veth"),
            *("peer", "name", INTERNET_LINK, "netns", INTERNET_NS),
        )
        say(f"link {HOST_LINK} made, to {INTERNET_NS}")
    length = HOST_NETWORK.prefixlen
    ip_batch(
        (
            f"address replace {CLOUD_ADDRESS}/{length} dev {INTERNET_LINK}",
            f"address replace {INTERNET_ADDRESS}/32 dev lo",
            f"link set {INTERNET_LINK} up",
        ),
        namespace=INTERNET_NS,
    )
    ip_batch(
        (
            f"link set {HOST_LINK} alias {MARK}",
            f"address replace {HOST_ADDRESS}/{length} dev {HOST_LINK}",
            f"link set {HOST_LINK} up",
            f"route replace {EXTERNAL_CIDR} via {CLOUD_ADDRESS} dev {HOST_LINK}",
        )
    )


def _host_link() -> dict[str, Any] | None:
    return next((link for link in ip_json("link", "show") if link["ifname"] == HOST_LINK), None)


def _is_our_link(link: Mapping[str, Any]) -> bool:
    """Whether it bears the mark, or was made and not yet marked."""
    return link.get("ifalias") == MARK or "UP" not in link["flags"]


def foreign_routes(
    routes: Iterable[Mapping[str, Any]], needed: Iterable[IPv4Network]
) -> tuple[str, ...]:
    """Of the host's routes (`ip -json route`), those of others that meet a range we need."""
    wanted = tuple(needed)
    found = []
    for route in routes:
        if route["dst"] == "default" or route.get("dev") == HOST_LINK:
            continue
        destination = IPv4Network(route["dst"], strict=False)
        if destination.prefixlen >= BROADEST and any(map(destination.overlaps, wanted)):
            found.append(f"{route['dst']} dev {route.get('dev', '-')}")
    return tuple(found)


def _refuse_foreign_routes(routes: Iterable[Mapping[str, Any]]) -> None:
    needed = (HOST_NETWORK, EXTERNAL_CIDR)
    taken = foreign_routes(routes, needed)
    if taken:
        raise LabError(
            f"the lab needs {' and '.join(map(str, needed))} on this host, which already has "
            f"the route {', '.join(taken)}",
            remedy="both are documentation ranges (RFC 5737): take that route or address away",
        )


def _load_modules() -> None:
    """Have br_netfilter. Where it is loaded by us, the host's own bridges stay as they were."""
    if not _BRIDGE_FILTER.is_dir():
        try:
            run("modprobe", "br_netfilter")
        except LabError as error:
            raise LabError(
                f"the kernel does not filter on bridges (br_netfilter): {error.message}",
                remedy="use a kernel with CONFIG_BRIDGE_NETFILTER, as Debian's",
            ) from error
        for file in _BRIDGE_FILTER.glob("bridge-nf-call-*"):
            file.write_text("0\n")


def _end_processes(ours: Iterable[str], say: Progress) -> None:
    names = frozenset(ours)
    signalled: dict[int, signal.Signals] = {}
    killing = time.monotonic() + END_SECONDS
    deadline = killing + END_SECONDS
    while left := _processes_in(names):
        now = time.monotonic()
        if now > deadline:
            raise LabError(
                f"processes {sorted(left)} in the lab's namespaces did not end on SIGKILL",
                remedy="see what they wait for (`ps -o pid,stat,wchan,cmd`)",
            )
        wanted = signal.SIGKILL if now > killing else signal.SIGTERM
        for pid, namespace in left.items():
            if signalled.get(pid) != wanted:
                say(f"process {pid} in {namespace}: {wanted.name}")
                _signal(pid, wanted)
                signalled[pid] = wanted
        time.sleep(0.05)


def _processes_in(names: frozenset[str]) -> dict[int, str]:
    return {
        pid: name
        for pid, name in processes(PREFIX).items()
        if name in names and pid != os.getpid() and not _is_zombie(pid)
    }


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
