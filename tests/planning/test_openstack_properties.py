"""Whatever a cloud holds: phase 02 comes to what the site wants, or refuses and says why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import CLUSTER_ID
from worlds.planned_cloud import (
    NODES,
    OWNER,
    ovn_site,
    planned,
    prepared_cloud,
    quiet,
    removed,
    with_an_application,
    with_another_cluster,
    with_pairs,
    with_pods,
)
from worlds.sites import lab_site
from worlds.writing import copied

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Action, Plan
from kuryr_runbook.model.site import Site

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
    ("listener", "timeout_client_data", 50_000),
    ("listener", "timeout_member_data", 0),
    ("listener", "protocol", "HTTP"),
    ("pool", "protocol", "HTTP"),
    ("pool", "lb_algorithm", "SOURCE_IP"),
)


SITES = {
    "macvlan": lab_site(),
    "ovn": ovn_site(),
    "vlan": lab_site(VifDriver.NESTED_VLAN),
    "neutron-vif": lab_site(VifDriver.NEUTRON_VIF),
    "other ranges": lab_site(**{"10.1.0.0/24": "10.64.0.0/16", "10.2.0.": "10.80.4."}),
}


@dataclass(frozen=True, slots=True)
class World:
    """A site, and the cloud that it is about."""

    site: Site
    cloud: MemoryCloud

    def planned(self) -> Plan:
        return planned(self.cloud, self.site)

    def planned_unless_refused(self) -> Plan:
        mutations = self.cloud.mutations
        try:
            return self.planned()
        except DriftError:
            assume(self.cloud.mutations != mutations)
            raise

    def removed(self) -> Plan:
        return removed(self.cloud, self.site)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A prepared cloud after people were there: things gone, changed, disowned and added."""
    site = SITES[draw(st.sampled_from([*SITES]))]
    cloud = prepared_cloud(site) if draw(st.booleans()) else cluster_cloud(NODES)
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(MADE))
        items = cloud.resources[kind]
        if items:
            cloud.delete(kind, draw(st.sampled_from(items))["id"])
    for kind, field, value in draw(st.lists(st.sampled_from(FIELDS), max_size=3)):
        for item in cloud.resources[kind]:
            if draw(st.booleans()):
                item[field] = copied(value)
    for kind in draw(st.lists(st.sampled_from(MADE), max_size=2)):
        for item in cloud.resources[kind]:
            item["description"] = "somebody else's"
    for group in list(cloud.resources["security_group"]):
        rule = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
        for owner in draw(st.lists(st.sampled_from((OWNER, "somebody else's")), max_size=2)):
            prefix = draw(st.sampled_from(("10.2.0.0/24", "0.0.0.0/0", "198.51.100.0/24")))
            cloud.add("security_group_rule", **rule, remote_ip_prefix=prefix, description=owner)
    return World(site, cloud)


def unowned(cloud: MemoryCloud) -> dict[str, str]:
    return {
        item["id"]: kind
        for kind, items in cloud.resources.items()
        for item in items
        if item["description"] != OWNER
    }


@given(worlds())
def test_it_comes_to_what_is_wanted_or_refuses_and_nothing_unowned_goes(world: World) -> None:
    theirs = unowned(world.cloud)
    plan = world.planned_unless_refused()
    assert world.planned() == plan
    going = {step.id for step in plan.steps if step.action in (Action.DELETE, Action.REPLACE)}
    assert not going & theirs.keys()
    left_behind = {item.id for item in plan.left}
    assert not left_behind & (theirs.keys() | {step.id for step in plan.steps})
    apply_openstack(plan, world.cloud, quiet)
    assert world.planned().changes == ()
    # Parts of a load balancer of ours that is replaced bear no mark of their own.
    parts = {i for i, kind in theirs.items() if kind in ("pool", "listener")}
    left = unowned(world.cloud).keys() | parts
    assert theirs.keys() - left <= {i for i, kind in theirs.items() if kind == "port"}


@given(worlds())
def test_teardown_takes_nothing_unowned_but_what_kuryr_made(world: World) -> None:
    theirs = unowned(world.cloud)
    plan = world.removed()
    ours = {step.id for step in plan.steps if step.target.kind != "router_interface"}
    deleted = {step.id for step in plan.steps if step.action is Action.DELETE}
    assert not (deleted & ours) & theirs.keys()


OTHERS = (owner_mark("lab", "another"), owner_mark("other", CLUSTER_ID), "", "by hand")
"""How the resources of another cluster in the same project are described."""


@given(st.sampled_from(((), ("openstack",))), st.sampled_from(OTHERS), st.randoms())
def test_teardown_leaves_neighbours_that_look_like_ours_as_they_are(
    keep: tuple[str, ...], owner: str, random: Any
) -> None:
    cloud = prepared_cloud()
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
    return {it["id"]: copied(it) for of in cloud.resources.values() for it in of}


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_cloud_lists_does_not_matter(world: World, random: Any) -> None:
    plan, removal = world.planned_unless_refused(), world.removed()
    for items in world.cloud.resources.values():
        random.shuffle(items)
    assert what(world.planned()) == what(plan)
    assert what(world.removed()) == what(removal)


def what(plan: Plan) -> list[str]:
    return [f"{step.action} {step.target} {step.id}" for step in plan.steps]
