"""The API's load balancer: made whole, fixed where it is ours, never changed where it is not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.planned_cloud import NODES, ovn_site, planned, prepared_cloud, quiet
from worlds.sites import lab_site

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.bodies import plain
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.planning.balancers import TIMEOUTS

HOUR = 3_600_000
"""In milliseconds: no watch of the API lasts longer."""


def test_a_load_balancer_in_error_is_replaced() -> None:
    cloud = prepared_cloud()
    cloud.resources["loadbalancer"][0]["provisioning_status"] = "ERROR"
    [step] = planned(cloud).changes
    assert step.action is Action.REPLACE
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()
    assert len(cloud.resources["loadbalancer"]) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [("ERROR", "is in ERROR, and the runbook did not"), ("ACTIVE", "and has none")],
)
def test_a_load_balancer_of_somebody_else_is_never_changed(status: str, expected: str) -> None:
    cloud = prepared_cloud()
    [balancer] = cloud.resources["loadbalancer"]
    balancer |= {"description": "theirs", "provisioning_status": status}
    [pool] = cloud.pool_members
    cloud.pool_members[pool] = []
    cloud.mutations = 0
    with pytest.raises(DriftError, match=expected):
        planned(cloud)
    assert cloud.mutations == 0


def test_a_new_master_becomes_a_member() -> None:
    cloud = prepared_cloud()
    [pool] = cloud.pool_members
    cloud.pool_members[pool] = []
    [step] = planned(cloud).changes
    assert step.target.kind == "pool_members"
    assert "should be 172.18.0.10:6443 and are none" in step.because


@pytest.mark.parametrize(
    ("gone", "made"),
    [(["listener"], "listener"), (["pool"], "pool"), (["listener", "pool"], "listener")],
)
def test_a_part_of_the_load_balancer_that_is_gone_is_made_again(gone: list[str], made: str) -> None:
    cloud = prepared_cloud()
    for kind in gone:
        cloud.resources[kind].clear()
    [step] = planned(cloud).changes
    assert (step.action, step.target.kind) == (Action.CREATE, made)
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()
    assert len(cloud.resources["loadbalancer"]) == 1


def tree(cloud: MemoryCloud, site: Site) -> dict[str, Any]:
    [step] = [s for s in planned(cloud, site).changes if s.target.kind == "loadbalancer"]
    return dict(plain(step.body))


def test_the_apis_load_balancer_is_such_as_its_provider_can_make() -> None:
    body = tree(cluster_cloud(NODES), ovn_site())
    [listener] = body["listeners"]
    pool = listener["default_pool"]
    assert (body["provider"], listener["protocol"]) == ("ovn", "TCP")
    assert (pool["protocol"], pool["lb_algorithm"]) == ("TCP", "SOURCE_IP_PORT")
    assert not {*TIMEOUTS} & {*listener}
    body = tree(cluster_cloud(NODES), lab_site())
    [listener] = body["listeners"]
    assert "provider" not in body
    assert (listener["protocol"], listener["default_pool"]["lb_algorithm"]) == (
        "HTTPS", "ROUND_ROBIN",
    )  # fmt: skip
    assert {listener[name] for name in TIMEOUTS} == {HOUR}


def test_one_of_another_provider_is_replaced_where_the_runbook_made_it() -> None:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud, ovn_site()), cloud, quiet)
    assert planned(cloud, ovn_site()).changes == ()
    [balancer] = cloud.resources["loadbalancer"]
    balancer["provider"] = "amphora"
    [step] = planned(cloud, ovn_site()).changes
    assert (step.action, step.because) == (
        Action.REPLACE, "its provider is amphora, and the site's is ovn",
    )  # fmt: skip
    assert step.disturbs
    balancer["description"] = "theirs"
    assert planned(cloud, ovn_site()).changes == ()


CHANGED: list[tuple[str, str, Any, str]] = [
    ("loadbalancer", "admin_state_up", False, "admin_state_up: false -> true"),
    ("listener", "admin_state_up", False, "admin_state_up: false -> true"),
    ("listener", "default_pool_id", None, "default_pool_id: absent -> pool-"),
    ("listener", "timeout_client_data", 50_000, "timeout_client_data: 50000 -> 3600000"),
    ("listener", "timeout_member_data", 0, "timeout_member_data: 0 -> 3600000"),
    ("pool", "admin_state_up", False, "admin_state_up: false -> true"),
    ("pool", "lb_algorithm", "SOURCE_IP", "lb_algorithm: SOURCE_IP -> ROUND_ROBIN"),
]


@pytest.mark.parametrize(("kind", "field", "value", "change"), CHANGED)
def test_a_field_that_somebody_changed_is_named_and_changed_back(
    kind: str, field: str, value: Any, change: str
) -> None:
    cloud = prepared_cloud()
    [item] = cloud.resources[kind]
    item[field] = value
    [step] = planned(cloud).changes
    assert (step.action, step.target.kind, step.id) == (Action.UPDATE, kind, item["id"])
    assert str(step.changes[0]).startswith(change)
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


@pytest.mark.parametrize("kind", ["listener", "pool"])
def test_a_protocol_cannot_be_changed_so_the_whole_is_replaced(kind: str) -> None:
    cloud = prepared_cloud()
    cloud.resources[kind][0]["protocol"] = "HTTP"
    [step] = planned(cloud).changes
    assert (step.action, step.because) == (
        Action.REPLACE,
        f"its {kind} has protocol HTTP and should have HTTPS",
    )
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


@pytest.mark.parametrize("change", [{"admin_state_up": False}, {"weight": 0}])
def test_a_member_that_gets_no_requests_is_switched_on_again(change: dict[str, Any]) -> None:
    cloud = prepared_cloud()
    [members] = cloud.pool_members.values()
    members[0] |= change
    [step] = planned(cloud).changes
    assert step.target.kind == "pool_members"
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


def test_what_is_to_be_changed_of_it_is_changed_one_after_the_other() -> None:
    cloud = prepared_cloud()
    for kind in ("loadbalancer", "listener", "pool"):
        cloud.resources[kind][0]["admin_state_up"] = False
    [members] = cloud.pool_members.values()
    members.clear()
    steps = planned(cloud).changes
    assert [step.target.kind for step in steps] == [
        "loadbalancer", "listener", "pool", "pool_members",
    ]  # fmt: skip
    for earlier, later in pairwise(steps):
        assert earlier.target in later.needs


def test_the_pool_is_the_listeners_and_not_the_first_of_the_load_balancer() -> None:
    cloud = prepared_cloud()
    [balancer] = cloud.resources["loadbalancer"]
    other = cloud.add("pool", name="another", loadbalancers=[{"id": balancer["id"]}])
    cloud.pool_members[other["id"]] = []
    cloud.resources["pool"].reverse()
    assert planned(cloud).changes == ()


@pytest.mark.parametrize(
    ("kind", "field", "value", "reported"),
    [
        ("loadbalancer", "admin_state_up", False, "itself switched on (admin_state_up)"),
        ("listener", "admin_state_up", False, "its listener switched on"),
        ("pool", "admin_state_up", False, "its pool switched on"),
        ("listener", "default_pool_id", None, "a listener with a pool at port 443 and has none"),
        ("listener", "protocol", "HTTP", "a listener of protocol HTTPS or TCP and has one of HTTP"),
    ],
)
def test_a_misfit_of_somebody_elses_is_refused_with_what_it_is(
    kind: str, field: str, value: Any, reported: str
) -> None:
    cloud = prepared_cloud()
    cloud.resources["loadbalancer"][0]["description"] = "theirs"
    assert planned(cloud).changes == ()
    cloud.resources["pool"][0]["lb_algorithm"] = "LEAST_CONNECTIONS"
    assert planned(cloud).changes == ()
    cloud.resources[kind][0][field] = value
    with pytest.raises(DriftError) as caught:
        planned(cloud)
    assert reported in str(caught.value)


@pytest.mark.parametrize("site", [lab_site(), ovn_site()], ids=["amphora", "ovn"])
def test_timeouts_that_octavia_does_not_show_or_the_provider_does_not_read_are_left_alone(
    site: Site,
) -> None:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud, site), cloud, quiet)
    [listener] = cloud.resources["listener"]
    listener |= dict.fromkeys(TIMEOUTS, None if site == lab_site() else 50_000)
    assert planned(cloud, site).changes == ()


@pytest.mark.parametrize("missing", TIMEOUTS)
@pytest.mark.parametrize(
    ("milliseconds", "reported"),
    [(50_000, "silent for 50 s"), (HOUR // 2 - 1, "silent for 1800"), (HOUR // 2, ""), (0, "")],
)
def test_somebody_elses_listener_keeps_its_timeouts_and_the_plan_says_so(
    missing: str, milliseconds: int, reported: str
) -> None:
    cloud = prepared_cloud()
    cloud.resources["loadbalancer"][0]["description"] = "theirs"
    cloud.resources["listener"][0][missing] = milliseconds
    plan = planned(cloud)
    assert plan.changes == ()
    [kept] = [step for step in plan.steps if step.target.kind == "loadbalancer"]
    assert ("its listener breaks watches" in kept.because) is bool(reported)
    assert reported in kept.because
