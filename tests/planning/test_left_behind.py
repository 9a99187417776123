"""What a changed site leaves behind: named once, in an order that works, and only if it is ours."""

from __future__ import annotations

import pytest
from worlds.memory_cluster import CLUSTER_ID
from worlds.planned_cloud import planned, prepared_cloud, quiet, removed
from worlds.sites import lab_site

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import LeftBehind, Plan

RENAMED = {"kuryr-pod-sg": "new-pods"}
MOVED = {"kuryr-pod-subnet": "new-pod-subnet", "10.1.0.0/24": "10.64.0.0/24"}


def shown(left: tuple[LeftBehind, ...]) -> list[str]:
    return [str(item.target) for item in left]


def changed_plan(**changes: str) -> Plan:
    return planned(prepared_cloud(), lab_site(**changes))


def test_an_unchanged_site_leaves_nothing_behind() -> None:
    cloud = prepared_cloud()
    assert planned(cloud).left == ()
    assert planned(cloud).changes == ()


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        (RENAMED, ["security_group kuryr-pod-sg"]),
        (MOVED, ["router_interface kuryr-pod-subnet", "subnet kuryr-pod-subnet"]),
    ],
)
def test_what_has_a_new_name_is_left_behind_under_the_old_one(
    changes: dict[str, str], left: list[str]
) -> None:
    plan = changed_plan(**changes)
    assert shown(plan.left) == left
    assert not {item.id for item in plan.left} & {step.id for step in plan.steps}


def test_it_is_still_named_once_the_new_site_is_installed() -> None:
    cloud, site = prepared_cloud(), lab_site(**MOVED)
    before = planned(cloud, site)
    apply_openstack(before, cloud, quiet)
    after = planned(cloud, site)
    assert (after.changes, after.left) == ((), before.left)


def test_in_that_order_it_can_be_removed_and_then_nothing_is_left() -> None:
    cloud, site = prepared_cloud(), lab_site(**MOVED, **RENAMED)
    apply_openstack(planned(cloud, site), cloud, quiet)
    for item in planned(cloud, site).left:
        kind = "port" if item.target.kind == "router_interface" else item.target.kind
        cloud.delete(kind, item.id)
    assert planned(cloud, site).left == ()
    assert planned(cloud, site).changes == ()


def test_teardown_takes_all_of_it() -> None:
    cloud, site = prepared_cloud(), lab_site(**MOVED, **RENAMED)
    left = planned(cloud, site).left
    assert {item.id for item in left} <= {step.id for step in removed(cloud, site).steps}


def test_rules_in_somebody_elses_group_are_left_behind_with_it() -> None:
    cloud = prepared_cloud()
    cloud.add("security_group", name="other-nodes")
    plan = planned(cloud, lab_site(**{"k8s-node-sg": "other-nodes"}))
    assert {item.target.kind for item in plan.left} == {"security_group_rule"}
    assert all(it.remedy == f"openstack security group rule delete {it.id}" for it in plan.left)


def test_another_cluster_in_the_project_is_not_ours_to_name() -> None:
    cloud = prepared_cloud()
    for mark in ("", owner_mark("lab", "another-cluster"), owner_mark("other", CLUSTER_ID)):
        cloud.add("security_group", name="their-pods", description=mark)
        cloud.add("network", name="their-network", description=mark)
    assert planned(cloud).left == ()


def test_a_group_says_who_has_to_leave_it_first() -> None:
    cloud = prepared_cloud()
    [group] = [it for it in cloud.resources["security_group"] if it["name"] == "kuryr-pod-sg"]
    for number in range(2):
        cloud.add("port", name=f"web-{number}", device_owner="compute:kuryr",
                  security_groups=[group["id"]])  # fmt: skip
    for number in range(5):
        cloud.add("port", name=f"vm{number}", device_owner="compute:nova",
                  security_groups=[group["id"]])  # fmt: skip
    [left] = planned(cloud, lab_site(**RENAMED)).left
    assert left.remedy == (
        f"replace the pods of its 2 ports; then "
        f"openstack port unset --security-group {group['id']} PORT, for vm0, vm1, vm2 and 2 more; "
        f"then openstack security group delete {group['id']}"
    )


def test_a_subnet_comes_after_the_interface_of_its_router() -> None:
    cloud = prepared_cloud()
    plan = planned(cloud, lab_site(**MOVED))
    interface, subnet = plan.left
    assert "replace" not in interface.remedy
    [router] = [it["id"] for it in cloud.resources["router"]]
    assert interface.remedy == f"openstack router remove subnet {router} {subnet.id}"
    assert subnet.remedy == f"openstack subnet delete {subnet.id}"
