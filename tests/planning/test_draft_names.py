"""Names for what the runbook creates, in a cloud where others have the usual ones."""

from __future__ import annotations

from spoiling.preflight import unspoilt
from worlds.memory_cluster import CLUSTER_ID
from worlds.world import World

from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.planning.site_draft import draft_site
from kuryr_runbook.snapshots.survey import read_survey

NAMES = {
    "network.pod_subnet.name": ("subnet", "kuryr-pod-subnet"),
    "network.service_subnet.network": ("network", "kuryr-service-network"),
    "network.service_subnet.name": ("subnet", "kuryr-service-subnet"),
    "network.pod_security_group": ("security_group", "kuryr-pod-sg"),
}


def values(world: World) -> dict[str, object]:
    return {it.key: it.value for it in draft_site(read_survey(world, world), "mine")}


def with_all(description: str) -> World:
    world = unspoilt()
    for kind, name in NAMES.values():
        fields = {"cidr": "10.77.0.0/16"} if kind == "subnet" else {}
        world.add(kind, name=name, description=description, **fields)
    return world


def test_the_usual_names_are_left_as_they_are() -> None:
    assert not NAMES.keys() & values(unspoilt()).keys()


def test_another_clusters_resources_are_not_taken_for_this_ones() -> None:
    for description in ("", owner_mark("theirs", "another-cluster")):
        found = values(with_all(description))
        assert {key: found[key] for key in NAMES} == {
            "network.pod_subnet.name": "mine-pod-subnet",
            "network.service_subnet.network": "mine-service-network",
            "network.service_subnet.name": "mine-service-subnet",
            "network.pod_security_group": "mine-pod-sg",
        }
        assert found["network.pod_subnet.cidr"] != "10.77.0.0/16"


def test_what_phase_02_created_for_this_cluster_is_proposed_again() -> None:
    found = values(with_all(owner_mark("mine", CLUSTER_ID)))
    assert not NAMES.keys() & found.keys()
    assert found["network.pod_subnet.cidr"] == "10.77.0.0/16"


def test_a_router_to_be_created_does_not_become_somebody_elses() -> None:
    world = unspoilt()
    for port in world.resources["port"]:
        if port["device_owner"].startswith("network:router"):
            port["device_id"] = "elsewhere"
    assert values(world)["network.router"] == "mine-router"
