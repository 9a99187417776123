"""What the form offers: what is there, by names that mean one thing, else by ids."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
from worlds.world import World

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site_form import form_fields
from kuryr_runbook.planning.site_offers import Offer, site_offers
from kuryr_runbook.snapshots.inventory import read_inventory
from kuryr_runbook.snapshots.reading import attempted

WORLD = World(2)


def offers(world: World) -> dict[str, Sequence[Offer]]:
    return site_offers(read_inventory(lambda: world, lambda: world, attempted))


@pytest.fixture
def world() -> World:
    return copy.deepcopy(WORLD)


def labels(found: Sequence[Offer]) -> list[str]:
    return [it.label for it in found]


def test_offers_are_for_keys_that_the_form_has(world: World) -> None:
    assert offers(world).keys() <= {field.path for field in form_fields()}


def test_each_resource_is_offered_where_it_can_be_named(world: World) -> None:
    found = offers(world)
    assert [it.value for it in found["network.external_network"]] == ["ext-net"]
    assert "ext-net" not in [it.value for it in found["network.service_subnet.network"]]
    assert [it.value for it in found["network.router"]] == ["k8s-router"]
    assert "kuryr-pod-sg" in [it.value for it in found["network.pod_security_group"]]
    assert [it.value for it in found["kuryr.octavia_provider"]] == ["amphora", "ovn"]
    [server] = found["kubernetes.api_root"]
    assert server.value.startswith("https://172.16.")
    assert "kube-system" in [it.value for it in found["kubernetes.namespace"]]
    assert [it.value for it in found["kuryr.link_iface"]] == ["ens3"]


def test_the_subnet_with_the_nodes_is_the_first_and_not_for_pods(world: World) -> None:
    found = offers(world)
    first = found["network.node_subnet"][0]
    assert first.value == "k8s-node-subnet"
    assert first.label.endswith("172.16.0.0/16, has the nodes")
    assert first.value not in [it.value for it in found["network.pod_subnet.name"]]


def test_a_name_that_several_have_is_offered_by_id(world: World) -> None:
    [router] = world.resources["router"]
    assert offers(world)["network.router"][0].others == (router["id"],)
    world.resources["router"] += [
        {**router, "id": "r-other"},
        {**router, "id": "r-unnamed", "name": ""},
    ]
    found = offers(world)["network.router"]
    assert [it.value for it in found] == [router["id"], "r-other", "r-unnamed"]
    assert labels(found)[1:] == ["k8s-router (r-other)", "without a name (r-unnamed)"]


def test_nodes_without_a_common_interface_offer_none(world: World) -> None:
    world.interfaces = {"worker1": ("ens3",), "worker2": ("eth0",)}
    assert "kuryr.link_iface" not in offers(world)
    world.objects["Node"].clear()
    assert "kuryr.link_iface" not in offers(world)


def test_releases_say_whether_they_fit_the_cluster(world: World) -> None:
    world.kubernetes = "v1.20.2"
    found = {it.value: it.label for it in offers(world)["kuryr.release"]}
    assert found.keys() == RELEASES.keys()
    assert found["stein"] == "stein (Kubernetes 1.11 to 1.23) ✓ fits v1.20.2"
    world.kubernetes = "v1.30.0"
    assert "✗ not v1.30.0" in {it.value: it.label for it in offers(world)["kuryr.release"]}["stein"]
    world.broken = {"version": AccessError("no")}
    assert labels(offers(world)["kuryr.release"])[0] == "stein (Kubernetes 1.11 to 1.23)"


@pytest.mark.parametrize(
    ("broken", "missing"),
    [
        ("Node", {"kuryr.link_iface"}),
        ("subnet", {"network.node_subnet", "network.pod_subnet.name",
                    "network.service_subnet.name"}),
        ("router", {"network.router"}),
        ("loadbalancer", {"network.api_load_balancer"}),
        ("Namespace ", {"kubernetes.namespace"}),
    ],
)  # fmt: skip
def test_what_was_not_read_is_not_offered(world: World, broken: str, missing: set[str]) -> None:
    before = offers(world).keys()
    world.broken = {broken.strip(): AccessError("no")}
    assert before - offers(world).keys() == missing
