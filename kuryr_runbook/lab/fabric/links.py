"""Bridges and plugs: what the kernel has, compared with what is wanted, and the difference made.

The kernel is read each time, so a restarted agent adopts what is there, and what somebody removed
by hand comes back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kuryr_runbook.lab.fabric.kernel import ip, ip_batch, ip_json
from kuryr_runbook.lab.fabric.parts import Bridge, Plug
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import FABRIC_NS, ROUTER_NS
from kuryr_runbook.model.errors import LabError

VIP_TABLE = "101"
"""Routing table of an amphora's VIP."""
FORWARDING_SECONDS = 1.0
"""How long a bridge may take until it forwards for a new port."""
ROUTE_MARK = "201"
"""Protocol number by which the routers' extra routes are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A network device as the kernel has it."""

    name: str
    index: int
    peer: int | None
    """Index of the other end, in the namespace of that end."""
    mac: str
    mtu: int
    up: bool
    master: str | None
    addresses: frozenset[str]


def parse_devices(shown: Iterable[Mapping[str, Any]]) -> dict[str, Device]:
    """Devices by name, from `ip -json address show`."""
    return {
        link["ifname"]: Device(
            name=link["ifname"],
            index=link["ifindex"],
            peer=link.get("link_index"),
            mac=link.get("address", ""),
            mtu=link["mtu"],
            up="UP" in link["flags"],
            master=link.get("master"),
            addresses=frozenset(
                f"{address['local']}/{address['prefixlen']}"
                for address in link["addr_info"]
                if address["family"] == "inet"
            ),
        )
        for link in shown
    }


def read_devices(namespace: str) -> dict[str, Device]:
    """The namespace's devices by name."""
    return parse_devices(ip_json("address", "show", namespace=namespace))


Route = tuple[str, str | None, str, str]
"""Destination, gateway, device, table."""


class Kernel:
    """Devices and routes of the namespaces, read when asked for, once until `forget`."""

    def __init__(self) -> None:
        self._devices: dict[str, dict[str, Device]] = {}
        self._routes: dict[str, frozenset[Route]] = {}
        self._rules: dict[str, frozenset[str]] = {}

    def devices(self, namespace: str) -> dict[str, Device]:
        """Devices by name."""
        if namespace not in self._devices:
            self._devices[namespace] = read_devices(namespace)
        return self._devices[namespace]

    def routes(self, namespace: str) -> frozenset[Route]:
        """Routes of all tables."""
        if namespace not in self._routes:
            shown = ip_json("-4", "route", "show", "table", "all", namespace=namespace)
            self._routes[namespace] = frozenset(
                (route["dst"], route.get("gateway"), route.get("dev", ""), _table(route))
                for route in shown
            )
        return self._routes[namespace]

    def vip_rules(self, namespace: str) -> frozenset[str]:
        """Source addresses for which the VIP's table holds."""
        if namespace not in self._rules:
            shown = ip_json("-4", "rule", "show", namespace=namespace)
            self._rules[namespace] = frozenset(
                rule["src"] for rule in shown if rule.get("table") == VIP_TABLE
            )
        return self._rules[namespace]

    def forget(self, *namespaces: str) -> None:
        """Read these again: something was changed there."""
        for namespace in namespaces:
            for known in (self._devices, self._routes, self._rules):
                known.pop(namespace, None)


def _table(route: Mapping[str, Any]) -> str:
    return str(route.get("table", "main"))


def ensure_bridges(bridges: Iterable[Bridge], say: Progress) -> None:
    """Have every bridge, with its MTU, up."""
    there = read_devices(FABRIC_NS)
    for bridge in bridges:
        device = there.get(bridge.name)
        if device is None:
            kind = "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
            ip_batch([f"link add {bridge.name} mtu {bridge.mtu} up {kind}"], FABRIC_NS)
            say(f"network {bridge.name} made, MTU {bridge.mtu}")
        elif device.mtu != bridge.mtu or not device.up:
            ip_batch([f"link set {bridge.name} mtu {bridge.mtu} up"], FABRIC_NS)
            say(f"network {bridge.name} set to MTU {bridge.mtu}")


def remove_stale(bridges: Iterable[Bridge], plugs: Iterable[Plug], say: Progress) -> None:
    """Take away plugs, then bridges, that are not wanted."""
    wanted = {bridge.name for bridge in bridges} | {plug.interface for plug in plugs}
    there = (name for name in read_devices(FABRIC_NS) if name[:2] in ("p-", "b-"))
    for name in sorted(there, key=lambda name: (name.startswith("b-"), name)):
        if name not in wanted:
            ip("link", "delete", name, namespace=FABRIC_NS)
            say(f"{'network' if name.startswith('b-') else 'port'} {name} removed")


