"""Phase 02's plan: what is missing is created, what fits is kept, what does not fit is refused."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.cloud_answers import typed
from worlds.memory_cloud import CloudDied, MemoryCloud, cluster_cloud
from worlds.planned_cloud import (
    NODES,
    OWNER,
    ovn_site,
    planned,
    prepared_cloud,
    quiet,
    removed,
    with_nodes_of_another_cluster,
    with_pairs,
    with_pods,
)
from worlds.sites import lab_sections, lab_site

from kuryr_runbook.applying.openstack import OpenStackExecutor, apply_openstack
from kuryr_runbook.applying.steps import apply_plan
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import ApplyError, DriftError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.model.rules import lets_all_out
from kuryr_runbook.model.site import Site


def named(cloud: MemoryCloud, kind: str, name: str) -> list[dict[str, Any]]:
    return [item for item in cloud.resources[kind] if item["name"] == name]


def test_the_first_run_creates_what_the_original_describes() -> None:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud), cloud, quiet)
    names = {(kind, item["name"]) for kind in cloud.resources for item in cloud.resources[kind]}
    assert {
        ("subnet", "kuryr-pod-subnet"),
        ("network", "kuryr-service-network"),
        ("subnet", "kuryr-service-subnet"),
        ("security_group", "kuryr-pod-sg"),
        ("loadbalancer", "kubernetes-service"),
    } <= names
    [services] = named(cloud, "subnet", "kuryr-service-subnet")
    assert services["gateway_ip"] == "10.2.0.254"
    assert services["allocation_pools"] == [{"start": "10.2.0.128", "end": "10.2.0.253"}]
    assert services["enable_dhcp"] is False
    [balancer] = cloud.resources["loadbalancer"]
    assert balancer["vip_address"] == "10.2.0.1"
    [members] = cloud.pool_members.values()
    assert [(m["address"], m["protocol_port"]) for m in members] == [("172.18.0.10", 6443)]


@pytest.mark.parametrize(
    ("driver", "group"),
    [(VifDriver.NESTED_MACVLAN, "k8s-node-sg"), (VifDriver.NESTED_VLAN, "kuryr-pod-sg")],
)
def test_the_service_subnet_is_admitted_where_the_driver_calls_for_it(
    driver: VifDriver, group: str
) -> None:
    cloud = cluster_cloud(NODES)
    site = lab_site(driver)
    apply_openstack(planned(cloud, site), cloud, quiet)
    groups = {item["id"]: item["name"] for item in cloud.resources["security_group"]}
    admitting = [
        groups[rule["security_group_id"]]
        for rule in cloud.resources["security_group_rule"]
        if rule["remote_ip_prefix"] == "10.2.0.0/24"
    ]
    assert admitting == [group]


def test_the_second_run_changes_nothing() -> None:
    cloud = cluster_cloud(NODES)
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


def test_a_missing_node_group_is_made_and_put_on_the_nodes() -> None:
    cloud = cluster_cloud(NODES, node_group=False)
    before = cloud.shape()
    apply_openstack(planned(cloud), cloud, quiet)
    [group] = named(cloud, "security_group", "k8s-node-sg")
    nodes = [p for p in cloud.resources["port"] if p["device_owner"] == "compute:nova"]
    assert all(group["id"] in port["security_groups"] for port in nodes)
    apply_openstack(removed(cloud), cloud, quiet)
    assert cloud.shape() == before


def test_a_wider_rule_of_somebody_else_is_enough() -> None:
    cloud = cluster_cloud(NODES)
    [group] = cloud.resources["security_group"]
    cloud.add(
        "security_group_rule",
        security_group_id=group["id"],
        direction="ingress",
        ethertype="IPv4",
        remote_ip_prefix="0.0.0.0/0",
    )
    kept = [s.target.name for s in planned(cloud).steps if s.action is Action.KEEP]
    assert any("10.2.0.0/24" in name for name in kept)


NAMED = [
    ("network", "ext-net", "external_network"),
    ("router", "k8s-router", "router"),
    ("subnet", "k8s-node-subnet", "node_subnet"),
    ("security_group", "k8s-node-sg", "node_security_group"),
    ("security_group", "kuryr-pod-sg", "pod_security_group"),
    ("network", "kuryr-service-network", "service_subnet.network"),
    ("subnet", "kuryr-service-subnet", "service_subnet.name"),
    ("loadbalancer", "kubernetes-service", "api_load_balancer"),
]


@pytest.mark.parametrize(("kind", "name", "key"), NAMED)
def test_an_id_in_the_place_of_a_name_keeps_those_of_one_name_apart(
    kind: str, name: str, key: str
) -> None:
    cloud = prepared_cloud()
    [ours] = [item for item in cloud.resources[kind] if item["name"] == name]
    cloud.add(kind, name=name)
    with pytest.raises(DriftError, match=f"2 {kind}s are named {name} .*use an id instead"):
        planned(cloud)
    assert planned(cloud, site_with(key, ours["id"])).changes == ()


def site_with(key: str, value: str) -> Site:
    """The lab's site with another value at that place of its section `network`."""
    sections = lab_sections()
    *way, last = ["network", *key.split(".")]
    place = sections
    for part in way:
        place = place.setdefault(part, {})
    place[last] = value
    return Site.model_validate(sections)


