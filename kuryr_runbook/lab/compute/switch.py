"""Ports of the integration bridge, each tied to its Neutron port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.lab.ovn.programs import sbctl, vsctl
from kuryr_runbook.lab.settings import INTEGRATION_BRIDGE, LabSettings

_LIST = ("--format=json", "--data=json")


@dataclass(frozen=True, slots=True)
class SwitchPort:
    """An interface in Open vSwitch."""

    port_id: str
    """The Neutron port that OVN identifies it with."""
    works: bool
    """Whether the switch found the device."""


class Switch:
    """The integration bridge, read on demand and cached until something is changed."""

    def __init__(self, settings: LabSettings) -> None:
        self._settings = settings
        self._ports: dict[str, SwitchPort] | None = None

    def ports(self) -> Mapping[str, SwitchPort]:
        """Interfaces by name, including those of the bridges themselves."""
        if self._ports is None:
            columns = "--columns=name,ofport,external_ids"
            shown = vsctl(self._settings, *_LIST, columns, "list", "Interface")
            self._ports = parse_interfaces(json.loads(shown))
        return self._ports

    def has(self, interface: str, port_id: str) -> bool:
        """Whether the interface exists, works, and belongs to that port."""
        return self.ports().get(interface) == SwitchPort(port_id, works=True)

    def attach(self, interface: str, port_id: str, mac: str) -> None:
        """Put the interface on the bridge for the port.

        If it is already there, it is removed first, since the switch would keep using the old
        device even if a new one has replaced it.
        """
        if interface in self.ports():
            self.remove(interface)
        ids = {"iface-id": port_id, "attached-mac": mac, "iface-status": "active"}
        vsctl(
            self._settings,
            *("add-port", INTEGRATION_BRIDGE, interface, "--", "set", "Interface", interface),
            *(f'external_ids:{key}="{value}"' for key, value in ids.items()),
        )
        self._ports = None

    def remove(self, interface: str) -> None:
        """Remove the interface from the bridge."""
        vsctl(self._settings, "--if-exists", "del-port", INTEGRATION_BRIDGE, interface)
        self._ports = None


def parse_interfaces(shown: Mapping[str, Any]) -> dict[str, SwitchPort]:
    """Interfaces by name, from `ovs-vsctl --format=json list Interface`."""
    found = {}
    for name, ofport, ids in shown["data"]:
        number = ofport if isinstance(ofport, int) else -1  # an empty set: not looked at yet
        found[name] = SwitchPort(dict(ids[1]).get("iface-id", ""), works=number > 0)
    return found


def claimed_by(settings: LabSettings) -> frozenset[str]:
    """The ports (Neutron ids) that OVN has seen using the address of a virtual port.

    A load balancer's VIP is a virtual port: OVN sends nothing to it until its amphora has announced
    the address.
    """
    columns = "--columns=virtual_parent"
    shown = json.loads(sbctl(settings, *_LIST, columns, "find", "Port_Binding", "type=virtual"))
    return frozenset(parent for (parent,) in shown["data"] if isinstance(parent, str))
