"""Which interface of the nodes is proposed, from the names of all or from a look at each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.planning.draft_interfaces import VIRTUAL, link_iface
from kuryr_runbook.snapshots.cluster.interfaces import NodeInterfaces
from kuryr_runbook.snapshots.reading import Unreadable

NO = Unreadable("it may not look")


def node(name: str, *names: str, own: str = "") -> NodeInterfaces:
    return NodeInterfaces(node=name, names=names, own=own)


@pytest.mark.parametrize(
    ("seen", "value", "because"),
    [
        ((node("a", "lo", "ens3", "veth12ab"), node("b", "ens3", "docker0")), "ens3", "all 2"),
        ((node("a", "eth0", "eth1"), node("b", "eth0")), "eth0", "all 2 nodes"),
        ((node("a", "eth0", "eth1"), node("b", "eth0", "eth1")), None, "have eth0, eth1: init --"),
        ((node("a", "ens3"), node("b", "ens4")), None, "no interface that all nodes have"),
        ((node("a", "eth0", "eth1", own="eth1"), node("b", own="eth1")), "eth1", "each of 2"),
        ((node("a", own="eth0"), node("b", own="eth1")), None, "a: eth0, b: eth1"),
        ((node("a", "eth0", own="eth0"), node("b", "eth0")), "eth0", "all 2 nodes"),
        ((node("a", "ens3"), NodeInterfaces(node="b", names=NO)), None, "it may not look"),
        ((), None, "no nodes"),
        (NO, None, "it may not look"),
    ],
)
def test_the_nodes_interface_is_found_or_said_why_not(
    seen: tuple[NodeInterfaces, ...] | Unreadable, value: str | None, because: str
) -> None:
    found = link_iface(seen)
    assert found.value == value
    assert because in found.because


@pytest.mark.parametrize("name", ["eth0", "ens3", "enp0s3", "enx0123", "bond0", "eno1", "p4p1"])
def test_a_machines_own_interfaces_are_kept(name: str) -> None:
    assert not VIRTUAL.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["lo", "veth1a2b", "docker0", "br-int", "br0", "cni0", "flannel.1", "cali12", "ovs-system",
     "genev_sys_6081", "kube-ipvs0", "eth0.100", "tunl0", "nodelocaldns", "tap1"],
)  # fmt: skip
def test_those_of_programs_are_not(name: str) -> None:
    assert VIRTUAL.fullmatch(name)


@given(st.lists(st.lists(st.sampled_from(["eth0", "eth1", "lo", "veth0"]), min_size=1)))
def test_what_is_proposed_is_on_every_node(names: list[list[str]]) -> None:
    seen = tuple(node(str(number), *each) for number, each in enumerate(names))
    value = link_iface(seen).value
    assert value is None or all(value in each for each in names)
