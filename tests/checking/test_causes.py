"""From what is seen to causes: the deepest takes its effects over, and nothing ever raises."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoiling.diagnosis import troubles
from support.drawing import SCALARS, json_values
from worlds.objects import BEFORE, endpoints, moments_ago, service
from worlds.sites import lab_site
from worlds.world import RANGE, World

from kuryr_runbook.checking.causes import Cause, found
from kuryr_runbook.checking.checks import REPORT, Check
from kuryr_runbook.checking.diagnosis import CHECKS, EVERYWHERE, Place, check_diagnosis
from kuryr_runbook.checking.paths import trace
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError, UnreachableError
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.snapshots.diagnosis import read_diagnosis
from kuryr_runbook.snapshots.reading import Unreadable

SILENT = (Status.PASS, Status.SKIP)
MACVLAN, VLAN = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN


def named(finding: Finding) -> tuple[str, ...]:
    return tuple(map(str, finding.victims))


def scale_to_nothing(world: World) -> None:
    world.object("Deployment", "kuryr-controller")["spec"]["replicas"] = 0
    world.objects["Pod"].remove(world.program_pod("kuryr-controller"))


def new_service(world: World, pod: str = "web-1") -> None:
    world.objects["Service"].append(service("new", str(RANGE[99])))
    address = world.object("Pod", pod)["status"]["podIP"]
    world.objects["Endpoints"].append(endpoints("new", [(pod, address)]))


def test_a_controller_that_is_down_is_one_finding_and_not_one_for_each_pod() -> None:
    world = World(30)
    for index in range(20):
        world.unhandle(f"web-{index}")
    new_service(world, "web-25")
    scale_to_nothing(world)
    (found,) = troubles(world)
    assert found.check == "controller-replicas"
    assert len(found.victims) == 21
    assert found.effects == (
        "controller-ready",
        "pod-unhandled",
        "pod-plugged",
        "balancer-missing",
    )


def test_a_daemon_that_is_down_explains_what_happens_on_its_node_alone() -> None:
    world = World()
    world.objects["Pod"].remove(world.program_pod("kuryr-daemon"))  # that of worker1
    for pod in ("web-0", "web-1"):
        world.warn(pod, "Looks like http://localhost:5036/addNetwork cannot be reached.")
    found = troubles(world)
    daemon, plugged = (
        next(it for it in found if it.check == c) for c in ("daemon-there", "pod-plugged")
    )
    assert named(daemon) == ("node worker1", "pod default/web-0")
    assert named(plugged) == ("pod default/web-1",)


def test_a_log_explains_the_controller_and_all_that_follows_from_it() -> None:
    world = World()
    world.unhandle("web-1")
    status = world.program_pod("kuryr-controller")["status"]
    status["conditions"] = []
    world.logs["kuryr-controller-0"] = "ERROR kuryr SSLError: certificate verify failed"
    (found,) = troubles(world)
    assert found.check == "controller-log"
    assert found.effects == ("controller-ready", "pod-unhandled", "pod-plugged")
    assert named(found) == ("pod default/web-1",)


def test_a_role_that_was_revoked_is_the_cause_of_a_missing_load_balancer() -> None:
    world = World()
    new_service(world)
    world.logs["kuryr-controller-0"] = "ERROR kuryr 403 Forbidden: POST /lbaas/loadbalancers"
    (found,) = troubles(world)
    assert (found.check, named(found)) == ("controller-log", ("service default/new",))


def test_a_quota_that_is_used_up_fails_once_somebody_waits() -> None:
    world = World()
    world.limits["port"] = (4, 4)
    assert [it.status for it in troubles(world)] == [Status.WARN]
    world.unhandle("web-1")
    (found,) = troubles(world)
    assert (found.check, found.status) == ("quota-neutron", Status.FAIL)
    assert named(found) == ("quota port", "pod default/web-1")


def test_a_missing_rule_is_one_finding_for_all_behind_it() -> None:
    world = World(40, VLAN)
    world.remove("security_group_rule", "r-pod-services")
    (found,) = troubles(world)
    assert len(found.victims) == 40


def test_a_port_deleted_under_a_pod_is_named_before_what_the_kubelet_says() -> None:
    world = World()
    world.warn("web-1", "CNI Daemon returned error 500")
    world.remove("port", "port-web-1")
    first = troubles(world)[0]
    assert (first.check, named(first)) == ("pod-port-missing", ("pod default/web-1",))
    assert "pod-plugged" in first.effects


def test_two_faults_are_two_findings() -> None:
    world = World()
    world.remove("port", "port-web-1")
    world.remove("security_group_rule", "r-services")
    assert [it.check for it in troubles(world)] == ["service-subnet-rule", "pod-port-missing"]


def test_failures_stand_before_the_unknown_and_that_before_warnings() -> None:
    world = World()
    world.limits["port"] = (10, 10)
    world.broken = {"router": AccessError("no")}
    world.remove("port", "port-web-1")
    states = [it.status for it in troubles(world)]
    assert states == [Status.FAIL, Status.UNKNOWN, Status.WARN]


def test_what_cannot_be_looked_at_for_one_reason_is_one_finding() -> None:
    why = Unreadable("Neutron does not answer", "look at its address")
    world = World()
    found = check_diagnosis(Look(read_diagnosis(world.site, world, why)))
    (unknown,) = [it for it in found if it.status is Status.UNKNOWN]
    assert unknown.evidence == "could not look: Neutron does not answer"
    assert unknown.remedy == "look at its address"
    assert len(unknown.effects) > 20
    assert not [it for it in found if it.status is Status.FAIL]


def test_one_pool_whose_members_cannot_be_read_is_unknown() -> None:
    world = World()
    world.broken = {"member": UnreachableError("busy")}
    (found,) = troubles(world)
    assert (found.status, found.check) == (Status.UNKNOWN, "switched-off")
    assert set(found.effects) >= {"members-differ", "api-balancer"}


@pytest.mark.parametrize(
    ("place", "checks"),
    [
        (EVERYWHERE, ["pod-port-missing", "group-too-open"]),
        (Place(pod="web-1"), ["pod-port-missing"]),
        (Place(pod="web-2"), []),
        (Place(pod="web-1", namespace="other"), []),
        (Place(service="web-0"), ["pod-port-missing"]),
        (Place(namespace="default"), ["pod-port-missing"]),
        (Place(namespace="other"), []),
    ],
)
def test_a_place_leaves_what_concerns_it(place: Place, checks: list[str]) -> None:
    world = World()
    world.remove("port", "port-web-1")
    world.add_rule("r-open", "g-nodes")
    assert [it.check for it in troubles(world, place)] == checks


def test_a_cause_concerns_every_place_if_it_is_the_controller() -> None:
    world = World()
    scale_to_nothing(world)
    (found,) = troubles(world, Place(pod="web-1"))
    assert found.check == "controller-replicas"


# One thing spoilt at a random place is found at that place.

Break = Callable[[World, int], str]


def break_port(world: World, index: int) -> str:
    world.remove("port", f"port-web-{index}")
    return f"pod default/web-{index}"


def break_mac(world: World, index: int) -> str:
    world.port_of(f"web-{index}")["mac_address"] = "fa:16:3e:00:00:00"
    return f"pod default/web-{index}"


def break_handling(world: World, index: int) -> str:
    world.unhandle(f"web-{index}")
    return f"pod default/web-{index}"


def break_plugging(world: World, index: int) -> str:
    world.warn(f"web-{index}", "CNI Daemon returned error 500")
    return f"pod default/web-{index}"


def break_membership(world: World, index: int) -> str:
    name = index // 10
    world.pool_members[f"p-default/web-{name}"].pop()
    return f"service default/web-{name}"


def break_balancer(world: World, index: int) -> str:
    name = f"default/web-{index // 10}"
    world.resource("loadbalancer", name)["provisioning_status"] = "ERROR"
    return f"service {name}"


def break_listener(world: World, index: int) -> str:
    name = f"default/web-{index // 10}"
    world.remove("listener", f"l-{name}")
    return f"service {name}"


def break_node(world: World, index: int) -> str:
    node = f"worker{index % 2 + 1}"
    world.remove("port", node)
    return f"node {node}"


def orphan(world: World, index: int) -> str:
    world.add_port(
        f"lost-{index}", "s-pods", "x", "10.64.200.1",
        device_owner="compute:kuryr", device_id=f"gone-{index}",
    )  # fmt: skip
    return f"port lost-{index}"


BREAKS: tuple[Break, ...] = (
    break_port,
    break_mac,
    break_handling,
    break_plugging,
    break_membership,
    break_balancer,
    break_listener,
    break_node,
    orphan,
)
PODS = 40
HEALTHY = {
    (driver, release): World(PODS, driver, release)
    for driver, release in ((MACVLAN, "stein"), (VLAN, "stein"), (VLAN, "2024.1"))
}


@pytest.mark.parametrize("kind", sorted(HEALTHY), ids="-".join)
@pytest.mark.parametrize("spoil", BREAKS, ids=lambda spoil: spoil.__name__)
@settings(max_examples=2)
@given(index=st.integers(0, PODS - 1))
def test_one_thing_that_is_broken_is_found_where_it_is(
    kind: tuple[VifDriver, str], spoil: Break, index: int
) -> None:
    world = copy.deepcopy(HEALTHY[kind])
    victim = spoil(world, index)
    found = troubles(world)
    assert found
    assert victim in named(found[0])
    assert all(set(named(it)) & {victim} or it.status is not Status.FAIL for it in found[:1])


WORDS = st.sampled_from(["10.64.0.1", "10.64.0.0/33", "::1", BEFORE, "None", "ERROR", "default"])
JUNK = json_values(scalars=SCALARS | WORDS)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in it."""
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [path, *(way for key, item in inner for way in places(item, (*path, key)))]


