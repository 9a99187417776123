"""Whatever a cloud holds: phase 02 comes to what the site wants, or refuses and says why."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from memory_cloud import MemoryCloud, cluster_cloud
from memory_cluster import CLUSTER_ID
from planned_cloud import (
    NODES,
    OWNER,
    planned,
    quiet,
    removed,
    with_an_application,
    with_another_cluster,
    with_pairs,
    with_pods,
)

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Action, Plan

MADE = ("network", "subnet", "port", "security_group", "security_group_rule", "loadbalancer",
        "listener", "pool")  # fmt: skip
FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("subnet", "enable_dhcp", True),
    ("subnet", "cidr", "192.0.2.0/24"),
    ("subnet", "allocation_pools", [{"start": "10.2.0.3", "end": "10.2.0.9"}]),
    ("network", "mtu", 1280),
    ("network", "port_security_enabled", False),
    ("network", "router:external", False),
    ("router", "external_gateway_info", None),
    ("port", "security_groups", []),
    ("port", "port_security_enabled", False),
    ("security_group_rule", "remote_ip_prefix", "203.0.113.0/24"),
    ("loadbalancer", "provisioning_status", "ERROR"),
    ("loadbalancer", "provisioning_status", "PENDING_UPDATE"),
    ("loadbalancer", "admin_state_up", False),
    ("listener", "admin_state_up", False),
    ("listener", "default_pool_id", None),
    ("listener", "protocol", "HTTP"),
    ("pool", "protocol", "HTTP"),
    ("pool", "lb_algorithm", "SOURCE_IP"),
)


def planned_unless_refused(cloud: MemoryCloud) -> Plan:
    mutations = cloud.mutations
    try:
        return planned(cloud)
    except DriftError:
        assume(cloud.mutations != mutations)
        raise


def prepared() -> MemoryCloud:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud), cloud, quiet)
    return cloud


@st.composite
def clouds(draw: st.DrawFn) -> MemoryCloud:
    """A prepared cloud after people were there: things gone, changed, disowned and added."""
    cloud = prepared() if draw(st.booleans()) else cluster_cloud(NODES)
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(MADE))
        items = cloud.resources[kind]
        if items:
            cloud.delete(kind, draw(st.sampled_from(items))["id"])
    for kind, field, value in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        for item in cloud.resources[kind]:
            if draw(st.booleans()):
                item[field] = copy.deepcopy(value)
    for kind in draw(st.lists(st.sampled_from(MADE), max_size=2)):
        for item in cloud.resources[kind]:
            item["description"] = "somebody else's"
    for group in list(cloud.resources["security_group"]):
        rule = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
        for owner in draw(st.lists(st.sampled_from((OWNER, "somebody else's")), max_size=2)):
            prefix = draw(st.sampled_from(("10.2.0.0/24", "0.0.0.0/0", "198.51.100.0/24")))
            cloud.add("security_group_rule", **rule, remote_ip_prefix=prefix, description=owner)
    return cloud


def unowned(cloud: MemoryCloud) -> dict[str, str]:
    return {
        item["id"]: kind
        for kind, items in cloud.resources.items()
        for item in items
        if item["description"] != OWNER
    }


@given(clouds())
def test_it_comes_to_what_is_wanted_or_refuses_and_nothing_unowned_goes(cloud: MemoryCloud) -> None:
    theirs = unowned(cloud)
    plan = planned_unless_refused(cloud)
    assert planned(cloud) == plan
    going = {step.id for step in plan.steps if step.action in (Action.DELETE, Action.REPLACE)}
    assert not going & theirs.keys()
    apply_openstack(plan, cloud, quiet)
    assert planned(cloud).changes == ()
    # Parts of a load balancer of ours that is replaced bear no mark of their own.
    left = unowned(cloud).keys() | {i for i, kind in theirs.items() if kind in ("pool", "listener")}
    assert theirs.keys() - left <= {i for i, kind in theirs.items() if kind == "port"}


@given(clouds())
def test_teardown_takes_nothing_unowned_but_what_kuryr_made(cloud: MemoryCloud) -> None:
    theirs = unowned(cloud)
    plan = removed(cloud)
    ours = {step.id for step in plan.steps if step.target.kind != "router_interface"}
    deleted = {step.id for step in plan.steps if step.action is Action.DELETE}
    assert not (deleted & ours) & theirs.keys()


OTHERS = (owner_mark("lab", "another"), owner_mark("other", CLUSTER_ID), "", "by hand")
"""How the resources of another cluster in the same project are described."""


@given(st.sampled_from(((), ("openstack",))), st.sampled_from(OTHERS), st.randoms())
def test_teardown_leaves_neighbours_that_look_like_ours_as_they_are(
    keep: tuple[str, ...], owner: str, random: Any
) -> None:
    cloud = prepared()
    with_pods(cloud)
    with_pairs(cloud)
    plan, ours = removed(cloud, keep=keep), by_id(cloud)
    with_an_application(cloud)
    with_another_cluster(cloud, owner)
    theirs = {key: item for key, item in by_id(cloud).items() if key not in ours}
    for items in cloud.resources.values():
        random.shuffle(items)
    assert what(removed(cloud, keep=keep)) == what(plan)
    apply_openstack(plan, cloud, quiet)
    assert {key: item for key, item in by_id(cloud).items() if key in theirs} == theirs
    assert removed(cloud, keep=keep).changes == ()


def by_id(cloud: MemoryCloud) -> dict[str, Any]:
    return {it["id"]: copy.deepcopy(it) for of in cloud.resources.values() for it in of}


@given(clouds(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_cloud_lists_does_not_matter(cloud: MemoryCloud, random: Any) -> None:
    plan, removal = planned_unless_refused(cloud), removed(cloud)
    for items in cloud.resources.values():
        random.shuffle(items)
    assert what(planned(cloud)) == what(plan)
    assert what(removed(cloud)) == what(removal)


def what(plan: Plan) -> list[str]:
    return [f"{step.action} {step.target} {step.id}" for step in plan.steps]