def test_what_should_have_an_id_is_not_made_when_there_is_none() -> None:
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    for key in ("router", "service_subnet.network", "external_network"):
        with pytest.raises(DriftError, match=f"there is no .* with the id {uuid}"):
            planned(cluster_cloud(NODES), site_with(key, uuid))


def test_floating_ips_come_from_a_subnet_of_their_network_as_far_as_it_is_shown() -> None:
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    site, cloud = site_with("external_subnet_id", uuid), cluster_cloud(NODES)
    unseen = planned(cloud, site)
    outside, inside = cloud.resources["network"][:2]
    cloud.add("subnet", name="fips", network_id=outside["id"], cidr="192.0.2.0/24")
    next(it for it in cloud.resources["subnet"] if it["name"] == "fips")["id"] = uuid
    assert planned(cloud, site) == unseen
    next(it for it in cloud.resources["subnet"] if it["id"] == uuid)["network_id"] = inside["id"]
    with pytest.raises(DriftError, match=rf"subnet {uuid} .* should be in network ext-net"):
        planned(cloud, site)


Breaker = Callable[[MemoryCloud], Any]
MISFITS: list[tuple[str, Breaker, str]] = [
    (
        "the node subnet is not there",
        lambda cloud: cloud.resources["subnet"].clear(),
        "subnet k8s-node-subnet (network.node_subnet) does not exist",
    ),
    (
        "two networks of one name",
        lambda cloud: cloud.add("network", name="ext-net"),
        "2 networks are named ext-net (network.external_network): use an id instead",
    ),
    (
        "the external network is not external",
        lambda cloud: cloud.resources["network"][0].update({"router:external": False}),
        "network ext-net should be external",
    ),
    (
        "the router has another gateway",
        lambda cloud: cloud.resources["router"][0].update(external_gateway_info=None),
        "should have its gateway on network ext-net",
    ),
    (
        "a node has another address",
        lambda cloud: cloud.resources["port"][-1].update(fixed_ips=[]),
        "no Neutron port has the node address 172.18.0.12",
    ),
    (
        "a node's port has port security off",
        lambda cloud: cloud.resources["port"][-1].update(port_security_enabled=False),
        "has port security off",
    ),
    (
        "a pod subnet with other addresses",
        lambda cloud: cloud.add(
            "subnet",
            name="kuryr-pod-subnet",
            network_id=cloud.resources["network"][1]["id"],
            cidr="10.7.0.0/24",
            gateway_ip="10.7.0.1",
            enable_dhcp=True,
            allocation_pools=[],
        ),
        "subnet kuryr-pod-subnet: cidr should be 10.1.0.0/24 and is 10.7.0.0/24",
    ),
]