SMALL = {key: World(2, *key) for key in HEALTHY}


@settings(max_examples=100)
@given(data=st.data(), kind=st.sampled_from(sorted(SMALL)))
def test_nothing_that_an_api_may_answer_raises(data: Any, kind: tuple[VifDriver, str]) -> None:
    world = copy.deepcopy(SMALL[kind])
    worlds = (world.objects, world.resources, world.pool_members)
    # What is got by its name is what it is.
    kept = ("Deployment", "DaemonSet", "Namespace", "Secret", "ConfigMap")
    for _ in range(data.draw(st.integers(1, 3))):
        answers = data.draw(st.sampled_from(worlds))
        lists = sorted(key for key in answers if answers[key] and key not in kept)
        items = answers[data.draw(st.sampled_from(lists))]
        ways = [way for way in places(items) if way]
        if not ways or items == world.objects.get("Service"):
            continue
        *path, last = data.draw(st.sampled_from(ways))
        place: Any = items
        for key in path:
            place = place[key]
        if data.draw(st.booleans()):
            del place[last]
        else:
            place[last] = data.draw(JUNK)
    look = Look(world.read())
    found = check_diagnosis(look)
    assert not [it.evidence for it in found if it.remedy == REPORT]
    trace(look, Place(pod="web-0", service="web-0"))
    assert topology_of(look, found).site == world.site.name
    told = {it.check for it in found} | {name for it in found for name in it.effects}
    assert told == {check.name for check in CHECKS}


