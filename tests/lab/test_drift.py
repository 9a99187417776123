"""What somebody changed of the runbook's own resources is named, and changed back by real APIs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.openstack_prep import OpenStackPrep

pytestmark = pytest.mark.lab

Changed = list[tuple[str, str, list[str]]]


@pytest.fixture
def phase(kuryr: Site) -> Iterator[OpenStackPrep]:
    """Phase 02, which has nothing to do before, nor afterwards."""
    phase = OpenStackPrep(kuryr)
    assert phase.make_plan().changes == ()
    yield phase
    phase.plan()
    phase.apply()
    assert phase.make_plan().changes == ()


def changed(phase: OpenStackPrep) -> Changed:
    return [
        (step.action, step.target.kind, [change.field for change in step.changes])
        for step in phase.make_plan().changes
    ]


@pytest.fixture
def balancer(kuryr: Site, cloud: OpenStackClient) -> Resource:
    [found] = cloud.list_resources("loadbalancer", name=kuryr.network.api_load_balancer)
    return found


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("loadbalancer", {"admin_state_up": False}, ["admin_state_up"]),
        ("listener", {"admin_state_up": False}, ["admin_state_up"]),
        ("listener", {"default_pool_id": None}, ["default_pool_id"]),
        ("listener", {"timeout_client_data": 50_000}, ["timeout_client_data"]),
        ("pool", {"lb_algorithm": "SOURCE_IP"}, ["lb_algorithm"]),
    ],
)
def test_a_change_of_the_apis_load_balancer_is_named_and_taken_back(
    phase: OpenStackPrep,
    cloud: OpenStackClient,
    balancer: dict[str, Any],
    kind: str,
    body: dict[str, Any],
    told: list[str],
) -> None:
    parts = {"loadbalancer": balancer, "listener": balancer["listeners"][0]}
    item = {**parts, "pool": balancer["pools"][0]}[kind]
    cloud.update(kind, item["id"], body)
    cloud.wait_active(balancer["id"], lambda line: None)
    assert changed(phase) == [(Action.UPDATE, kind, told)]


def test_a_member_that_was_switched_off_serves_again(
    phase: OpenStackPrep, cloud: OpenStackClient, balancer: dict[str, Any]
) -> None:
    pool = balancer["pools"][0]["id"]
    off = [
        {**{key: member[key] for key in ("address", "protocol_port", "subnet_id")}, "weight": 0}
        for member in cloud.members(pool)
    ]
    cloud.replace_members(pool, off)
    cloud.wait_active(balancer["id"], lambda line: None)
    assert changed(phase) == [(Action.UPDATE, "pool_members", ["members"])]


def test_a_group_of_ours_gets_its_rule_for_egress_back(
    phase: OpenStackPrep, kuryr: Site, cloud: OpenStackClient
) -> None:
    [group] = cloud.list_resources("security_group", name=kuryr.network.pod_security_group)
    of_group = {"security_group_id": group["id"], "direction": "egress", "ethertype": "IPv4"}
    [rule] = cloud.list_resources("security_group_rule", **of_group)
    cloud.delete("security_group_rule", rule["id"])
    [step] = phase.make_plan().changes
    assert (step.action, step.target.name) == (
        Action.CREATE,
        f"{kuryr.network.pod_security_group}: all traffic to anywhere",
    )
