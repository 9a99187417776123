"""API states for the tests of the compute agent: one as a cluster has it, and any at all."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from hypothesis import strategies as st

from kuryr_runbook.lab.compute.state import CloudState, FixedIp, Network, Port, Subnet
from kuryr_runbook.lab.settings import AMPHORA_OWNER, CHASSIS, NODE_OWNER

NODES, SERVICES = "11111111-nodes", "22222222-services"


def port(name: str, network: str, address: str, **changes: Any) -> Port:
    fields: dict[str, Any] = {
        "id": f"{name:0<8}-port",
        "network_id": network,
        "mac": f"fa:16:3e:00:00:{int(address.rpartition('.')[2]):02x}",
        "device_id": name,
        "device_owner": NODE_OWNER,
        "host": CHASSIS,
        "fixed_ips": (FixedIp(f"{network}-subnet", IPv4Address(address)),),
        "pairs": (),
    }
    return Port(**{**fields, **changes})


def subnet(network: str, cidr: str, gateway: str) -> Subnet:
    return Subnet(id=f"{network}-subnet", cidr=IPv4Network(cidr), gateway=IPv4Address(gateway))


def cluster() -> CloudState:
    """Two nodes, and an amphora with a member's device."""
    amphora = {"device_id": "amphora1-id", "device_owner": AMPHORA_OWNER}
    vip = (IPv4Network("10.2.0.200/32"),)
    return CloudState(
        networks=(Network(id=NODES, mtu=1442), Network(id=SERVICES, mtu=1442)),
        subnets=(
            subnet(NODES, "172.18.0.0/24", "172.18.0.1"),
            subnet(SERVICES, "10.2.0.0/24", "10.2.0.254"),
        ),
        ports=(
            port("worker1", NODES, "172.18.0.11", pairs=(IPv4Network("10.1.0.7/32"),)),
            port("worker2", NODES, "172.18.0.12"),
            port("vrrp", SERVICES, "10.2.0.130", pairs=vip, **amphora),
            port("member", NODES, "172.18.0.40", **amphora),
        ),
    )


addresses = st.integers(1, 254).map(lambda last: IPv4Address(f"172.18.0.{last}"))
prefixes = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    addresses,
    st.sampled_from((0, 8, 24, 28, 32)),
)
macs = st.integers(0, 255).map(lambda last: f"fa:16:3e:00:01:{last:02x}")


@st.composite
def ports(draw: st.DrawFn) -> Port:
    """Any port on the nodes' network; one without addresses is being deleted."""
    held = draw(st.lists(addresses, max_size=2, unique=True))
    return port(
        "any",
        NODES,
        "172.18.0.2",
        id=draw(st.uuids().map(str)),
        mac=draw(macs),
        device_id=draw(st.sampled_from(("worker1", "worker2", "amphora1-id", ""))),
        device_owner=draw(st.sampled_from((NODE_OWNER, AMPHORA_OWNER, "compute:kuryr", ""))),
        host=draw(st.sampled_from((CHASSIS, "elsewhere", ""))),
        fixed_ips=tuple(FixedIp(f"{NODES}-subnet", address) for address in held),
        pairs=tuple(draw(st.lists(prefixes, max_size=3))),
    )


@st.composite
def states(draw: st.DrawFn) -> CloudState:
    """The cluster with any further ports."""
    known = cluster()
    return CloudState(
        networks=known.networks,
        subnets=known.subnets,
        ports=(*known.ports, *draw(st.lists(ports(), max_size=5))),
    )
