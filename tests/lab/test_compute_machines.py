"""What the hypervisor is to have is a pure function of what the APIs say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worlds.machines import NODES, SERVICES, cluster, port, states

from kuryr_runbook.lab.compute.balancing import LoadBalancer
from kuryr_runbook.lab.compute.machines import desired_machines
from kuryr_runbook.lab.compute.parts import Plug
from kuryr_runbook.lab.compute.state import CloudState, FixedIp, ports, subnets


def plugs(state: CloudState, namespace: str) -> dict[str, Plug]:
    return {p.device: p for p in desired_machines(state).plugs if p.namespace == namespace}


def with_ports(*more: Any) -> CloudState:
    known = cluster()
    return replace(known, ports=(*known.ports, *more))


def test_a_node_has_its_port_as_ens3_with_mac_address_mtu_and_route() -> None:
    (plug,) = plugs(cluster(), "kr-worker1").values()
    assert (plug.device, plug.mac, plug.mtu) == ("ens3", "fa:16:3e:00:00:0b", 1442)
    assert plug.addresses == (IPv4Interface("172.18.0.11/24"),)
    assert plug.gateway == IPv4Address("172.18.0.1")
    assert plug.port_id == "worker10-port"


def test_the_port_of_a_virtual_machine_is_a_tap() -> None:
    found = desired_machines(cluster(), ["worker1"]).plugs
    assert {plug.namespace for plug in found if plug.virtual} == {"kr-worker1"}


def test_an_amphora_has_vip_and_member_devices_in_one_namespace() -> None:
    found = plugs(cluster(), "kr-lb-amphora1")
    vip, member = found["eth0"], found["m-member00-po"]
    assert vip.addresses == (IPv4Interface("10.2.0.130/24"), IPv4Interface("10.2.0.200/32"))
    assert vip.vips == (IPv4Address("10.2.0.200"),)
    assert vip.gateway == vip.vip_gateway == IPv4Address("10.2.0.254")
    assert (member.gateway, member.vips) == (None, ())


def test_ports_that_are_going_are_left_out() -> None:
    nowhere = (FixedIp("gone", IPv4Address("172.18.0.14")),)
    going = port("worker3", NODES, "172.18.0.13", fixed_ips=())
    strange = port("worker4", NODES, "172.18.0.14", fixed_ips=nowhere)
    orphan = port("worker5", "gone", "172.18.0.15")
    state = with_ports(going, strange, orphan)
    assert desired_machines(state) == desired_machines(cluster())


def test_ports_that_are_not_the_hypervisors_are_not_plugged() -> None:
    pod = port("pod", NODES, "172.18.0.50", device_owner="compute:kuryr", host="")
    elsewhere = port("worker3", NODES, "172.18.0.51", host="another")
    assert desired_machines(with_ports(pod, elsewhere)) == desired_machines(cluster())


def test_a_second_port_of_a_node_is_named_and_not_plugged() -> None:
    second = port("zweiter", NODES, "172.18.0.13", device_id="worker1")
    found = desired_machines(with_ports(second))
    assert found.plugs == desired_machines(cluster()).plugs
    assert found.notes == (
        "port p-zweiter0-po is not plugged: kr-worker1 has p-worker10-po as ens3",
    )


def test_a_load_balancer_is_where_its_vip_is_allowed_on_its_network() -> None:
    balancer = LoadBalancer(
        id="lb", name="web", vip=IPv4Address("10.2.0.200"), network_id=SERVICES, listeners=()
    )
    elsewhere = replace(balancer, id="other", network_id=NODES)
    found = desired_machines(replace(cluster(), balancers=(balancer, elsewhere))).balancers
    assert [(b.namespace, b.load_balancer.id) for b in found] == [("kr-lb-amphora1", "lb")]


def test_an_address_pair_of_a_node_is_not_a_vip() -> None:
    pairs = (IPv4Network("10.1.0.9/32"),)
    (plug,) = plugs(
        with_ports(port("worker3", NODES, "172.18.0.13", pairs=pairs)), "kr-worker3"
    ).values()
    assert (plug.vips, plug.addresses) == ((), (IPv4Interface("172.18.0.13/24"),))


@given(states(), st.randoms(use_true_random=False))
def test_the_order_of_the_apis_answers_does_not_matter(state: CloudState, random: Any) -> None:
    shuffled = CloudState(
        **{
            name: tuple(random.sample(found, len(found)))
            for name in CloudState.__dataclass_fields__
            if (found := getattr(state, name)) is not None
        }
    )
    assert desired_machines(shuffled) == desired_machines(state)


@given(states())
def test_no_two_plugs_share_a_name(state: CloudState) -> None:
    found = desired_machines(state).plugs
    assert len({plug.interface for plug in found}) == len(found)
    assert len({(plug.namespace, plug.device) for plug in found}) == len(found)
    assert all(len(name) <= 15 for plug in found for name in (plug.interface, plug.device))


SUBNETS: list[dict[str, Any]] = [
    {"id": "s4", "ip_version": 4, "cidr": "172.18.0.0/24", "gateway_ip": None},
    {"id": "s6", "ip_version": 6, "cidr": "fd00::/64", "gateway_ip": "fd00::1"},
]
PORT: dict[str, Any] = {
    "id": "p",
    "network_id": NODES,
    "mac_address": "fa:16:3e:00:00:01",
    "device_id": "worker1",
    "device_owner": "compute:lab",
    "fixed_ips": [
        {"subnet_id": "s4", "ip_address": "172.18.0.11"},
        {"subnet_id": "s6", "ip_address": "fd00::11"},
    ],
    "allowed_address_pairs": [
        {"mac_address": "fa:16:3e:00:00:02", "ip_address": "10.1.0.0/24"},
        {"mac_address": "fa:16:3e:00:00:02", "ip_address": "fd01::1"},
    ],
    "binding:host_id": "lab",
}


def test_what_is_of_ipv6_is_left_out_of_the_answers() -> None:
    assert [s.id for s in subnets(SUBNETS)] == ["s4"]
    (only,) = ports([PORT])
    assert only.fixed_ips == (FixedIp("s4", IPv4Address("172.18.0.11")),)
    assert only.pairs == (IPv4Network("10.1.0.0/24"),)


def test_a_port_that_is_bound_nowhere_has_no_host() -> None:
    (only,) = ports([PORT | {"binding:host_id": None}])
    assert only.host == ""
