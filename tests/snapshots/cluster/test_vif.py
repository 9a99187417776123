"""The annotation in which Kuryr's controller describes a pod's interface."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawing import json_values

from kuryr_runbook.snapshots.cluster.vif import Malformed, PodVif, parse_kuryr_port, parse_vif


def versioned(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "versioned_object.name": name,
        "versioned_object.namespace": "os_vif",
        "versioned_object.version": "1.0",
        "versioned_object.data": fields,
    }


def annotation(**changes: Any) -> dict[str, Any]:
    """As Stein writes it for a nested-macvlan pod."""
    ip = versioned("FixedIP", address="10.1.0.78")
    subnet = versioned(
        "Subnet",
        cidr="10.1.0.0/24",
        gateway="10.1.0.1",
        ips=versioned("FixedIPList", objects=[ip]),
    )
    network = versioned(
        "Network", mtu=1450, subnets=versioned("SubnetList", objects=[subnet]), id="n"
    )
    fields = {
        "id": "3c1c6b0e-8a6c-4f7c-9c1a-0d3b4e5f6a7b",
        "address": "FA:16:3E:0A:0B:0C",
        "active": True,
        "vif_name": "tap3c1c6b0e-8a",
        "network": network,
        **changes,
    }
    vif = versioned("VIFMacvlanNested", **fields)
    return versioned("PodState", default_vif=vif, additional_vifs={})


def test_port_mac_and_address_are_found() -> None:
    assert parse_vif(json.dumps(annotation())) == PodVif(
        port_id="3c1c6b0e-8a6c-4f7c-9c1a-0d3b4e5f6a7b",
        mac="fa:16:3e:0a:0b:0c",
        addresses=("10.1.0.78",),
        active=True,
    )


@pytest.mark.parametrize("active", [False, None, "true", 1])
def test_only_true_is_active(active: object) -> None:
    vif = parse_vif(json.dumps(annotation(active=active)))
    assert isinstance(vif, PodVif)
    assert not vif.active


@pytest.mark.parametrize(
    "text",
    ["", "{}", "null", "[]", '"x"', "{", '{"versioned_object.data": null}', "[" * 100_000],
)
def test_what_is_not_kuryrs_is_reported(text: str) -> None:
    assert isinstance(parse_vif(text), Malformed)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(parse_vif(text), Malformed | PodVif)


JSON = json_values("versioned_object.data", "objects", "ips", "address")


@given(st.sampled_from(["id", "address", "active", "network"]), JSON)
def test_no_field_of_another_kind_makes_it_raise(field: str, value: object) -> None:
    found = parse_vif(json.dumps(annotation(**{field: value})))
    assert isinstance(found, Malformed | PodVif)


def test_a_kuryr_port_holds_the_same_interface() -> None:
    state = annotation()
    vif = state["versioned_object.data"]["default_vif"]
    expected = parse_vif(json.dumps(state))
    assert parse_kuryr_port({"vifs": {"eth0": {"default": True, "vif": vif}}}) == expected
    assert parse_kuryr_port({"vifs": {"eth0": {"vif": vif}, "eth1": {}}}) == expected


@pytest.mark.parametrize("status", [None, {}, {"vifs": None}, {"vifs": {}}, "none"])
def test_a_kuryr_port_without_an_interface_has_none(status: object) -> None:
    assert parse_kuryr_port(status) is None


@given(json_values("vifs", "eth0", "vif", "default"))
def test_no_status_of_a_kuryr_port_raises(status: object) -> None:
    found = parse_kuryr_port({"vifs": status})
    assert found is None or isinstance(found, Malformed)