@pytest.mark.parametrize(
    ("breaker", "expected"), [m[1:] for m in MISFITS], ids=[m[0] for m in MISFITS]
)
def test_what_does_not_fit_is_refused_before_anything_changes(
    breaker: Breaker, expected: str
) -> None:
    cloud = cluster_cloud(NODES)
    breaker(cloud)
    with pytest.raises(DriftError) as caught:
        planned(cloud)
    assert expected in str(caught.value)
    assert cloud.mutations == 0


def test_a_service_subnet_whose_pool_reaches_into_kubernetes_half_is_refused() -> None:
    cloud = prepared_cloud()
    subnet = next(s for s in cloud.resources["subnet"] if s["name"] == "kuryr-service-subnet")
    subnet["allocation_pools"] = [{"start": "10.2.0.2", "end": "10.2.0.253"}]
    subnet["description"] = "of somebody else"
    with pytest.raises(DriftError, match=r'allocation_pools should be .*"10\.2\.0\.128"'):
        planned(cloud)


@given(st.integers(0, 30))
def test_killed_anywhere_the_next_run_converges(calls: int) -> None:
    clean = cluster_cloud(NODES, node_group=False)
    apply_openstack(planned(clean), clean, quiet)
    cloud = cluster_cloud(NODES, node_group=False)
    cloud.fail_at = calls
    try:
        apply_openstack(planned(cloud), cloud, quiet)
    except CloudDied:
        pass
    cloud.fail_at = None
    apply_openstack(planned(cloud), cloud, quiet)
    assert cloud.shape() == clean.shape()


@given(st.integers(0, 30))
def test_teardown_leaves_the_cloud_as_it_was_even_when_killed(calls: int) -> None:
    cloud = cluster_cloud(NODES)
    before = cloud.shape()
    apply_openstack(planned(cloud), cloud, quiet)
    cloud.mutations, cloud.fail_at = 0, calls
    try:
        apply_openstack(removed(cloud), cloud, quiet)
    except CloudDied:
        pass
    cloud.fail_at = None
    apply_openstack(removed(cloud), cloud, quiet)
    assert cloud.shape() == before
    assert removed(cloud).steps == ()


def test_teardown_takes_what_kuryr_left() -> None:
    cloud = cluster_cloud(NODES)
    before = cloud.shape()
    apply_openstack(planned(cloud), cloud, quiet)
    with_pods(cloud)
    with_pairs(cloud)
    apply_openstack(removed(cloud), cloud, quiet)
    assert cloud.shape() == before


def test_teardown_leaves_another_cluster_of_the_same_names_alone() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    with_nodes_of_another_cluster(cloud)
    other = lab_site(**{"name: lab\n": "name: other\n", "k8s-node-subnet": "other-nodes"})
    assert removed(cloud, other).changes == ()
    assert removed(cloud, other, keep=("openstack",)).changes == ()


def test_another_cluster_whose_site_has_the_same_name_is_another_owner() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    assert removed(cloud, cluster_id="another").changes == ()
    with pytest.raises(DriftError) as caught:
        planned(cloud, cluster_id="another")
    for name in ("kuryr-pod-subnet", "kuryr-service-subnet"):
        assert f"subnet {name} belongs to another cluster or site ({OWNER})" in str(caught.value)
    assert f"this one's description to {owner_mark('lab', 'another')!r}" in str(caught.value)


def test_the_subnets_of_a_cluster_that_is_gone_are_used_again_when_described_so() -> None:
    cloud = prepared_cloud()
    for subnet in cloud.resources["subnet"]:
        if subnet["description"] == OWNER:
            subnet["description"] = owner_mark("lab", "another")
    assert planned(cloud, cluster_id="another").changes == ()


def test_teardown_leaves_address_pairs_of_other_subnets_nodes_alone() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    with_nodes_of_another_cluster(cloud)
    changed = {s.target.name for s in removed(cloud, keep=("openstack",)).changes}
    assert changed == {"port worker1", "shop/web", "198.51.100.9"}