@settings(max_examples=40)
@given(st.sets(st.sampled_from(sorted({*SMALL[MACVLAN, "stein"].resources, "Pod", "Node", "Event",
       "Service", "Endpoints", "quotas of network", "quotas of load_balancer"}))))  # fmt: skip
def test_what_was_not_read_is_unknown_and_never_in_order_or_wrong(lists: set[str]) -> None:
    world = copy.deepcopy(SMALL[MACVLAN, "stein"])
    world.broken = {what: AccessError(f"no {what}") for what in lists}
    found = troubles(world)
    assert {it.status for it in found} <= {Status.UNKNOWN}
    # Trunks, agents and subnets of namespaces belong to other drivers.
    asked = lists - {"trunk", "agent", "subnet_pool"}
    assert bool(found) == bool(asked)


def test_without_events_it_is_not_known_why_a_pod_has_no_address() -> None:
    world = World()
    world.object("Pod", "web-1")["status"].pop("podIP")
    assert "pod-plugged" not in [it.check for it in troubles(world)]
    world.broken = {"Event": AccessError("no")}
    (unknown,) = [it for it in troubles(world) if it.status is Status.UNKNOWN]
    assert "pod-plugged" in (unknown.check, *unknown.effects)


def test_an_event_that_is_older_than_the_pod_was_about_another_of_that_name() -> None:
    world = World()
    world.warn("web-1", "CNI Daemon returned error 500")
    assert "pod-plugged" in [it.check for it in troubles(world)]
    world.object("Pod", "web-1")["metadata"]["creationTimestamp"] = moments_ago(5)
    assert "pod-plugged" not in [it.check for it in troubles(world)]


VICTIMS = st.lists(
    st.builds(Victim, st.sampled_from(["node", "pod", "subnet"]), st.sampled_from("ab")),
    max_size=3,
)


@given(general=st.lists(VICTIMS, max_size=4), detailed=st.lists(VICTIMS, max_size=4))
def test_a_cause_counts_where_no_check_that_reports_it_better_does(
    general: list[list[Victim]], detailed: list[list[Victim]]
) -> None:
    def cause(victims: list[Victim], *reported_by: str) -> Cause:
        return Cause(
            status=Status.WARN,
            evidence=str(victims),
            remedy="r",
            victims=tuple(victims),
            reported_by=frozenset(reported_by),
        )

    def is_reported(victims: list[Victim]) -> bool:
        return any(
            it in others or it.kind not in {other.kind for other in others}
            for others in detailed
            for it in victims
        )

    checks = [
        Check("general", "t", "s", find=lambda view: [cause(it, "detailed") for it in general]),
        Check("detailed", "t", "s", find=lambda view: [cause(it) for it in detailed]),
    ]
    left = [it for it in found(checks, lab_site(), None) if it.status is Status.WARN]
    counting = [it for it in general if not is_reported(it)]
    assert [it.evidence for it in left if it.check == "general"] == [*map(str, counting)]
    assert sum(it.check == "detailed" for it in left) == len(detailed)


def test_the_order_of_what_was_read_does_not_matter() -> None:
    world = World(PODS)
    for index in (3, 17):
        world.unhandle(f"web-{index}")
    world.remove("port", "port-web-5")
    before = [(it.check, frozenset(it.victims)) for it in troubles(world)]
    for items in (*world.objects.values(), *world.resources.values()):
        items.reverse()
    assert [(it.check, frozenset(it.victims)) for it in troubles(world)] == before
