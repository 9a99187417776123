"""The desired topology is a pure function of what the APIs say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from worlds.fabric import NODES, OUTSIDE, ROUTER, SERVICES, cluster, leg, pair, port, states

from kuryr_runbook.lab.fabric.balancing import LoadBalancer
from kuryr_runbook.lab.fabric.parts import ApiState, Plug, Topology
from kuryr_runbook.lab.fabric.state import FixedIp, NetworkState, Router, network_state
from kuryr_runbook.lab.fabric.topology import bridge_name, desired_topology, interface_name
from kuryr_runbook.lab.fabric.translating import render_nat
from kuryr_runbook.lab.settings import INTERNET_NS, ROUTER_NS


def topology(state: NetworkState, *balancers: LoadBalancer) -> Topology:
    return desired_topology(ApiState(network=state, balancers=balancers))


def plugs(state: NetworkState, namespace: str) -> dict[str, Plug]:
    return {p.device: p for p in topology(state).plugs if p.namespace == namespace}


def with_ports(*more: Any) -> NetworkState:
    known = cluster()
    return replace(known, ports=(*known.ports, *more))


def test_each_network_is_a_bridge_with_its_mtu() -> None:
    found = {bridge.name: bridge.mtu for bridge in topology(cluster()).bridges}
    assert found == {bridge_name(NODES): 1442, bridge_name(SERVICES): 1442, "b-33333333-ou": 1500}


def test_a_node_has_its_port_as_ens3_with_mac_address_mtu_and_route() -> None:
    (plug,) = plugs(cluster(), "kr-worker1").values()
    assert (plug.device, plug.mac, plug.mtu) == ("ens3", "fa:16:3e:00:00:0b", 1442)
    assert plug.addresses == (IPv4Interface("172.18.0.11/24"),)
    assert plug.gateway == IPv4Address("172.18.0.1")
    assert plug.bridge == bridge_name(NODES)


def test_an_amphora_has_vip_and_member_devices_in_one_namespace() -> None:
    found = plugs(cluster(), "kr-lb-amphora1")
    vip, member = found["eth0"], found["m-member00-po"]
    assert vip.addresses == (IPv4Interface("10.2.0.130/24"), IPv4Interface("10.2.0.200/32"))
    assert vip.vips == (IPv4Address("10.2.0.200"),)
    assert vip.gateway == vip.vip_gateway == IPv4Address("10.2.0.254")
    assert (member.gateway, member.vips) == (None, ())


def test_the_router_has_a_leg_in_each_subnet_and_floating_ips_on_the_gateways() -> None:
    found = plugs(cluster(), ROUTER_NS)
    outside = found["q-leg-outside"]
    assert sorted(found) == ["q-leg-nodes-p", "q-leg-outside", "q-leg-service"]
    assert outside.gateway == IPv4Address("198.51.100.1")
    assert outside.addresses[1:] == (IPv4Interface("198.51.100.99/32"),)
    assert found["q-leg-nodes-p"].gateway is None


def test_the_internet_has_the_external_networks_gateway() -> None:
    (plug,) = plugs(cluster(), INTERNET_NS).values()
    assert plug.addresses == (IPv4Interface("198.51.100.1/24"),)
    assert plug.bridge == bridge_name(OUTSIDE)


def test_nat_is_for_floating_ips_first_then_for_all_that_leaves() -> None:
    lines = render_nat(topology(cluster()).nats).splitlines()
    assert lines[5:-1] == [
        "-A PREROUTING -d 198.51.100.99/32 -j DNAT --to-destination 172.18.0.11",
        "-A POSTROUTING -s 172.18.0.11/32 -o q-leg-outside -j SNAT --to-source 198.51.100.99",
        "-A POSTROUTING -s 10.2.0.0/24 -o q-leg-outside -j SNAT --to-source 198.51.100.20",
        "-A POSTROUTING -s 10.2.0.0/24 -m conntrack --ctstate DNAT -j SNAT "
        "--to-source 198.51.100.20",
        "-A POSTROUTING -s 172.18.0.0/24 -o q-leg-outside -j SNAT --to-source 198.51.100.20",
        "-A POSTROUTING -s 172.18.0.0/24 -m conntrack --ctstate DNAT -j SNAT "
        "--to-source 198.51.100.20",
    ]


def test_a_router_without_snat_translates_floating_ips_only() -> None:
    state = replace(cluster(), routers=(Router(id=ROUTER, snat=False, routes=()),))
    leaving = [line for line in render_nat(topology(state).nats).splitlines() if " -o q-" in line]
    assert leaving == [
        "-A POSTROUTING -s 172.18.0.11/32 -o q-leg-outside -j SNAT --to-source 198.51.100.99"
    ]


def test_extra_routes_of_all_routers_are_gathered() -> None:
    route = (IPv4Network("10.9.0.0/16"), IPv4Address("172.18.0.12"))
    state = replace(cluster(), routers=(Router(id=ROUTER, snat=True, routes=(route,)),))
    assert topology(state).routes == (route,)


def test_of_two_gateways_one_is_the_namespaces_default_route() -> None:
    known = with_ports(replace(leg("leg-second", OUTSIDE, "198.51.100.21"), device_id="other"))
    routers = (*known.routers, Router(id="other", snat=True, routes=()))
    found = plugs(replace(known, routers=routers), ROUTER_NS)
    assert [p.device for p in found.values() if p.gateway] == ["q-leg-outside"]


def test_ports_that_are_going_are_left_out() -> None:
    nowhere = (FixedIp("gone", IPv4Address("172.18.0.14")),)
    going = port("worker3", NODES, "172.18.0.13", groups=(), fixed_ips=())
    strange = port("worker4", NODES, "172.18.0.14", groups=(), fixed_ips=nowhere)
    orphan = port("worker5", "gone", "172.18.0.15", groups=())
    assert topology(with_ports(going, strange, orphan)) == topology(cluster())


def test_ports_that_no_host_of_the_lab_has_are_not_plugged() -> None:
    pod = port("pod", NODES, "172.18.0.50", device_owner="compute:kuryr", host="")
    assert topology(with_ports(pod)).plugs == topology(cluster()).plugs


def test_unfiltered_ports_are_not_guarded() -> None:
    unfiltered = port("worker3", NODES, "172.18.0.13", filtered=False)
    found = topology(with_ports(unfiltered))
    assert interface_name(unfiltered.id) in {plug.interface for plug in found.plugs}
    assert interface_name(unfiltered.id) not in {guard.interface for guard in found.guards}


def test_a_second_port_of_a_node_is_named_and_not_plugged() -> None:
    second = port("zweiter", NODES, "172.18.0.13", device_id="worker1")
    found = topology(with_ports(second))
    assert found.plugs == topology(cluster()).plugs
    assert found.notes == (
        "port p-zweiter0-po is not plugged: kr-worker1 has p-worker10-po as ens3",
    )


def test_a_load_balancer_is_where_its_vip_is_allowed_on_its_network() -> None:
    balancer = LoadBalancer(
        id="lb", name="web", vip=IPv4Address("10.2.0.200"), network_id=SERVICES, listeners=()
    )
    elsewhere = replace(balancer, id="other", network_id=NODES)
    found = topology(cluster(), balancer, elsewhere).balancers
    assert [(b.namespace, b.load_balancer.id) for b in found] == [("kr-lb-amphora1", "lb")]


def test_an_address_pair_of_a_node_is_not_a_vip() -> None:
    state = with_ports(port("worker3", NODES, "172.18.0.13", pairs=(pair("10.1.0.9/32"),)))
    (plug,) = plugs(state, "kr-worker3").values()
    assert (plug.vips, plug.addresses) == ((), (IPv4Interface("172.18.0.13/24"),))


@given(states(), st.randoms(use_true_random=False))
def test_the_order_of_the_apis_answers_does_not_matter(state: NetworkState, random: Any) -> None:
    shuffled = NetworkState(
        **{
            name: tuple(random.sample(found, len(found)))
            for name in NetworkState.__dataclass_fields__
            if (found := getattr(state, name)) is not None
        }
    )
    assert topology(shuffled) == topology(state)


@given(states())
def test_every_plugged_host_port_with_port_security_is_guarded(state: NetworkState) -> None:
    found = topology(state)
    guarded = {guard.interface for guard in found.guards}
    by_interface = {interface_name(p.id): p for p in state.ports}
    for plug in found.plugs:
        if plug.namespace not in (ROUTER_NS, INTERNET_NS):
            assert (plug.interface in guarded) == by_interface[plug.interface].filtered


@given(states())
def test_no_two_plugs_share_a_name(state: NetworkState) -> None:
    found = topology(state).plugs
    assert len({plug.interface for plug in found}) == len(found)
    assert len({(plug.namespace, plug.device) for plug in found}) == len(found)
    assert all(len(name) <= 15 for plug in found for name in (plug.interface, plug.device))


ANSWERS: dict[str, list[dict[str, Any]]] = {
    "networks": [{"id": NODES, "mtu": 1442}],
    "subnets": [
        {
            "id": "s4",
            "network_id": NODES,
            "ip_version": 4,
            "cidr": "172.18.0.0/24",
            "gateway_ip": None,
        },
        {
            "id": "s6",
            "network_id": NODES,
            "ip_version": 6,
            "cidr": "fd00::/64",
            "gateway_ip": "fd00::1",
        },
    ],
    "ports": [
        {
            "id": "p",
            "name": "worker1",
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
            "security_groups": ["b", "a"],
            "port_security_enabled": True,
            "binding:host_id": "lab",
        }
    ],
    "security_groups": [
        {
            "id": "a",
            "security_group_rules": [
                {
                    "id": "r4",
                    "security_group_id": "a",
                    "ethertype": "IPv4",
                    "direction": "ingress",
                    "protocol": "any",
                    "port_range_min": None,
                    "port_range_max": None,
                    "remote_ip_prefix": "10.2.0.7/24",
                    "remote_group_id": None,
                    "remote_address_group_id": None,
                },
                {"id": "r6", "ethertype": "IPv6"},
            ],
        }
    ],
    "routers": [{"id": "r", "external_gateway_info": None, "routes": None}],
    "floatingips": [
        {
            "floating_ip_address": "198.51.100.5",
            "fixed_ip_address": None,
            "router_id": None,
            "port_id": None,
        }
    ],
}


def test_what_is_of_ipv6_or_unused_is_left_out_of_the_answers() -> None:
    state = network_state(ANSWERS)
    (only,) = state.ports
    assert [s.id for s in state.subnets] == ["s4"]
    assert only.fixed_ips == (FixedIp("s4", IPv4Address("172.18.0.11")),)
    assert only.pairs == (pair("10.1.0.0/24", "fa:16:3e:00:00:02"),)
    assert only.groups == ("a", "b")
    assert [r.id for r in state.rules] == ["r4"]
    assert state.rules[0].protocol is None
    assert state.rules[0].remote_prefix == IPv4Network("10.2.0.0/24")
    assert state.floating_ips == ()
    assert state.routers == (Router(id="r", snat=True, routes=()),)
