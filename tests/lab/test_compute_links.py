"""Plugs: the difference between what kernel and switch have and what is wanted."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

from kuryr_runbook.lab.compute.links import (
    VIP_TABLE,
    Device,
    changed,
    missing_routes,
    parse_devices,
)
from kuryr_runbook.lab.compute.parts import Plug
from kuryr_runbook.lab.compute.switch import SwitchPort, parse_interfaces

PLUG = Plug(
    port_id="1",
    interface="p-1",
    namespace="kr-lb-1",
    device="eth0",
    mac="fa:16:3e:00:00:01",
    mtu=1442,
    addresses=(IPv4Interface("10.2.0.130/24"), IPv4Interface("10.2.0.200/32")),
    gateway=IPv4Address("10.2.0.254"),
    vips=(IPv4Address("10.2.0.200"),),
    vip_gateway=IPv4Address("10.2.0.254"),
)
DEVICE = Device(
    name="eth0",
    index=2,
    peer=7,
    mac="fa:16:3e:00:00:01",
    mtu=1442,
    up=True,
    addresses=frozenset(("10.2.0.130/24", "10.2.0.200/32")),
)
ROUTES = frozenset(
    {
        ("default", "10.2.0.254", "eth0", "main"),
        ("default", "10.2.0.254", "eth0", VIP_TABLE),
        ("10.2.0.0/24", None, "eth0", VIP_TABLE),
    }
)


def test_what_is_as_wanted_is_left_alone() -> None:
    assert list(changed(PLUG, DEVICE)) == []
    assert list(missing_routes(PLUG, ROUTES, frozenset({"10.2.0.200"}))) == []


def test_a_new_device_gets_its_addresses_before_it_comes_up() -> None:
    fresh = replace(DEVICE, up=False, addresses=frozenset())
    assert list(changed(PLUG, fresh)) == [
        "address add 10.2.0.130/24 dev eth0",
        "address add 10.2.0.200/32 dev eth0",
        "link set eth0 up",
    ]


def test_addresses_that_are_not_wanted_go() -> None:
    device = replace(DEVICE, addresses=DEVICE.addresses | {"10.9.9.9/32"})
    assert list(changed(PLUG, device)) == ["address delete 10.9.9.9/32 dev eth0"]


def test_mac_and_mtu_are_corrected() -> None:
    device = replace(DEVICE, mtu=1500)
    assert list(changed(PLUG, device)) == ["link set eth0 address fa:16:3e:00:00:01 mtu 1442"]


def test_a_vip_gets_a_way_out_of_its_own() -> None:
    assert list(missing_routes(PLUG, frozenset(), frozenset())) == [
        "route replace default via 10.2.0.254 dev eth0",
        f"route replace 10.2.0.0/24 dev eth0 table {VIP_TABLE}",
        f"route replace default via 10.2.0.254 dev eth0 table {VIP_TABLE}",
        f"rule add from 10.2.0.200 lookup {VIP_TABLE}",
    ]


def test_without_a_gateway_there_is_no_route() -> None:
    plain = replace(PLUG, gateway=None, vips=(), vip_gateway=None)
    assert list(missing_routes(plain, frozenset(), frozenset())) == []


def test_devices_are_read_from_ips_json() -> None:
    shown = {
        "ifindex": 2,
        "link_index": 7,
        "ifname": "eth0",
        "flags": ["BROADCAST", "UP", "LOWER_UP"],
        "mtu": 1442,
        "address": "fa:16:3e:00:00:01",
        "addr_info": [
            {"family": "inet", "local": "10.2.0.130", "prefixlen": 24},
            {"family": "inet", "local": "10.2.0.200", "prefixlen": 32},
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
        ],
    }
    assert parse_devices([shown]) == {"eth0": DEVICE}


def test_interfaces_are_read_from_ovs_vsctls_json() -> None:
    """One that works, one whose device went, one that the switch has not looked at, a bridge."""
    shown = {
        "data": [
            ["p-1", 3, ["map", [["iface-id", "1"], ["iface-status", "active"]]]],
            ["p-2", -1, ["map", [["iface-id", "2"]]]],
            ["p-3", ["set", []], ["map", []]],
            ["br-int", 65534, ["map", []]],
        ],
        "headings": ["name", "ofport", "external_ids"],
    }
    assert parse_interfaces(shown) == {
        "p-1": SwitchPort("1", works=True),
        "p-2": SwitchPort("2", works=False),
        "p-3": SwitchPort("", works=False),
        "br-int": SwitchPort("", works=True),
    }
