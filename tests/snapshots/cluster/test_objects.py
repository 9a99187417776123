"""Objects of a cluster: what is not as it should be is an error, or empty."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawing import json_values
from worlds.objects import service, waiting_pod

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.snapshots.cluster.deployed import load_balancing_of, program_of
from kuryr_runbook.snapshots.cluster.kuryr_objects import kuryr_object_of
from kuryr_runbook.snapshots.cluster.objects import (
    endpoints_of,
    node_of,
    pod_of,
    service_of,
    warning_of,
)
from kuryr_runbook.snapshots.parsing import address


@given(json_values(), st.text(max_size=20))
def test_no_json_makes_a_reader_fall_over(value: Any, text: str) -> None:
    manifest = {"kind": "K", "metadata": {"name": "n"}, "spec": value, "status": value}
    for read in (node_of, pod_of, service_of, program_of, endpoints_of, kuryr_object_of):
        for item in (manifest, {"metadata": value, "subsets": value}):
            with suppress(AccessError):
                read(item)
    warning_of(manifest)
    load_balancing_of([text])


def test_ports_of_a_service_are_tcp_unless_they_say_otherwise() -> None:
    ports = [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}]
    assert service_of(service("web", ports=ports)).ports == (
        ServicePort(name="", protocol="TCP", port=80),
        ServicePort(name="dns", protocol="UDP", port=53),
    )


@pytest.mark.parametrize("port", ["80", None, 80.5, True, {}])
def test_a_port_that_is_no_number_is_an_error_and_never_left_out(port: object) -> None:
    with pytest.raises(AccessError, match="a port of Service web should be a whole number"):
        service_of(service("web", ports=[{"port": port}]))
    subsets = [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": port}]}]
    with pytest.raises(AccessError, match="a port of Endpoints web"):
        endpoints_of({"kind": "Endpoints", "metadata": {"name": "web"}, "subsets": subsets})


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": 7}])
def test_an_object_without_a_name_is_an_error(metadata: object) -> None:
    with pytest.raises(AccessError, match="a Pod has no name"):
        pod_of({**waiting_pod("web"), "metadata": metadata})


def test_a_pod_in_its_nodes_network_is_none_of_kuryrs() -> None:
    assert pod_of({**waiting_pod("agent"), "spec": {"hostNetwork": True}}) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10.096.000.011", "10.96.0.11"),
        ("10.0.0.0", "10.0.0.0"),
        ("FD00:0:0::10", "fd00::10"),
        ("10.0.0.300", "10.0.0.300"),
        ("None", "None"),
        ("", ""),
        (7, ""),
    ],
)
def test_an_address_is_read_as_everybody_else_writes_it(written: object, read: str) -> None:
    assert address({"ip": written}, "ip") == read
