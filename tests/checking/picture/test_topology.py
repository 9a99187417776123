"""The topology: all that is there is in it, findings are marked, and many become few."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.objects import moments_ago, service
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.picture.marks import by_state, chosen, listed, natural, span
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.topology import Box, Mark, Topology, summed

MACVLAN, VLAN, OVS = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF
SMALL = World(4)


def seen(world: World) -> Topology:
    look = Look(world.read())
    return topology_of(look, check_diagnosis(look))


def texts(boxes: tuple[Box, ...]) -> str:
    return "\n".join(
        f"{box.what} {box.name}\n" + "\n".join(f"  {it.text} {it.end}" for it in box.lines)
        for box in boxes
    )


def mark(number: int, status: Status = Status.FAIL, count: int = 1) -> Mark:
    return Mark(number=number, status=status, count=count)


@pytest.mark.parametrize("address", ["203.0.113.6", "203.0.113.8"])
def test_floating_ips_stand_by_what_they_lead_to(address: str) -> None:
    world = World(4)
    ip = world.resources["floatingip"][0]
    theirs = {"id": "theirs", "floating_ip_address": address, "port_id": "p", "description": ""}
    world.resources["floatingip"].append({**ip, **theirs})
    ends = [line.end for line in seen(world).external.lines]
    assert ends == ["another port", "default/web-0"]


def test_the_floating_ip_of_an_api_server_and_of_a_port_with_a_name_say_so() -> None:
    world = World(4)
    [servers] = [it for it in world.objects["Endpoints"] if it["metadata"]["name"] == "kubernetes"]
    address = servers["subsets"][0]["addresses"][0]["ip"]
    api = next(
        it
        for it in world.resources["port"]
        if any(ip["ip_address"] == address for ip in it["fixed_ips"])
    )
    named = {**api, "id": "p-bastion", "name": "bastion", "fixed_ips": []}
    world.resources["port"].append(named)
    for number, port in enumerate((api, named)):
        more = {"id": port["id"], "floating_ip_address": f"203.0.113.20{number}"}
        ip = {**world.resources["floatingip"][0], **more, "port_id": port["id"]}
        world.resources["floatingip"].append(ip)
    ends = [line.end for line in seen(world).external.lines]
    assert ends == ["API server", "default/web-0", "port bastion"]
    node = world.objects["Node"][0]
    for it in node["status"]["addresses"]:
        it["address"] = address
    assert seen(world).external.lines[0].end == f"API server {node['metadata']['name']}"


@pytest.mark.parametrize(
    ("limits", "lines"),
    [
        ({"rbac_policy": (10, 0), "network": (-1, 7)}, [("none is in use", "")]),
        ({"network": (-1, 7)}, [("no limits", "")]),
        ({}, [("not known", "")]),
        (
            {
                "rbac_policy": (10, 0),
                "network": (100, 5),
                "router": (10, 1),
                "subnet": (1000, 1),
                "security_group": (10, 9),
            },
            [("security groups", "9 of 10, 1 left"), ("routers", "1 of 10"),
             ("networks", "5 of 100")],
        ),
    ],
)  # fmt: skip
def test_of_the_quotas_those_nearest_to_their_end_are_shown(
    limits: dict[str, tuple[int, int]], lines: list[tuple[str, str]]
) -> None:
    world = World(4)
    world.limits = limits
    world.balancer_limits = {}
    project = seen(world).project
    assert [(line.text, line.end) for line in project.lines] == lines


@pytest.mark.parametrize(
    ("driver", "release", "port"),
    [
        (MACVLAN, "stein", "port ACTIVE, 4 address pairs"),
        (VLAN, "2024.1", "port trunk ACTIVE, 4 subports"),
        (OVS, "stein", "port ACTIVE"),
    ],
)
def test_all_that_is_there_is_in_it(driver: VifDriver, release: str, port: str) -> None:
    found = seen(World(12, driver, release, nodes=3))
    assert (found.notes, found.marks) == ((), ())
    assert not any(box.all_marks for box in found.boxes)
    assert found.facts.startswith("3 nodes, 12 pods, 1 service, 2 load balancers, ")
    assert [box.name for box in found.nodes] == ["worker1", "worker2", "worker3"]
    told = texts(found.boxes)
    for part in (
        "external network ext-net", "203.0.113.7 default/web-0", "router k8s-router",
        "gateway yes", f"Kuryr {release}, {driver}", "controller 1 wanted, 1 of 1 ready",
        "daemons 3 of 3 ready", "subnet of nodes k8s-node-subnet", "172.16.0.0/16 MTU 1450",
        "subnet of pods kuryr-pod-subnet", "subnet of services kuryr-service-subnet",
        f"k8s-node-sg {5 if driver is MACVLAN else 4} rules, 3 ports",
        "kuryr-pod-sg 4 rules, 12 ports",
        "172.16.1.2 ready", port, "pods in default", "service default/kubernetes",
        "VIP 10.96.0.1 ACTIVE", "HTTPS 443 1 member", "api ONLINE", "service default/web-0",
        "VIP 10.96.0.10 ACTIVE", "from outside 203.0.113.7", "members ONLINE 10",
        *(f"web-{index} 10.64.0.{index + 10}" for index in range(12)),
    ):  # fmt: skip
        assert part in told
    assert [box.joined for box in (found.router, *found.subnets)] == [True] * 4


def test_300_nodes_are_one_box_where_all_is_well_and_few_lines() -> None:
    found = seen(World(1200, nodes=300))
    assert texts(found.nodes).splitlines() == [
        "nodes 300 without findings", "  worker1 … worker300 ", "  nodes ready 300",
        "  address pairs a node 4", "  pods a node 4", "  pods ready 1,200",
    ]  # fmt: skip
    assert texts(found.services).splitlines() == [
        "services 121 without findings", "  default/kubernetes … default/web-119 ",
        "  load balancer ACTIVE 121", "  members ONLINE 1,201",
    ]  # fmt: skip


def test_of_many_nodes_those_with_findings_are_by_themselves_the_gravest_first() -> None:
    world = World(100, nodes=20)
    for index in range(8):
        world.remove("port", f"port-web-{index}")
    world.node_port("worker20")["allowed_address_pairs"].append(
        {"ip_address": "172.16.1.19", "mac_address": "fa:16:3e:09:09:09"}
    )
    found = seen(world)
    assert [box.name for box in found.nodes] == [
        *(f"worker{index}" for index in range(1, 7)), "2 more with findings",
        "12 without findings",
    ]  # fmt: skip
    more = found.nodes[-2]
    assert [(it.number, it.count) for it in more.all_marks] == [(1, 2)]
    assert sum(it.count for box in found.nodes for it in box.all_marks if it.number == 1) == 8
    assert found.notes[0].victims == 8


def test_of_many_pods_of_a_node_those_with_findings_are_by_themselves() -> None:
    world = World(40)
    world.remove("port", "port-web-3")
    world.object("Pod", "web-5")["metadata"]["deletionTimestamp"] = moments_ago(1)
    world.object("Pod", "web-7")["status"]["phase"] = "Succeeded"
    lines = seen(world).nodes[1].lines
    assert [(line.text, line.end) for line in lines[2:]] == [
        ("pods in default", ""), ("web-3", "10.64.0.13"), ("more pods ready", "17"),
        ("more pods Terminating", "1"),
    ]  # fmt: skip
    assert [it.number for it in lines[3].marks] == [1]


def test_pods_of_no_known_node_are_told() -> None:
    world = World(4)
    world.objects["Node"].pop()
    del world.object("Pod", "web-0")["spec"]["nodeName"]
    told = texts(seen(world).nodes)
    assert "pods not on a node yet\n  pods in default \n  web-0" in told
    assert "node worker2\n  the cluster knows no such node" in told


def test_services_without_load_balancer_and_load_balancers_without_service() -> None:
    world = World(4)
    world.remove("loadbalancer", "default/web-0")
    world.objects["Service"].append(service("headless", "None"))
    world.resources["listener"].clear()
    world._add_balancer("kube_x", "10.96.0.200", 80, [])
    told = texts(seen(world).services)
    assert "service default/web-0\n  no load balancer type LoadBalancer\n  from outside" in told
    assert "load balancer kube_x\n  VIP 10.96.0.200 ACTIVE\n  of no Service that Kuryr" in told
    assert "no listener" in told
    assert "headless" not in told


def test_a_subnet_that_is_not_there_keeps_its_place() -> None:
    world = World()
    world.remove("subnet", "s-pods")
    pods = seen(world).subnets[1]
    assert (pods.name, pods.joined) == ("kuryr-pod-subnet", False)
    assert [line.text for line in pods.lines] == ["does not exist"]


def test_leg_and_gateway_are_links() -> None:
    world = World()
    world.remove("port", "leg-s-services")
    world.resource("router", "router")["external_gateway_info"] = None
    found = seen(world)
    assert [box.joined for box in (found.router, *found.subnets)] == [False, True, True, False]


@settings(max_examples=25)
@given(st.sets(st.sampled_from(sorted({*SMALL.resources, "Pod", "Node", "Service", "Event",
       "Endpoints", "member", "quotas of network", "quotas of load_balancer"}))))  # fmt: skip
def test_what_was_not_read_is_marked_as_unknown(lists: set[str]) -> None:
    world = copy.deepcopy(SMALL)
    world.broken = {what: AccessError(f"no {what}") for what in lists}
    found = seen(world)
    marks = summed([found.marks, *(box.all_marks for box in found.boxes)])
    assert [it.number for it in marks] == [note.number for note in found.notes]
    assert {it.status for it in marks} <= {Status.UNKNOWN}
    if "Node" in lists:
        assert "nodes could not look\n  no Node" in texts(found.nodes)
        assert "Pod" in lists or "node worker1\n  could not look" in texts(found.nodes)
    if "Pod" in lists:
        assert "pods could not look\n  no Pod" in texts(found.nodes)
    if "router" in lists:
        assert found.router.joined is None


def test_without_cluster_and_cloud_there_is_still_a_picture() -> None:
    world = World()
    world.kubernetes = "none"
    world.broken = dict.fromkeys((*world.objects, *world.resources), AccessError("nothing"))
    found = seen(world)
    assert "nodes not known" in found.facts
    assert all(note.status is Status.UNKNOWN for note in found.notes)


def test_a_place_that_no_box_shows_is_the_whole_site() -> None:
    world = World(driver=VLAN, release="2024.1")
    world.objects["NetworkPolicy"].append(
        {
            "kind": "NetworkPolicy",
            "metadata": {
                "name": "deny",
                "namespace": "default",
                "deletionTimestamp": moments_ago(900),
                "finalizers": ["kuryr.openstack.org/networkpolicy-finalizer"],
            },
        }
    )
    found = seen(world)
    assert [it.number for it in found.marks] == [2]
    assert "deny" in found.notes[1].evidence


@given(st.lists(st.text(max_size=6)))
def test_names_with_numbers_are_ordered_as_people_do(names: list[str]) -> None:
    assert sorted(["w10", "w2", "w1a", "w"], key=natural) == ["w", "w1a", "w2", "w10"]
    assert sorted(sorted(names, key=natural), key=natural) == sorted(names, key=natural)


@given(st.lists(st.sampled_from(list(Status)[1:4]) | st.none(), max_size=20), st.integers(1, 8))
def test_nothing_gets_lost_when_few_are_chosen(states: list[Status | None], limit: int) -> None:
    items = list(enumerate(states))
    shown, more, rest = chosen(
        items, limit, lambda it: [mark(1, it[1])] if it[1] is not None else []
    )
    assert sorted([*shown, *more, *rest], key=lambda it: it[0]) == items
    assert len(shown) <= limit
    assert all(state is not None for _, state in more)
    assert all(state is None for _, state in rest)
    assert not more or len(shown) == limit


@given(st.lists(st.sampled_from("abcdefg"), max_size=30))
def test_states_are_counted_and_the_rare_ones_together(states: list[str]) -> None:
    found = by_state(states, str)
    assert sorted(item for _, items in found for item in items) == sorted(states)
    assert len(found) <= 5


def test_few_names_are_listed_and_many_begin_and_end() -> None:
    assert listed(["a", "b", "c"]).text == "a, b, c"
    many = listed([f"n{index}" for index in range(500)])
    assert (many.text, many.hint.count(",")) == ("n0 … n499", 99)
    assert (span([3]), span([1, 2000])) == ("3", "1 to 2,000")


def test_marks_are_summed_by_number() -> None:
    assert summed([[mark(2)], [mark(1), mark(2, count=3)]]) == (mark(1), mark(2, count=4))
