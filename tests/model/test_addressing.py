"""The address plan."""

from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model import addressing

networks = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False),
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.integers(8, 28),
)


def test_the_original_plan() -> None:
    subnet = IPv4Network("10.2.0.0/24")
    assert addressing.service_gateway(subnet) == IPv4Address("10.2.0.254")
    assert str(addressing.service_pool(subnet)) == "10.2.0.128-10.2.0.253"
    pods = IPv4Network("10.1.0.0/24")
    assert str(addressing.pod_pool(pods, pods[1])) == "10.1.0.2-10.1.0.253"
    assert addressing.api_service_address(IPv4Network("10.2.0.0/25")) == IPv4Address("10.2.0.1")


@given(networks.filter(lambda subnet: subnet.prefixlen >= addressing.WIDEST_SERVICES - 1))
def test_octavia_never_gets_an_address_of_kubernetes(subnet: IPv4Network) -> None:
    lower, _ = subnet.subnets()
    pool = addressing.service_pool(subnet)
    assert list(addressing.service_problems(subnet, lower)) == []
    assert pool.first not in lower
    assert pool.last in subnet
    assert pool.first <= pool.last
    assert addressing.service_gateway(subnet) not in pool
    assert addressing.api_service_address(lower) not in pool


@given(networks, st.booleans())
def test_pods_never_get_the_gateway(subnet: IPv4Network, first: bool) -> None:
    gateway = subnet[1] if first else subnet[-2]
    pool = addressing.pod_pool(subnet, gateway)
    assert gateway not in pool
    assert {pool.first, pool.last} <= set(subnet.hosts()) if subnet.prefixlen > 24 else True
    assert subnet.network_address not in pool
    assert subnet.broadcast_address not in pool


@given(networks, networks)
def test_overlaps_are_symmetric(a: IPv4Network, b: IPv4Network) -> None:
    found = list(addressing.overlaps({"a": a, "b": b}))
    assert bool(found) == a.overlaps(b) == bool(list(addressing.overlaps({"b": b, "a": a})))
