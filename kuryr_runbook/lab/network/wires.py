"""The fixed part of the lab's network: its namespaces, and the only link to the host.

A namespace belongs to the lab if its loopback device has the alias MARK, a link if it has the alias
itself. Anything with such a name but without the mark is refused and never touched. The host gets
one link, with one route through it; both are removed together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from kuryr_runbook.lab.network.kernel import finish_checksums, ip, ip_batch, ip_json
from kuryr_runbook.lab.network.namespaces import (
    MARK,
    ensure_namespace,
    is_ours,
    namespaces,
    remove_namespace,
)
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import (
    CLOUD_ADDRESS,
    EXTERNAL_CIDR,
    EXTERNAL_GATEWAY,
    EXTERNAL_PORT,
    HOST_ADDRESS,
    HOST_LINK,
    HOST_NETWORK,
    HYPERVISOR_NS,
    INTERNET_ADDRESS,
    INTERNET_NS,
    PREFIX,
    UNDERLAY_LINK,
    LabSettings,
    node_namespace,
    underlay_port,
)
from kuryr_runbook.model.errors import LabError

INTERNET_LINK = "host"
"""The other end of HOST_LINK, inside INTERNET_NS."""
EXTERNAL_LINK = "external"
"""The other end of EXTERNAL_PORT, inside INTERNET_NS."""
BROADEST = 8
"""A route for more than a /8 is in fact a default route, and not an obstacle."""

# A new namespace inherits whatever the host has set. With arp_notify a device announces its
# addresses to its neighbours: another device may have had them a moment ago.
HOST_LIKE = {
    "net.ipv4.ip_forward": 0,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.arp_notify": 1,
}
"""Kernel parameters of a machine with interfaces of its own."""
CHASSIS_LIKE = {**HOST_LIKE, "net.ipv4.conf.all.arp_ignore": 1}
"""The same where pods are on a switch in userspace. The kernel sees their frames, too, and would
answer those that ask for the address of the node's interface from the interface of the pod."""
FORWARDING = {**HOST_LIKE, "net.ipv4.ip_forward": 1}


def ensure_wires(settings: LabSettings, say: Progress) -> None:
    """Make the namespaces and the host's link, as far as they are missing.

    Raises LabError when a name or an address range is taken by something else.
    """
    _refuse_foreign_routes(ip_json("-4", "route", "show", "table", "all"))
    ensure_namespace(INTERNET_NS, FORWARDING, say)
    ensure_namespace(HYPERVISOR_NS, HOST_LIKE, say)
    for node in settings.namespace_names:
        parameters = CHASSIS_LIKE if node in settings.chassis_names else HOST_LIKE
        ensure_namespace(node_namespace(node), parameters, say)
    _ensure_host_link(say)
    _ensure_external_link(say)
    for worker in settings.chassis_names:
        _ensure_underlay_link(worker, say)


def destroy_wires(say: Progress) -> None:
    """End all processes in the lab's namespaces, then remove them and the host's link.

    Raises LabError when a process does not end.
    """
    ours = [name for name in namespaces(PREFIX) if is_ours(name)]
    link = _host_link()
    if link is not None and _is_our_link(link):
        ip("link", "delete", HOST_LINK)
        say(f"link {HOST_LINK} removed")
    for name in ours:
        remove_namespace(name, say)


def _ensure_host_link(say: Progress) -> None:
    link = _host_link()
    if link is not None and not _is_our_link(link):
        raise LabError(
            f"a link {HOST_LINK} exists on the host and is not the lab's",
            remedy=f"find out what it is for (`ip addr show {HOST_LINK}`), and remove or rename it",
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


def _ensure_external_link(say: Progress) -> None:
    """The wire between the cloud's external network and the internet, which is its gateway."""
    if not any(link["ifname"] == EXTERNAL_LINK for link in ip_json("link", namespace=INTERNET_NS)):
        ip(
            *("link", "add", EXTERNAL_LINK, "type", "veth"),
            *("peer", "name", EXTERNAL_PORT, "netns", HYPERVISOR_NS),
            namespace=INTERNET_NS,
        )
        say(f"link {EXTERNAL_LINK} made, from {INTERNET_NS} to {HYPERVISOR_NS}")
    finish_checksums(INTERNET_NS, EXTERNAL_LINK)
    length = EXTERNAL_CIDR.prefixlen
    ip_batch(
        (
            f"address replace {EXTERNAL_GATEWAY}/{length} dev {EXTERNAL_LINK}",
            f"link set {EXTERNAL_LINK} up",
        ),
        namespace=INTERNET_NS,
    )
    ip("link", "set", EXTERNAL_PORT, "up", namespace=HYPERVISOR_NS)


def _ensure_underlay_link(worker: str, say: Progress) -> None:
    """A wire from the hypervisor to a worker that is a chassis, for both switches to use."""
    inside, port = node_namespace(worker), underlay_port(worker)
    if not any(link["ifname"] == port for link in ip_json("link", namespace=HYPERVISOR_NS)):
        ip(
            *("link", "add", port, "type", "veth"),
            *("peer", "name", UNDERLAY_LINK, "netns", inside),
            namespace=HYPERVISOR_NS,
        )
        say(f"link {UNDERLAY_LINK} made, from {inside} to {HYPERVISOR_NS}")
    ip("link", "set", UNDERLAY_LINK, "up", namespace=inside)
    ip("link", "set", port, "up", namespace=HYPERVISOR_NS)


def remove_underlay_link(worker: str, say: Progress) -> None:
    """Remove the wire, if there is one."""
    port = underlay_port(worker)
    if any(link["ifname"] == port for link in ip_json("link", namespace=HYPERVISOR_NS)):
        ip("link", "delete", port, namespace=HYPERVISOR_NS)
        say(f"link {UNDERLAY_LINK} removed, from {node_namespace(worker)}")


def _host_link() -> dict[str, Any] | None:
    return next((link for link in ip_json("link", "show") if link["ifname"] == HOST_LINK), None)


def _is_our_link(link: Mapping[str, Any]) -> bool:
    """Whether it has the mark, or was made but not yet marked."""
    return link.get("ifalias") == MARK or "UP" not in link["flags"]


def foreign_routes(
    routes: Iterable[Mapping[str, Any]], needed: Iterable[IPv4Network]
) -> tuple[str, ...]:
    """Others' routes on the host (from `ip -json route`) that overlap a range that we need."""
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
            remedy="both are documentation ranges (RFC 5737): remove that route or address",
        )