def test_an_adopted_subnet_is_known_by_what_it_is_not_by_its_name_alone() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    subnets = {it["name"]: it for it in cloud.resources["subnet"]}
    for name in ("kuryr-pod-subnet", "kuryr-service-subnet"):
        subnets[name]["description"] = "made by hand"
    assert "port shop/web" in {str(s.target) for s in removed(cloud).changes}
    subnets["kuryr-pod-subnet"]["cidr"] = "10.9.0.0/24"
    services = subnets["kuryr-service-subnet"]["id"]
    [router] = cloud.resources["router"]
    cloud.remove_router_interface(router["id"], services)
    kinds = {s.target.kind for s in removed(cloud, keep=("openstack",)).changes}
    assert kinds == set()


def test_teardown_leaves_a_floating_ip_that_a_service_named_to_its_owner() -> None:
    cloud = prepared_cloud()
    with_pods(cloud)
    with_pairs(cloud)
    cloud.resources["floatingip"][0]["description"] = "shop.example.org"
    kinds = {s.target.kind for s in removed(cloud).changes}
    assert "loadbalancer" in kinds
    assert "floatingip" not in kinds


def subport(port: dict[str, Any]) -> dict[str, Any]:
    return {"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": 7}


@pytest.mark.parametrize("calls", range(3))
def test_teardown_takes_subports_off_their_trunks_first(calls: int) -> None:
    cloud = cluster_cloud(NODES)
    node = next(p for p in cloud.resources["port"] if p["name"] == "worker1")
    theirs = cloud.add("port", device_owner="trunk:subport")
    trunk = cloud.add("trunk", port_id=node["id"], sub_ports=[subport(theirs)])
    before = cloud.shape()
    apply_openstack(planned(cloud), cloud, quiet)
    pods = next(s for s in cloud.resources["subnet"] if s["name"] == "kuryr-pod-subnet")
    for number in (9, 10):
        fixed = [{"subnet_id": pods["id"], "ip_address": f"10.1.0.{number}"}]
        port = cloud.add("port", device_owner="trunk:subport", fixed_ips=fixed)
        trunk["sub_ports"].append(subport(port))
    cloud.mutations, cloud.fail_at = 0, calls
    with suppress(CloudDied):
        apply_openstack(removed(cloud), cloud, quiet)
    cloud.fail_at = None
    apply_openstack(removed(cloud), cloud, quiet)
    assert cloud.shape() == before


def test_teardown_leaves_subports_of_trunks_whose_parent_is_no_node() -> None:
    cloud = prepared_cloud()
    pods = next(s for s in cloud.resources["subnet"] if s["name"] == "kuryr-pod-subnet")
    fixed = [{"subnet_id": pods["id"], "ip_address": "10.1.0.9"}]
    port = cloud.add("port", device_owner="trunk:subport", fixed_ips=fixed)
    parent = cloud.add("port", device_owner="compute:nova")
    cloud.add("trunk", port_id=parent["id"], sub_ports=[subport(port)])
    steps = removed(cloud).steps
    assert not any(step.target.kind in ("port", "subports") for step in steps)


def test_teardown_leaves_what_is_not_ours() -> None:
    cloud = cluster_cloud(NODES)
    cloud.add(
        "loadbalancer",
        name="theirs",
        vip_address="10.2.0.5",
        vip_subnet_id="other",
        vip_port_id="x",
        provisioning_status="ACTIVE",
    )
    cloud.add("security_group", name="kuryr-pod-sg")
    before = cloud.shape()
    assert removed(cloud).steps == ()
    assert cloud.shape() == before


def test_steps_come_after_what_they_need() -> None:
    plan = planned(cluster_cloud(NODES, node_group=False))
    seen: set[Target] = set()
    for step in plan.steps:
        assert step.needs <= seen
        seen.add(step.target)


class Refusing(OpenStackExecutor):
    """Has no quota for security groups."""

    def execute(self, step: Step, body: Any, say: Any) -> Any:
        if step.target.kind == "security_group":
            raise DriftError("quota exceeded")
        return super().execute(step, body, say)


