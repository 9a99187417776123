"""API states for the tests of the fabric: one as a cluster has it, and any at all."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import strategies as st

from kuryr_runbook.lab.fabric.filtering import PROTOCOLS
from kuryr_runbook.lab.fabric.state import (
    AddressPair,
    FixedIp,
    FloatingIp,
    Network,
    NetworkState,
    Port,
    Router,
    Rule,
    Subnet,
)
from kuryr_runbook.lab.settings import AMPHORA_HOST, EXTERNAL_GATEWAY, NODE_HOST, NODE_OWNER

NODES, SERVICES, OUTSIDE = "11111111-nodes", "22222222-services", "33333333-outside"
ROUTER = "router"


def port(name: str, network: str, address: str, **changes: Any) -> Port:
    fields: dict[str, Any] = {
        "id": f"{name:0<8}-port",
        "name": name,
        "network_id": network,
        "mac": f"fa:16:3e:00:00:{int(address.rpartition('.')[2]):02x}",
        "device_id": name,
        "device_owner": NODE_OWNER,
        "host": NODE_HOST,
        "fixed_ips": (FixedIp(f"{network}-subnet", IPv4Address(address)),),
        "pairs": (),
        "groups": ("nodes",),
        "filtered": True,
    }
    return Port(**{**fields, **changes})


def pair(address: str, mac: str = "fa:16:3e:99:00:01") -> AddressPair:
    return AddressPair(mac, IPv4Network(address))


def rule(direction: str = "ingress", **changes: Any) -> Rule:
    fields: dict[str, Any] = {
        "id": "rule",
        "group_id": "nodes",
        "direction": direction,
        "protocol": None,
        "port_min": None,
        "port_max": None,
        "remote_prefix": None,
        "remote_group": None,
        "remote_address_group": None,
    }
    return Rule(**{**fields, **changes})


def subnet(network: str, cidr: str, gateway: str) -> Subnet:
    return Subnet(
        id=f"{network}-subnet",
        network_id=network,
        cidr=IPv4Network(cidr),
        gateway=IPv4Address(gateway),
    )


def leg(name: str, network: str, address: str) -> Port:
    owner = "network:router_gateway" if network == OUTSIDE else "network:router_interface"
    plain = {"host": "", "filtered": False, "groups": ()}
    return port(name, network, address, device_id=ROUTER, device_owner=owner, **plain)


def cluster() -> NetworkState:
    """Two nodes, a router with a gateway and a floating IP, an amphora with a member's device."""
    amphora = {"device_id": "amphora1-id", "host": AMPHORA_HOST, "groups": ("lb",)}
    return NetworkState(
        networks=(
            Network(id=NODES, mtu=1442),
            Network(id=SERVICES, mtu=1442),
            Network(id=OUTSIDE, mtu=1500),
        ),
        subnets=(
            subnet(NODES, "172.18.0.0/24", "172.18.0.1"),
            subnet(SERVICES, "10.2.0.0/24", "10.2.0.254"),
            subnet(OUTSIDE, "198.51.100.0/24", str(EXTERNAL_GATEWAY)),
        ),
        ports=(
            port("worker1", NODES, "172.18.0.11", pairs=(pair("10.1.0.7/32"),)),
            port("worker2", NODES, "172.18.0.12"),
            leg("leg-nodes", NODES, "172.18.0.1"),
            leg("leg-services", SERVICES, "10.2.0.254"),
            leg("leg-outside", OUTSIDE, "198.51.100.20"),
            port("vrrp", SERVICES, "10.2.0.130", pairs=(pair("10.2.0.200/32"),), **amphora),
            port("member", NODES, "172.18.0.40", **amphora),
        ),
        rules=(rule("egress"), rule(remote_group="nodes", id="among")),
        routers=(Router(id=ROUTER, snat=True, routes=()),),
        floating_ips=(
            FloatingIp(
                address=IPv4Address("198.51.100.99"),
                fixed_address=IPv4Address("172.18.0.11"),
                router_id=ROUTER,
            ),
        ),
    )


GROUPS = ("nodes", "pods", "lb")
addresses = st.integers(1, 254).map(lambda last: IPv4Address(f"172.18.0.{last}"))
prefixes = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    addresses,
    st.sampled_from((0, 8, 24, 28, 32)),
)
macs = st.integers(0, 255).map(lambda last: f"fa:16:3e:00:01:{last:02x}")
numbers = st.integers(0, 255).map(str)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that Neutron takes."""
    protocol = draw(st.none() | st.sampled_from(sorted(PROTOCOLS)) | numbers)
    low, high = sorted(draw(st.tuples(st.integers(1, 65535), st.integers(1, 65535))))
    if protocol == "icmp":
        low, high = low % 256, high % 256
    if draw(st.booleans()):
        high = low
    ranged = protocol in ("tcp", "udp", "sctp", "icmp") and draw(st.booleans())
    remote = draw(st.sampled_from(("any", "prefix", "group", "address group")))
    return rule(
        draw(st.sampled_from(("ingress", "egress"))),
        id=draw(st.uuids().map(str)),
        group_id=draw(st.sampled_from(GROUPS)),
        protocol=protocol,
        port_min=low if ranged else None,
        port_max=high if ranged else None,
        remote_prefix=draw(prefixes) if remote == "prefix" else None,
        remote_group=draw(st.sampled_from(GROUPS)) if remote == "group" else None,
        remote_address_group="addresses" if remote == "address group" else None,
    )


@st.composite
def ports(draw: st.DrawFn) -> Port:
    """Any port on the nodes' network; one without addresses is being deleted."""
    held = draw(st.lists(addresses, max_size=2, unique=True))
    pairs = draw(st.lists(st.builds(AddressPair, macs, prefixes), max_size=3))
    return port(
        "any",
        NODES,
        "172.18.0.2",
        id=draw(st.uuids().map(str)),
        mac=draw(macs),
        device_id=draw(st.sampled_from(("worker1", "worker2", "amphora1-id", ""))),
        device_owner=draw(st.sampled_from((NODE_OWNER, "compute:kuryr", ""))),
        host=draw(st.sampled_from((NODE_HOST, AMPHORA_HOST, ""))),
        fixed_ips=tuple(FixedIp(f"{NODES}-subnet", address) for address in held),
        pairs=tuple(pairs),
        groups=tuple(draw(st.lists(st.sampled_from(GROUPS), unique=True))),
        filtered=draw(st.booleans()),
    )


@st.composite
def states(draw: st.DrawFn) -> NetworkState:
    """The cluster with any further ports and rules."""
    known = cluster()
    return NetworkState(
        networks=known.networks,
        subnets=known.subnets,
        ports=(*known.ports, *draw(st.lists(ports(), max_size=5))),
        rules=(*known.rules, *draw(st.lists(rules(), max_size=6))),
        routers=known.routers,
        floating_ips=known.floating_ips,
    )
