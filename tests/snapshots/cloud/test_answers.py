"""What a cloud answers is read as it is, or refused: nothing malformed is absent or empty."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.cloud_answers import PROJECT, answer
from worlds.memory_cloud import MemoryCloud

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.snapshots.cloud.answered import Answer
from kuryr_runbook.snapshots.cloud.answers import PARSERS, member_of
from kuryr_runbook.snapshots.cloud.state import FIELDS, KINDS, LISTS, NOT_ASKED, read_cloud
from kuryr_runbook.snapshots.reading import Unreadable, attempted, known

WHOLE: dict[str, dict[str, Any]] = {
    "network": answer("network", id="n"),
    "subnet": answer(
        "subnet", id="s", gateway_ip="10.9.0.1",
        allocation_pools=[{"start": "10.9.0.2", "end": "10.9.0.9"}],
    ),
    "router": answer("router", id="r", external_gateway_info={"network_id": "n"}),
    "port": answer(
        "port", id="p", fixed_ips=[{"subnet_id": "s", "ip_address": "10.9.0.2"}],
        allowed_address_pairs=[{"ip_address": "10.9.0.3", "mac_address": "FA:16:3E:00:00:01"}],
        security_groups=["g"], trunk_details={"trunk_id": "t"},
    ),
    "security_group": answer("security_group", id="g"),
    "security_group_rule": answer(
        "security_group_rule", id="r", security_group_id="g", direction="ingress",
        ethertype="IPv4", remote_ip_prefix="10.0.0.0/8", protocol="tcp", port_range_min=1,
        port_range_max=2,
    ),
    "trunk": answer(
        "trunk", id="t", port_id="p",
        sub_ports=[{"port_id": "q", "segmentation_type": "vlan", "segmentation_id": 7}],
    ),
    "floatingip": answer("floatingip", id="f", port_id="p", fixed_ip_address="10.9.0.2"),
    "loadbalancer": answer("loadbalancer", id="l", vip_port_id="p"),
    "listener": answer("listener", id="i", loadbalancers=[{"id": "l"}], default_pool_id="o"),
    "pool": answer("pool", id="o", loadbalancers=[{"id": "l"}], listeners=[{"id": "i"}]),
    "member": answer("member", id="m"),
}  # fmt: skip
MAY_BE_HIDDEN = {
    "description", "mtu", "router:external", "port_security_enabled", "security_groups",
    "allowed_address_pairs", "tags", "trunk_details", "stateful", "healthmonitor_id",
    "session_persistence",
    "allowed_cidrs", "connection_limit", "timeout_client_data", "timeout_member_data", "weight",
    "backup", "provider",
}  # fmt: skip
"""What an extension that is not there, an old version or a policy keeps from being shown."""
NOT_READ = {"project_id", "name"}
"""Of some kinds; of a rule, for example, neither is asked for."""
WRONG = st.one_of(
    st.integers(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=4),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=4)), max_size=2),
    st.dictionaries(st.text(max_size=4), st.none() | st.integers(), max_size=2),
    st.none(),
)  # fmt: skip


def read(kind: str, fields: object) -> Any:
    assert isinstance(fields, dict)
    parse = member_of if kind == "member" else PARSERS[kind]
    return parse(Answer(kind, fields))


def asked(kind: str) -> list[str]:
    return [name for name in FIELDS.get(kind) or WHOLE[kind] if name in WHOLE[kind]]


@pytest.mark.parametrize("kind", WHOLE)
def test_what_an_api_answers_is_read(kind: str) -> None:
    assert asdict(read(kind, WHOLE[kind]))["id"] == WHOLE[kind]["id"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [(kind, field) for kind in WHOLE for field in asked(kind) if field not in MAY_BE_HIDDEN],
)
def test_a_field_that_is_not_there_is_never_read_as_empty(kind: str, field: str) -> None:
    fields = {name: value for name, value in WHOLE[kind].items() if name != field}
    if kind in ("listener", "pool", "member") and field in NOT_READ - {"name"}:
        return
    with pytest.raises(AccessError, match=f"{field} of {kind} .* is missing"):
        read(kind, fields)


@given(st.data(), st.sampled_from(sorted(WHOLE)), WRONG)
def test_a_malformed_field_is_refused_or_read_as_what_it_is(
    data: st.DataObject, kind: str, value: Any
) -> None:
    field = data.draw(st.sampled_from(asked(kind)))
    before = read(kind, WHOLE[kind])
    try:
        found = read(kind, WHOLE[kind] | {field: value})
    except AccessError:
        return
    # It was read: so it has the type that the field has, or is null, or is not looked at.
    assert {type(one) for one in asdict(found).values()} <= {
        type(None), *(type(one) for one in asdict(before).values()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("port", "fixed_ips", None),
        ("port", "fixed_ips", [None]),
        ("port", "fixed_ips", [{"subnet_id": "s", "ip_address": "10.9"}]),
        ("port", "device_owner", 3),
        ("port", "description", 3),
        ("subnet", "cidr", "10.9.0.0/33"),
        ("security_group_rule", "remote_ip_prefix", "anywhere"),
        ("security_group_rule", "remote_group_id", ""),
        ("loadbalancer", "vip_address", "10.2"),
        ("loadbalancer", "admin_state_up", "true"),
        ("listener", "loadbalancers", [{}]),
        ("trunk", "sub_ports", [{"port_id": None}]),
        ("router", "external_gateway_info", []),
    ],
)
def test_what_decides_about_a_deletion_is_refused(kind: str, field: str, value: Any) -> None:
    with pytest.raises(AccessError, match="malformed"):
        read(kind, WHOLE[kind] | {field: value})


class Garbled(MemoryCloud):
    """Answers with something else in the place of one port."""

    def list_resources(self, kind: str, **how: Any) -> list[Any]:
        return [None] if kind == "port" else super().list_resources(kind, **how)


def test_who_changes_something_gets_an_error_and_who_looks_the_rest() -> None:
    with pytest.raises(AccessError, match="a port is None"):
        read_cloud(Garbled(), PROJECT)
    state = read_cloud(Garbled(), PROJECT, attempt=attempted)
    assert isinstance(state.ports, Unreadable)
    assert state.subnets == ()


def test_what_nobody_asked_for_is_not_empty() -> None:
    state = read_cloud(MemoryCloud(), PROJECT, kinds=("subnet",))
    assert state.subnets == ()
    others = [LISTS[kind] for kind in FIELDS if kind != "subnet"]
    assert {getattr(state, name) for name in others} == {NOT_ASKED}
    with pytest.raises(AccessError, match="not read from"):
        known(state.ports)


def test_each_list_is_asked_once_and_members_of_the_named_alone() -> None:
    class Counting(MemoryCloud):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[str] = []

        def list_resources(self, kind: str, **how: Any) -> list[Resource]:
            self.asked.append(kind)
            return super().list_resources(kind, **how)

        def members(self, pool_id: str) -> list[Resource]:
            self.asked.append(pool_id)
            return super().members(pool_id)

    cloud = Counting()
    for name in ("api", "other"):
        balancer = cloud.add("loadbalancer", name=name)
        cloud.add("pool", id=f"pool of {name}", loadbalancers=[{"id": balancer["id"]}])
        cloud.pool_members[f"pool of {name}"] = [answer("member", id=f"m-{name}")]
    state = read_cloud(cloud, PROJECT, pools_of=["api"])
    assert sorted(cloud.asked) == sorted([*KINDS, "pool of api"])
    assert list(known(state.members)) == ["pool of api"]
    assert set(known(read_cloud(cloud, PROJECT, pools_of=None).members)) == {
        "pool of api", "pool of other",
    }  # fmt: skip