def test_a_failed_step_reports_what_stands_and_what_was_not_reached() -> None:
    cloud = cluster_cloud(NODES)
    with pytest.raises(ApplyError, match="quota exceeded") as caught:
        apply_plan(planned(cloud), Refusing(cloud), quiet)
    text = str(caught.value)
    assert "create security_group kuryr-pod-sg failed" in text
    assert "not reached: " in text
    assert "security_group_rule kuryr-pod-sg" in text.partition("not reached")[2]
    assert planned(cloud).changes
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


def test_what_is_new_and_ready_at_once_goes_in_one_request() -> None:
    cloud = prepared_cloud()
    # network, pod subnet, group, node group's rules, its interface; then service subnet, pod
    # group's rules; then the interface of the services and the load balancer.
    assert cloud.mutations == 9


def test_rules_that_nothing_calls_for_go_when_they_are_ours_and_stay_when_not() -> None:
    cloud = prepared_cloud()
    [group] = named(cloud, "security_group", "kuryr-pod-sg")
    rule = {"security_group_id": group["id"], "direction": "ingress", "ethertype": "IPv4"}
    cloud.add("security_group_rule", **rule, remote_ip_prefix="192.0.2.0/24")
    cloud.add(
        "security_group_rule",
        **rule,
        protocol="tcp",
        port_range_min=22,
        port_range_max=22,
        remote_ip_prefix="0.0.0.0/0",
        description=OWNER,
    )
    cloud.add(
        "security_group_rule", security_group_id=group["id"], direction="egress", ethertype="IPv6"
    )
    plan = planned(cloud)
    [step] = plan.changes
    assert (step.action, step.target.name) == (
        Action.DELETE,
        "kuryr-pod-sg: TCP 22 from 0.0.0.0/0 (extra)",
    )
    reported = [s.because for s in plan.steps if s.target.name.endswith("192.0.2.0/24 (extra)")]
    assert reported == ["somebody else's: it stays"]
    apply_openstack(plan, cloud, quiet)
    assert planned(cloud).changes == ()


def test_a_group_of_ours_that_lets_nothing_out_any_more_is_fixed() -> None:
    cloud = prepared_cloud()
    rules = cloud.resources["security_group_rule"]
    left = [rule for rule in rules if (rule["direction"], rule["ethertype"]) != ("egress", "IPv4")]
    cloud.resources["security_group_rule"] = left
    [step] = planned(cloud).changes
    assert str(step.target) == "security_group_rule kuryr-pod-sg: all traffic to anywhere"
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


@pytest.mark.parametrize(
    "narrower",
    [
        {"protocol": "tcp"},
        {"remote_ip_prefix": "10.0.0.0/8"},
        {"ethertype": "IPv6"},
        {"remote_address_group_id": "a"},
    ],
)
def test_a_narrower_rule_does_not_let_all_out(narrower: dict[str, str]) -> None:
    ids = {"id": "r", "security_group_id": "g"}
    rule = typed("security_group_rule", direction="egress", ethertype="IPv4", **ids)
    assert lets_all_out([rule])
    assert lets_all_out([replace(rule, remote_ip_prefix="0.0.0.0/0")])
    assert not lets_all_out([replace(rule, **narrower)])


def test_our_own_subnet_is_repaired_where_that_harms_nobody() -> None:
    cloud = prepared_cloud()
    [pods] = [s for s in cloud.resources["subnet"] if s["name"] == "kuryr-pod-subnet"]
    pods["enable_dhcp"] = True
    [step] = planned(cloud).changes
    assert [str(change) for change in step.changes] == ["enable_dhcp: true -> false"]
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