def ensure_plug(kernel: Kernel, plug: Plug, say: Progress) -> bool:
    """Have the plug with its addresses and routes; gives back whether anything was changed.

    Raises LabError when its device is another's.
    """
    outer = kernel.devices(FABRIC_NS).get(plug.interface)
    inner = kernel.devices(plug.namespace).get(plug.device)
    if outer is None or inner is None or (outer.peer, inner.peer) != (inner.index, outer.index):
        if outer is not None:
            ip("link", "delete", plug.interface, namespace=FABRIC_NS)
        elif inner is not None:
            raise LabError(
                f"port {plug.interface} is not plugged: {plug.namespace} has a device "
                f"{plug.device} that is not the fabric's",
                remedy=f"ip -n {plug.namespace} link delete {plug.device}",
            )
        _plug_in(plug)
        held = ", ".join(map(str, plug.addresses))
        say(f"port {plug.interface} plugged: {plug.namespace} {plug.device} {plug.mac} {held}")
        kernel.forget(FABRIC_NS, plug.namespace)
        outer = kernel.devices(FABRIC_NS)[plug.interface]
        inner = kernel.devices(plug.namespace)[plug.device]
    return _correct(kernel, plug, (outer, inner), say)


def announce(plug: Plug) -> None:
    """Tell the neighbours, who may remember the addresses with another MAC.

    The kernel does so by itself when a device comes up (arp_notify), but then the bridge does not
    forward yet. It does so again when the MAC is set, to what it is.
    """
    deadline = time.monotonic() + FORWARDING_SECONDS
    while not _is_forwarding(plug) and time.monotonic() < deadline:
        time.sleep(0.02)
    ip("link", "set", plug.device, "address", plug.mac, namespace=plug.namespace)


def _is_forwarding(plug: Plug) -> bool:
    shown = ip_json("-details", "link", "show", "dev", plug.interface, namespace=FABRIC_NS)
    return any(
        link.get("linkinfo", {}).get("info_slave_data", {}).get("state") == "forwarding"
        for link in shown
    )


def _plug_in(plug: Plug) -> None:
    peer = f"name {plug.device} netns {plug.namespace} address {plug.mac} mtu {plug.mtu}"
    ip_batch(
        [
            f"link add {plug.interface} mtu {plug.mtu} type veth peer {peer}",
            f"link set {plug.interface} master {plug.bridge} up",
        ],
        FABRIC_NS,
    )


def _correct(kernel: Kernel, plug: Plug, ends: tuple[Device, Device], say: Progress) -> bool:
    outer, inner = ends
    if (outer.master, outer.mtu, outer.up) != (plug.bridge, plug.mtu, True):
        line = f"link set {plug.interface} master {plug.bridge} mtu {plug.mtu} up"
        ip_batch([line], FABRIC_NS)
    rules = kernel.vip_rules(plug.namespace) if plug.vips else frozenset()
    changes = [*changed(plug, inner)]
    changes += missing_routes(plug, kernel.routes(plug.namespace), rules)
    if changes:
        ip_batch(changes, plug.namespace)
        kernel.forget(plug.namespace)
        say(f"{plug.namespace}: {'; '.join(changes)}")
    return bool(changes)


def changed(plug: Plug, device: Device) -> Iterator[str]:
    """`ip` commands that give the device its MAC, MTU and addresses; it comes up last."""
    if (device.mac, device.mtu) != (plug.mac, plug.mtu):
        yield f"link set {plug.device} address {plug.mac} mtu {plug.mtu}"
    wanted = [str(address) for address in plug.addresses]
    for address in sorted(device.addresses.difference(wanted)):
        yield f"address delete {address} dev {plug.device}"
    for address in wanted:
        if address not in device.addresses:
            yield f"address add {address} dev {plug.device}"
    if not device.up:
        yield f"link set {plug.device} up"


def missing_routes(plug: Plug, routes: frozenset[Route], rules: frozenset[str]) -> Iterator[str]:
    """`ip` commands for the default route, and for the VIPs' own way out.

    As in an amphora: what answers for the VIP must not leave by a member's device.
    """
    if plug.gateway and ("default", str(plug.gateway), plug.device, "main") not in routes:
        yield f"route replace default via {plug.gateway} dev {plug.device}"
    if not plug.vips:
        return
    link = str(plug.addresses[0].network)
    if (link, None, plug.device, VIP_TABLE) not in routes:
        yield f"route replace {link} dev {plug.device} table {VIP_TABLE}"
    way_out = ("default", str(plug.vip_gateway), plug.device, VIP_TABLE)
    if plug.vip_gateway and way_out not in routes:
        yield f"route replace default via {plug.vip_gateway} dev {plug.device} table {VIP_TABLE}"
    for vip in plug.vips:
        if str(vip) not in rules:
            yield f"rule add from {vip} lookup {VIP_TABLE}"


def ensure_router_routes(routes: Iterable[tuple[IPv4Network, IPv4Address]], say: Progress) -> None:
    """Have the routers' extra routes, and no others of that mark."""
    shown = ip_json("-4", "route", "show", "proto", ROUTE_MARK, namespace=ROUTER_NS)
    there = {(str(IPv4Network(route["dst"])), route.get("gateway")) for route in shown}
    wanted = {(str(destination), str(hop)) for destination, hop in routes}
    for destination, hop in sorted(there - wanted):
        ip_batch([f"route delete {destination} via {hop} proto {ROUTE_MARK}"], ROUTER_NS)
        say(f"router: route {destination} via {hop} removed")
    for destination, hop in sorted(wanted - there):
        ip_batch([f"route add {destination} via {hop} proto {ROUTE_MARK}"], ROUTER_NS)
        say(f"router: route {destination} via {hop} made")
