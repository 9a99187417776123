"""Fixes: a world that is broken in one place is fixed there, and nobody else's is ever touched."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.mendable import MendableWorld as World
from worlds.objects import metadata, moments_ago

from kuryr_runbook.applying.by_kind import apply_fixes
from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.bodies import FinalizerRemoval, PairChanges, plain
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.fixes import (
    FinalizerFix,
    Fix,
    FloatingIpFix,
    Leftover,
    LeftoverFix,
    ObjectFix,
    PairFix,
    PhaseFix,
)
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.plan import ADDRESS_PAIRS, Action, Plan
from kuryr_runbook.planning.fixes import plan_fixes

Break = Callable[[World, int], Any]
MACVLAN, VLAN = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN
PODS = 10
HEALTHY = {
    "old": World(PODS, MACVLAN, "stein"),
    "new": World(PODS, MACVLAN, "2024.1"),
    "vlan": World(PODS, VLAN, "2024.1"),
}


def diagnosed(world: World) -> dict[str, tuple[Fix, ...]]:
    """The fixes of each check that found something."""
    found = check_diagnosis(Look(world.read()))
    return {it.check: it.fixes for it in found if it.status not in (Status.PASS, Status.SKIP)}


def planned(world: World) -> Plan:
    fixes = [fix for fixes in diagnosed(world).values() for fix in fixes]
    return plan_fixes("troubleshooting", world.read(), fixes)


def repaired(world: World) -> Plan:
    plan = planned(world)
    apply_fixes(plan, world, world, lambda line: None)
    return plan


def node_of(index: int) -> str:
    return f"worker{index % 2 + 1}"


def pair_of(world: World, index: int) -> dict[str, str]:
    port = world.port_of(f"web-{index}")
    address = port["fixed_ips"][0]["ip_address"]
    return {"ip_address": address, "mac_address": port["mac_address"].lower()}


def lose_pair(world: World, index: int) -> None:
    world.node_port(node_of(index))["allowed_address_pairs"].remove(pair_of(world, index))


def leave_pair(world: World, index: int) -> None:
    pair = {"ip_address": f"10.64.9.{index}", "mac_address": "fa:16:3e:00:00:99"}
    world.node_port(node_of(index))["allowed_address_pairs"].append(pair)


def double_pair(world: World, index: int) -> None:
    other = world.node_port(node_of(index + 1))
    other["allowed_address_pairs"].append(pair_of(world, index))


def leave_port(world: World, index: int) -> None:
    fields = {"device_owner": "compute:kuryr", "device_id": f"gone-{index}"}
    mac = f"fa:16:3e:00:01:{index:02x}"
    world.add_port(f"lost-{index}", "s-pods", "x", f"10.64.9.{index}", mac_address=mac, **fields)
    world.node_port(node_of(index))["allowed_address_pairs"].append(
        {"ip_address": f"10.64.9.{index}", "mac_address": mac}
    )


def second_port(world: World, index: int) -> None:
    fields = {"device_owner": "compute:kuryr", "device_id": f"uid-web-{index}"}
    world.add_port(f"lost-{index}", "s-pods", "x", f"10.64.9.{index}", **fields)


def leave_balancer(world: World, index: int) -> None:
    world._add_balancer(f"default/gone-{index}", f"10.96.9.{index}", 80, [])
    if index % 2:
        world.add(
            "floatingip", id="f-gone", floating_ip_address="203.0.113.77",
            description="kuryr_lb", port_id=f"vip-default/gone-{index}",
        )  # fmt: skip


def leave_floating_ip(world: World, index: int) -> None:
    world.add(
        "floatingip", id="f-gone", floating_ip_address="203.0.113.77", description="kuryr_lb",
        port_id=None,
    )  # fmt: skip


def loosen_floating_ip(world: World, index: int) -> None:
    world.resource("floatingip", "fip")["port_id"] = None


def leave_kuryr_port(world: World, index: int) -> None:
    world.objects["KuryrPort"].append({"metadata": metadata(f"gone-{index}", "default")})


def hold_pod(world: World, index: int) -> None:
    """Everything of it is gone, but for the finalizer."""
    name = f"web-{index}"
    leave(world, name)
    world.object("Pod", name)["metadata"].update(
        deletionTimestamp=moments_ago(900),
        finalizers=["kuryr.openstack.org/pod-finalizer"],
    )


def leave(world: World, pod: str) -> None:
    world.unhandle(pod)
    world.objects["Event"].clear()


class Case(NamedTuple):
    spoil: Break
    check: str
    worlds: tuple[str, ...]


CASES = (
    Case(lose_pair, "address-pair", ("old", "new")),
    Case(leave_pair, "pair-stale", ("old", "new")),
    Case(double_pair, "pair-twice", ("old", "new")),
    Case(leave_port, "port-orphaned", ("old", "new", "vlan")),
    Case(second_port, "port-twice", ("old", "new", "vlan")),
    Case(leave_balancer, "balancer-orphaned", ("old", "new", "vlan")),
    Case(leave_floating_ip, "floating-ip-orphaned", ("old", "new", "vlan")),
    Case(loosen_floating_ip, "external-address", ("old", "new", "vlan")),
    Case(leave_kuryr_port, "kuryr-port-orphaned", ("new", "vlan")),
    Case(hold_pod, "stuck-finalizers", ("new", "vlan")),
)


@settings(max_examples=50)
@given(data=st.data(), case=st.sampled_from(CASES), index=st.integers(0, PODS - 1))
def test_what_is_broken_in_one_place_is_fixed_there_and_nothing_else_is(
    data: st.DataObject, case: Case, index: int
) -> None:
    world = copy.deepcopy(HEALTHY[data.draw(st.sampled_from(case.worlds))])
    case.spoil(world, index)
    assert next(iter(diagnosed(world))) == case.check
    before = everything(world)
    plan = repaired(world)
    assert diagnosed(world) == {}
    assert planned(world).steps == ()
    assert len(before ^ everything(world)) <= 2 * len(plan.steps) + 1


def everything(world: World) -> set[str]:
    held = (*world.objects.items(), *world.resources.items())
    return {f"{kind} {item}" for kind, items in held for item in items}


@pytest.mark.parametrize("kind", HEALTHY)
def test_where_all_is_well_there_is_nothing_to_fix(kind: str) -> None:
    assert planned(HEALTHY[kind]).steps == ()


def test_several_faults_are_one_plan_with_one_step_for_each_port() -> None:
    world = copy.deepcopy(HEALTHY["old"])
    for index, case in enumerate(CASES):
        if "old" in case.worlds:
            case.spoil(world, index)
    plan = planned(world)
    assert planned(world) == plan
    ports = [step.id for step in plan.steps if step.target.kind == ADDRESS_PAIRS]
    assert len(ports) == len(set(ports))
    repaired(world)
    assert diagnosed(world) == {}


def test_the_plan_names_pairs_by_address() -> None:
    world = copy.deepcopy(HEALTHY["old"])
    lose_pair(world, 3)
    (step,) = planned(world).steps
    assert (step.action, step.id, str(step.target)) == (
        Action.UPDATE, "port-worker2", "address_pairs port of worker2",
    )  # fmt: skip
    assert list(map(str, step.changes)) == ["pair of 10.64.0.13: absent -> fa:16:3e:01:00:03"]
    assert "pod default/web-3" in step.because


def test_a_floating_ip_goes_before_its_load_balancer() -> None:
    world = copy.deepcopy(HEALTHY["old"])
    leave_balancer(world, 1)
    first, second = planned(world).steps
    assert (first.target.kind, second.target.kind) == ("floatingip", "loadbalancer")
    assert second.needs == {first.target}


# What is not certain, or not Kuryr's, is reported and stays.


def by_hand(**fields: Any) -> Break:
    return lambda world, index: world.add_port("own", "s-pods", "x", "10.64.9.9", **fields)


def use_balancer(world: World, index: int) -> None:
    leave_balancer(world, 0)
    world.add(
        "floatingip", id="theirs", floating_ip_address="203.0.113.88", description="shop",
        port_id="vip-default/gone-0",
    )  # fmt: skip


def own_balancer(world: World, index: int) -> None:
    leave_balancer(world, 0)
    balancer = world.resource("loadbalancer", "default/gone-0")
    balancer["description"] = owner_mark(world.site.name, "of-this-cluster")


def high_balancer(world: World, index: int) -> None:
    world._add_balancer("default/gone-0", "10.96.200.1", 80, [])


def busy_balancer(world: World, index: int) -> None:
    leave_balancer(world, 0)
    world.resource("loadbalancer", "default/gone-0")["provisioning_status"] = "PENDING_UPDATE"


def used_floating_ip(world: World, index: int) -> None:
    leave_floating_ip(world, 0)
    world.resource("floatingip", "f-gone")["port_id"] = "somebodys"


def foreign_floating_ip(world: World, index: int) -> None:
    loosen_floating_ip(world, 0)
    world.resource("floatingip", "fip")["description"] = "shop"


def no_room(world: World, index: int) -> None:
    world.pair_limit = PODS // 2 - 1
    lose_pair(world, 3)


def other_mac(world: World, index: int) -> None:
    lose_pair(world, 3)
    world.port_of("web-3")["mac_address"] = "fa:16:3e:00:00:01"


def held_with_port(world: World, index: int) -> None:
    world.object("Pod", "web-3")["metadata"].update(
        deletionTimestamp=moments_ago(900), finalizers=["kuryr.openstack.org/pod-finalizer"]
    )


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("old", by_hand(device_owner="")),
        ("old", by_hand(device_owner="compute:kuryr")),
        ("vlan", by_hand(device_owner="trunk:subport", device_id="pool")),
        ("old", use_balancer),
        ("old", own_balancer),
        ("old", high_balancer),
        ("old", busy_balancer),
        ("old", used_floating_ip),
        ("old", foreign_floating_ip),
        ("old", other_mac),
        ("old", no_room),
        ("new", held_with_port),
    ],
)
def test_what_is_not_certain_is_reported_and_stays(kind: str, spoil: Break) -> None:
    world = copy.deepcopy(HEALTHY[kind])
    spoil(world, 3)
    assert diagnosed(world)
    assert planned(world).steps == ()


@pytest.mark.parametrize(
    "theirs",
    [
        {"description": owner_mark("lab", "another")},
        {"description": "by hand", "cidr": "10.65.0.0/16"},
        {"description": "", "network_id": "elsewhere"},
    ],
)
def test_subnets_of_the_name_alone_are_not_this_clusters(theirs: dict[str, str]) -> None:
    world = copy.deepcopy(HEALTHY["old"])
    for spoil in (leave_port, leave_balancer, leave_pair):
        spoil(world, 2)
    assert {step.target.kind for step in planned(world).steps} == {
        "port", "loadbalancer", ADDRESS_PAIRS,
    }  # fmt: skip
    for name in ("s-pods", "s-services"):
        world.resource("subnet", name).update(theirs)
    if "network_id" in theirs:
        world.remove("port", "leg-s-services")
    assert planned(world).steps == ()
    orphans = {it.check: it for it in check_diagnosis(Look(world.read()))}["port-orphaned"]
    assert orphans.status is Status.UNKNOWN
    assert "not known to be this cluster's" in orphans.evidence


def test_adopted_subnets_are_this_clusters_where_they_are_as_the_site_says() -> None:
    world = copy.deepcopy(HEALTHY["old"])
    for name in ("s-pods", "s-services"):
        world.resource("subnet", name)["description"] = "by hand"
    for spoil in (leave_port, leave_balancer, leave_pair):
        spoil(world, 2)
    assert {step.target.kind for step in planned(world).steps} == {
        "port", "loadbalancer", ADDRESS_PAIRS,
    }  # fmt: skip


def test_finalizers_of_others_stay() -> None:
    world = copy.deepcopy(HEALTHY["new"])
    hold_pod(world, 3)
    world.object("Pod", "web-3")["metadata"]["finalizers"].append("example.org/theirs")
    (step,) = planned(world).steps
    assert step.changes[0].after == '["example.org/theirs"]'


def test_without_a_controller_no_kuryr_port_is_deleted() -> None:
    world = copy.deepcopy(HEALTHY["new"])
    leave_kuryr_port(world, 1)
    world.program_pod("kuryr-controller")["status"]["conditions"] = []
    assert planned(world).steps == ()


IDS = st.sampled_from(
    sorted({
        item["id"]
        for kind in ("port", "floatingip", "loadbalancer")
        for item in HEALTHY["old"].resources[kind]
    })
)  # fmt: skip
TEXT = st.just("text")
FIXES = st.one_of(
    st.builds(LeftoverFix, kind=st.sampled_from(Leftover), id=IDS, name=TEXT, because=TEXT),
    st.builds(FloatingIpFix, id=IDS, address=TEXT, port_id=IDS, service=TEXT),
    st.builds(PairFix, node=TEXT, port_id=IDS, mac=TEXT, allow=st.booleans(), because=TEXT,
              address=st.sampled_from(["10.64.9.9", "172.16.1.1", "10.64.0.0/16", "::1", ""])),
    st.builds(PhaseFix, TEXT),
)  # fmt: skip


@given(st.lists(FIXES, max_size=8))
def test_whatever_a_fix_says_nothing_that_is_not_kuryrs_is_changed(fixes: Iterable[Fix]) -> None:
    world = HEALTHY["old"]
    for step in plan_fixes("troubleshooting", world.read(), fixes).steps:
        match step.target.kind:
            case "port":
                found = world.resource("port", str(step.id))
                assert found["device_owner"] == "compute:kuryr"
                assert found["fixed_ips"][0]["subnet_id"] == "s-pods"
            case "floatingip":
                assert world.resource("floatingip", str(step.id))["description"] == "kuryr_lb"
            case "loadbalancer":
                assert step.id == "lb-default/web-0"
            case _:
                assert step.target.kind == ADDRESS_PAIRS
                assert str(step.id).startswith("port-worker")
                assert isinstance(step.body, PairChanges)
                pairs = [*step.body.added, *step.body.removed]
                assert {pair["ip_address"] for pair in pairs} == {"10.64.9.9"}


def test_what_names_no_cloud_resource_needs_none() -> None:
    snapshot = HEALTHY["new"].read()
    bare = dataclasses.replace(
        snapshot,
        cloud=dataclasses.replace(snapshot.cloud, subnets=(), ports=(), balancers=()),
    )
    place = {"namespace": "default", "name": "x"}
    fixes = (
        ObjectFix(kind="KuryrPort", because="gone", **place),
        FinalizerFix(
            kind="Service", finalizers=("kuryr.openstack.org/service-finalizer",), **place
        ),
        LeftoverFix(kind=Leftover.PORT, id="port-web-1", name="x", because="gone"),
    )
    steps = plan_fixes("troubleshooting", bare, fixes).steps
    deleted, released = steps
    assert deleted.action is Action.DELETE
    assert plain(deleted.body)["apiVersion"] == "openstack.org/v1"
    assert isinstance(released.body, FinalizerRemoval)
    assert released.body.reference["apiVersion"] == "v1"
