"""What a probe's pods say by their status: pulled or not, and which interface is the node's."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.snapshots.cluster.node_probes import (
    Probed,
    is_settled,
    own_interface,
    probed,
    read_images,
)
from kuryr_runbook.snapshots.reading import Unreadable

ROUTES = "ens3 00000000 00000000\nens3 000012AC 0000FFFF\neth1 0000A8C0 0000FFFF\n"
ADDRESS = "172.18.0.89"


def ended(said: str, code: int = 0) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": "Completed", "message": said}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def pod(phase: str = "Running", message: str = "", **states: dict[str, Any]) -> dict[str, Any]:
    return {
        "spec": {"containers": [{"name": name} for name in ("pull", "look") if name in states]},
        "status": {
            "phase": phase,
            "message": message,
            "containerStatuses": [{"name": n, "state": state} for n, state in states.items()],
        },
    }


ERROR = waiting("ErrImagePull", "x509: certificate signed by unknown authority")


@pytest.mark.parametrize(
    ("seen", "pull", "own"),
    [
        (pod(pull=ended(ROUTES)), "", "ens3"),
        (pod(pull=ERROR), "x509: certificate signed by unknown authority", None),
        (pod(pull=ERROR, look=ended(ROUTES)), "x509: certificate signed by unknown authority",
         "ens3"),
        (pod(pull=waiting("ImagePullBackOff")), "ImagePullBackOff", None),
        (pod(pull=waiting("RunContainerError", "no sh"), look=ended(ROUTES)), "", "ens3"),
        (pod(pull=ended("", code=127)), "", None),
        (pod(look=ended(ROUTES)), None, "ens3"),
        (pod("Failed", "Node didn't have enough resource: pods"), None, None),
        (pod(pull=waiting("ContainerCreating")), None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_pull_and_interface_are_read_from_the_status(
    seen: dict[str, Any] | None, pull: str | None, own: str | None
) -> None:
    found = probed("worker1", ADDRESS, seen)
    assert isinstance(found.pull, Unreadable) if pull is None else found.pull == pull
    assert isinstance(found.own, Unreadable) if own is None else found.own == own


def test_a_silent_node_is_named_and_a_refusal_is_quoted() -> None:
    assert "kubelet of node worker1 did not" in str(probed("worker1", ADDRESS, None).pull)
    refused = pod("Failed", "Node didn't have enough resource: pods")
    assert probed("worker1", ADDRESS, refused).pull == Unreadable(
        "Node didn't have enough resource: pods"
    )


@pytest.mark.parametrize(
    ("seen", "settled"),
    [
        (pod(pull=ended(""), look=ended("")), True),
        (pod(pull=ERROR, look=ended("")), True),
        (pod(pull=ERROR, look=waiting("ContainerCreating")), False),
        (pod(pull=waiting("PodInitializing")), False),
        (pod("Failed"), True),
        ({"spec": {"containers": [{"name": "pull"}]}}, False),
    ],
)
def test_a_pod_is_settled_once_all_of_it_is(seen: dict[str, Any], settled: bool) -> None:
    assert is_settled(seen) == settled


@pytest.mark.parametrize(
    ("address", "interface"),
    [("172.18.0.89", "ens3"), ("192.168.3.4", "eth1"), ("10.0.0.1", "ens3")],
)
def test_the_network_of_the_address_decides_then_the_default_route(
    address: str, interface: str
) -> None:
    assert own_interface(ROUTES, address) == interface


@pytest.mark.parametrize(
    ("routes", "address"),
    [("", ADDRESS), (ROUTES, ""), ("ens3 xx yy", ADDRESS), ("ens3", ADDRESS), (ROUTES, "fd00::1")],
)
def test_what_cannot_be_read_is_no_interface(routes: str, address: str) -> None:
    assert isinstance(own_interface(routes, address), Unreadable)


@given(st.text(), st.text())
def test_nothing_that_is_written_raises(routes: str, address: str) -> None:
    own_interface(routes, address)


@given(st.integers(1, 32), st.integers(0, 2**32 - 1))
def test_the_narrowest_network_wins(prefix: int, number: int) -> None:
    def line(name: str, net: IPv4Network) -> str:
        words = (bytes(it.packed[::-1]).hex().upper() for it in (net.network_address, net.netmask))
        return " ".join([name, *words])

    address = IPv4Address(number)
    narrow = IPv4Network((number, prefix), strict=False)
    routes = "\n".join(
        [line("a", narrow.supernet()), line("b", narrow), line("c", narrow.supernet())]
    )
    assert own_interface(routes, str(address)) == "b"


def test_images_are_read_by_node() -> None:
    class Cluster:
        def list_objects(self, *where: str) -> list[dict[str, Any]]:
            images = [{"names": ["r/a:1", "r/a@sha256:0"]}, {"names": ["r/b:2"]}, {"sizeBytes": 1}]
            return [
                {"metadata": {"name": "w1"}, "status": {"images": images}},
                {"metadata": {"name": "w2"}, "status": {}},
            ]

    assert read_images(Cluster()) == {"w1": ("r/a:1", "r/a@sha256:0", "r/b:2"), "w2": ()}  # type: ignore[arg-type]


def test_answers_are_compared_as_values() -> None:
    assert Probed(node="a", pull="", own="x") == Probed(node="a", pull="", own="x")
