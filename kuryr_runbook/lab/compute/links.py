"""Plugs: compares what kernel and switch have with what is wanted, and makes the difference.

Both are read each time, so a restarted agent adopts what is there, and restores what somebody
removed by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.lab.compute.machines import INTERFACE_PREFIX
from kuryr_runbook.lab.compute.parts import Plug
from kuryr_runbook.lab.compute.switch import Switch
from kuryr_runbook.lab.network.kernel import finish_checksums, ip, ip_batch, ip_json
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import HYPERVISOR_NS
from kuryr_runbook.model.errors import LabError

VIP_TABLE = "101"
"""Routing table of an amphora's VIP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A network device in the kernel."""

    name: str
    index: int
    peer: int | None
    """Index of the other end in that end's namespace."""
    mac: str
    mtu: int
    up: bool
    addresses: frozenset[str]


def parse_devices(shown: Iterable[Mapping[str, Any]]) -> dict[str, Device]:
    """Devices by name, from the output of `ip -json address show`."""
    return {
        link["ifname"]: Device(
            name=link["ifname"],
            index=link["ifindex"],
            peer=link.get("link_index"),
            mac=link.get("address", ""),
            mtu=link["mtu"],
            up="UP" in link["flags"],
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
    """Devices and routes of the namespaces, read on demand and cached until `forget`."""

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
        """Source addresses for which the VIP's table is used."""
        if namespace not in self._rules:
            shown = ip_json("-4", "rule", "show", namespace=namespace)
            self._rules[namespace] = frozenset(
                rule["src"] for rule in shown if rule.get("table") == VIP_TABLE
            )
        return self._rules[namespace]

    def forget(self, *namespaces: str) -> None:
        """Read these again next time, since something was changed there."""
        for namespace in namespaces:
            for known in (self._devices, self._routes, self._rules):
                known.pop(namespace, None)


def _table(route: Mapping[str, Any]) -> str:
    return str(route.get("table", "main"))


def remove_stale(kernel: Kernel, switch: Switch, plugs: Iterable[Plug], say: Progress) -> None:
    """Remove plugs that are not wanted."""
    wanted = {plug.interface for plug in plugs}
    there = {*kernel.devices(HYPERVISOR_NS), *switch.ports()}
    for name in sorted(there - wanted):
        if name.startswith(INTERFACE_PREFIX):
            _unplug(kernel, switch, name)
            say(f"port {name} removed")


def ensure_plug(kernel: Kernel, switch: Switch, plug: Plug, say: Progress) -> None:
    """Make the plug with its addresses and routes. LabError when its device is not the lab's."""
    outer = kernel.devices(HYPERVISOR_NS).get(plug.interface)
    inner = kernel.devices(plug.namespace).get(plug.device)
    fresh = outer is None or inner is None or outer.peer != inner.index or inner.peer != outer.index
    if fresh:
        if outer is not None:
            _unplug(kernel, switch, plug.interface)
        elif inner is not None:
            raise LabError(
                f"port {plug.interface} is not plugged: {plug.namespace} has a device "
                f"{plug.device} that is not the lab's",
                remedy=f"ip -n {plug.namespace} link delete {plug.device}",
            )
        _make_ends(plug)
        kernel.forget(HYPERVISOR_NS, plug.namespace)
    _correct(kernel, plug, say)
    if fresh or not switch.has(plug.interface, plug.port_id):
        finish_checksums(plug.namespace, plug.device)
        # Last, so that a port is complete once OVN reports it as up, even if this is interrupted.
        switch.attach(plug.interface, plug.port_id, plug.mac)
        held = ", ".join(map(str, plug.addresses))
        say(f"port {plug.interface} plugged: {plug.namespace} {plug.device} {plug.mac} {held}")


def ensure_tap(kernel: Kernel, switch: Switch, plug: Plug, say: Progress) -> None:
    """Make the end of a virtual machine's plug; it stays when the machine is off."""
    outer = kernel.devices(HYPERVISOR_NS).get(plug.interface)
    if outer is None:
        ip("tuntap", "add", "dev", plug.interface, "mode", "tap", namespace=HYPERVISOR_NS)
    if outer is None or (outer.mtu, outer.up) != (plug.mtu, True):
        ip_batch([f"link set {plug.interface} mtu {plug.mtu} up"], HYPERVISOR_NS)
        kernel.forget(HYPERVISOR_NS)
    if outer is None or not switch.has(plug.interface, plug.port_id):
        switch.attach(plug.interface, plug.port_id, plug.mac)
        say(f"port {plug.interface} plugged: a tap for {plug.mac}")


def announce(plug: Plug) -> None:
    """Announce the addresses to the neighbours and to OVN.

    The kernel does so when a device comes up (arp_notify), but the switch may not know the port yet
    at that time. It does so again when the MAC is set, even to the same value.
    """
    ip("link", "set", plug.device, "address", plug.mac, namespace=plug.namespace)


def _unplug(kernel: Kernel, switch: Switch, interface: str) -> None:
    switch.remove(interface)
    if interface in kernel.devices(HYPERVISOR_NS):
        ip("link", "delete", interface, namespace=HYPERVISOR_NS)
    kernel.forget(HYPERVISOR_NS)


def _make_ends(plug: Plug) -> None:
    peer = f"name {plug.device} netns {plug.namespace} address {plug.mac} mtu {plug.mtu}"
    ip_batch(
        [
            f"link add {plug.interface} mtu {plug.mtu} type veth peer {peer}",
            f"link set {plug.interface} up",
        ],
        HYPERVISOR_NS,
    )


def _correct(kernel: Kernel, plug: Plug, say: Progress) -> None:
    outer = kernel.devices(HYPERVISOR_NS)[plug.interface]
    inner = kernel.devices(plug.namespace)[plug.device]
    if (outer.mtu, outer.up) != (plug.mtu, True):
        ip_batch([f"link set {plug.interface} mtu {plug.mtu} up"], HYPERVISOR_NS)
        kernel.forget(HYPERVISOR_NS)
    rules = kernel.vip_rules(plug.namespace) if plug.vips else frozenset()
    changes = [*changed(plug, inner)]
    changes += missing_routes(plug, kernel.routes(plug.namespace), rules)
    if changes:
        ip_batch(changes, plug.namespace)
        kernel.forget(plug.namespace)
        say(f"{plug.namespace}: {'; '.join(changes)}")


def changed(plug: Plug, device: Device) -> Iterator[str]:
    """`ip` commands that set the device's MAC, MTU and addresses, and bring it up last."""
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
    """`ip` commands for the default route, and for the VIPs' own route.

    As in an amphora, answers from the VIP must not leave through a member's device.
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