@pytest.mark.parametrize(
    ("kind", "name", "changes", "reported"),
    [
        (
            "router",
            "k8s-router",
            {"external_gateway_info": None},
            "should have its gateway on network ext-net",
        ),
        (
            "network",
            "kuryr-service-network",
            {"port_security_enabled": False},
            "has port security off",
        ),
    ],
)
def test_what_was_taken_off_is_put_back_where_it_is_ours_and_refused_where_not(
    kind: str, name: str, changes: dict[str, Any], reported: str
) -> None:
    cloud = prepared_cloud()
    item = next(it for it in cloud.resources[kind] if it["name"] == name)
    item |= {**changes, "description": OWNER}
    [step] = planned(cloud).changes
    assert [change.field for change in step.changes] == [*changes]
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()
    item |= {**changes, "description": ""}
    with pytest.raises(DriftError, match=reported):
        planned(cloud)


def test_a_narrow_service_network_is_widened_when_it_is_ours() -> None:
    cloud = prepared_cloud()
    network = next(n for n in cloud.resources["network"] if n["name"] == "kuryr-service-network")
    network["mtu"] = 1280
    [step] = planned(cloud).changes
    assert [str(change) for change in step.changes] == ["mtu: 1280 -> 1450"]
    network["description"] = ""
    with pytest.raises(DriftError, match="should have the nodes' MTU of 1450 and has 1280"):
        planned(cloud)


def test_a_gateway_that_is_another_routers_is_refused() -> None:
    cloud = prepared_cloud()
    [services] = [s for s in cloud.resources["subnet"] if s["name"] == "kuryr-service-subnet"]
    leg = next(
        port
        for port in cloud.resources["port"]
        if any(fixed["subnet_id"] == services["id"] for fixed in port["fixed_ips"])
    )
    leg |= {
        "device_id": "router-of-somebody",
        "fixed_ips": [{"subnet_id": services["id"], "ip_address": "10.2.0.254"}],
    }
    with pytest.raises(DriftError, match="should be router k8s-router's and is that of port"):
        planned(cloud)


def test_rules_of_two_groups_that_are_ready_at_once_are_made_apart() -> None:
    cloud = prepared_cloud()
    ours = [r for r in cloud.resources["security_group_rule"] if r["description"]]
    for rule in ours:
        cloud.delete("security_group_rule", rule["id"])
    assert len({rule["security_group_id"] for rule in ours}) == 2
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


def test_teardown_may_keep_what_phase_02_made() -> None:
    cloud = prepared_cloud()
    assert removed(cloud, keep=("openstack",)).steps == ()


def test_our_own_extra_rule_that_admits_a_wanted_one_is_replaced_by_it() -> None:
    cloud = prepared_cloud()
    rules = cloud.resources["security_group_rule"]
    [rule] = [item for item in rules if item["remote_ip_prefix"] == "10.2.0.0/24"]
    rule["remote_ip_prefix"] = "0.0.0.0/0"
    assert [(s.action, s.target.name) for s in planned(cloud).changes] == [
        (Action.CREATE, "k8s-node-sg: all traffic from 10.2.0.0/24"),
        (Action.DELETE, "k8s-node-sg: all traffic from 0.0.0.0/0 (extra)"),
    ]
    apply_openstack(planned(cloud), cloud, quiet)
    assert planned(cloud).changes == ()


def test_with_ovn_the_pods_group_admits_the_clients_of_load_balancers() -> None:
    plan = planned(cluster_cloud(NODES), ovn_site())
    names = {step.target.name for step in plan.steps if step.target.kind == "security_group_rule"}
    assert "kuryr-pod-sg: all traffic from 0.0.0.0/0" in names
    assert not any("k8s-node-sg" in name and "0.0.0.0/0" in name for name in names)
    assert not any("10.2.0.0/24" in name for name in names)


def test_with_ovn_the_masters_admit_pods_whose_addresses_they_see() -> None:
    plans = (planned(cluster_cloud(NODES), site) for site in (ovn_site(), lab_site()))
    with_ovn, without = ({step.target.name for step in plan.steps} for plan in plans)
    assert "k8s-node-sg: TCP 6443 from 10.1.0.0/24" in with_ovn
    assert "k8s-node-sg: TCP 6443 from 10.1.0.0/24" not in without
