"""Subnets of namespaces in phase 02's plan and in teardown."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.planned_cloud import NODES, OWNER, planned, prepared_cloud, quiet, removed
from worlds.sites import lab_site
from worlds.spaces import UID, with_policies, with_spaces

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_network import NamespaceSubnets

POOL = "kuryr-namespace-pool"


def site() -> Site:
    return with_spaces(lab_site(VifDriver.NESTED_VLAN), NamespaceSubnets(enabled=True))


def prepared() -> MemoryCloud:
    return prepared_cloud(site())


def with_namespace(cloud: MemoryCloud, space: str = "shop") -> list[dict[str, Any]]:
    """What Kuryr makes for a namespace and its first pod."""
    [pool] = cloud.resources["subnet_pool"]
    [router] = cloud.resources["router"]
    network = cloud.add("network", name=f"{UID}/{space}")
    subnet = cloud.add(
        "subnet",
        name=f"{UID}/{space}",
        network_id=network["id"],
        cidr="10.3.0.0/24",
        gateway_ip="10.3.0.1",
        subnetpool_id=pool["id"],
    )
    cloud.add_router_interface(router["id"], subnet["id"])
    fixed = [{"subnet_id": subnet["id"], "ip_address": "10.3.0.9"}]
    port = cloud.add("port", device_owner="compute:kuryr", device_id="uid", fixed_ips=fixed)
    return [network, subnet, port]


def targets(plan: Plan) -> list[str]:
    return [str(step.target) for step in plan.changes]


def test_the_pool_is_made_once() -> None:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud, site()), cloud, quiet)
    [pool] = cloud.resources["subnet_pool"]
    assert (pool["name"], pool["description"]) == (POOL, OWNER)
    assert (pool["prefixes"], pool["default_prefixlen"]) == (["10.3.0.0/16"], 24)
    assert planned(cloud, site()).changes == ()


def test_without_subnets_for_namespaces_there_is_no_pool() -> None:
    assert not any("subnet_pool" in it for it in targets(planned(cluster_cloud(NODES))))


def test_what_kuryr_made_for_a_namespace_does_not_change_the_plan() -> None:
    cloud = prepared()
    with_namespace(cloud)
    plan = planned(cloud, site())
    assert plan.changes == ()
    assert plan.left == ()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"prefixes": ["192.168.0.0/16"]}, "all prefixes should be in 10.3.0.0/16"),
        ({"default_prefixlen": "26"}, "default_prefixlen should be 24 and is 26"),
        ({"description": owner_mark("lab", "another")}, "belongs to another cluster or site"),
    ],
)
def test_a_pool_that_does_not_fit_is_refused(fields: dict[str, Any], text: str) -> None:
    cloud = prepared()
    cloud.resources["subnet_pool"][0].update(fields)
    with pytest.raises(DriftError, match=text):
        planned(cloud, site())


def test_a_pool_in_the_nodes_range_is_refused() -> None:
    spaces = NamespaceSubnets(enabled=True, cidr=IPv4Network("172.18.0.0/16"))
    with pytest.raises(DriftError, match=r"subnet pool .* overlaps the node subnet"):
        planned(cluster_cloud(NODES), with_spaces(lab_site(VifDriver.NESTED_VLAN), spaces))


def test_teardown_takes_namespaces_and_pool_and_nothing_else() -> None:
    cloud = cluster_cloud(NODES)
    before = {kind: len(items) for kind, items in cloud.resources.items()}
    apply_openstack(planned(cloud, site()), cloud, quiet)
    made = with_namespace(cloud)
    foreign = cloud.add("subnet", name="team", subnetpool_id=made[1]["subnetpool_id"])
    plan = removed(cloud, site())
    assert foreign["id"] not in {step.id for step in plan.steps}
    cloud.resources["subnet"].remove(foreign)
    apply_openstack(plan, cloud, quiet)
    assert {kind: len(items) for kind, items in cloud.resources.items()} == before
    assert removed(cloud, site()).changes == ()


def test_kept_resources_stay_while_namespaces_go() -> None:
    cloud = prepared()
    network, subnet, port = with_namespace(cloud)
    plan = removed(cloud, site(), keep=("openstack",))
    kinds = [step.target.kind for step in plan.steps]
    assert kinds == ["port", "router_interface", "subnet", "network"]
    assert {step.id for step in plan.steps} > {it["id"] for it in (network, subnet, port)}


def test_of_an_adopted_pool_only_subnets_on_our_router_are_kuryrs() -> None:
    cloud = prepared()
    cloud.resources["subnet_pool"][0]["description"] = "the team's"
    _, subnet, _ = with_namespace(cloud)
    other = cloud.add("subnet", name=f"{UID}/shop", subnetpool_id=subnet["subnetpool_id"])
    gone = {step.id for step in removed(cloud, site()).steps}
    assert subnet["id"] in gone
    assert other["id"] not in gone


def test_a_policys_group_goes_if_there_is_no_other_kuryr() -> None:
    cloud = prepared()
    with_namespace(cloud)
    words = "Kuryr-Kubernetes Network Policy shop/web SG"
    group = cloud.add("security_group", name="sg/shop-web", description=words)
    assert group["id"] in {step.id for step in removed(cloud, site()).steps}
    other = [{"subnet_id": "elsewhere", "ip_address": "10.99.0.9"}]
    cloud.add("port", device_owner="compute:kuryr", device_id="uid", fixed_ips=other)
    assert group["id"] not in {step.id for step in removed(cloud, site()).steps}


def test_with_policies_the_pods_group_admits_everybody_and_nothing_else() -> None:
    cloud, policed = cluster_cloud(NODES), with_policies(site())
    apply_openstack(planned(cloud, policed), cloud, quiet)
    [group] = [it for it in cloud.resources["security_group"] if it["name"] == "kuryr-pod-sg"]
    inside = [
        it["remote_ip_prefix"]
        for it in cloud.resources["security_group_rule"]
        if it["security_group_id"] == group["id"] and it["direction"] == "ingress"
    ]
    assert inside == ["0.0.0.0/0"]
    assert planned(cloud, policed).changes == ()


def test_they_go_too_after_the_site_was_changed() -> None:
    cloud = prepared()
    _, subnet, _ = with_namespace(cloud)
    plain = lab_site(VifDriver.NESTED_VLAN)
    assert subnet["id"] in {step.id for step in removed(cloud, plain).steps}
    left = [str(it.target) for it in planned(cloud, plain).left]
    assert left == [f"subnet_pool {POOL}"]
