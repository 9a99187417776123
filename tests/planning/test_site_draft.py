"""A first site file from what cloud and cluster answer: what is found, and what is not."""

from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from spoiling.preflight import node_ports, unspoilt
from worlds.world import World

from kuryr_runbook.model.addressing import service_problems
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import drafted_blanks
from kuryr_runbook.model.site_form import form_fields, texts_of
from kuryr_runbook.model.site_template import filled
from kuryr_runbook.planning.draft_keys import HOW, DraftKey
from kuryr_runbook.planning.site_draft import draft_site, pod_prefix
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.survey import read_survey


def drafted(world: World) -> dict[str, DraftKey]:
    return {item.key: item for item in draft_site(read_survey(world, world), "mine")}


def values(world: World) -> dict[str, object]:
    return {key: item.value for key, item in drafted(world).items()}


def test_what_is_there_is_found() -> None:
    network = unspoilt().site.network
    assert values(unspoilt()) == {
        "kubernetes.service_cidr": "10.96.0.0/17",
        "network.service_subnet.cidr": "10.96.0.0/16",
        "network.external_network": network.external_network,
        "network.router": network.router,
        "network.node_subnet": network.node_subnet,
        "network.node_security_group": network.node_security_group,
        "network.pod_subnet.cidr": "10.1.0.0/23",
        "kuryr.release": "2024.1",
        "kuryr.vif_driver": "nested-macvlan",
        "kuryr.link_iface": "ens3",
        "image.repository": None,
    }


def test_without_a_cluster_the_cloud_is_reported_of() -> None:
    world = unspoilt()
    gone = Unreadable("the API server does not answer")
    found = {item.key: item for item in draft_site(read_survey(world, gone), "mine")}
    assert "does not answer" in found["kubernetes.service_cidr"].because
    assert "does not answer" in found["network.node_subnet"].because
    assert found["network.pod_subnet.cidr"].value == "10.1.0.0/24"


def test_without_a_cloud_the_cluster_is_reported_of() -> None:
    world = unspoilt()
    found = {
        item.key: item
        for item in draft_site(
            read_survey(Unreadable("no entry k8s in clouds.yaml"), world), "mine"
        )
    }
    assert found["network.router"] == DraftKey(
        key="network.router", value=None, because="no entry k8s in clouds.yaml"
    )
    assert found["kubernetes.service_cidr"].value == "10.96.0.0/17"


def test_a_question_without_an_answer_leaves_the_rest() -> None:
    world = unspoilt()
    world.broken["providers"] = UnreachableError("Octavia does not answer")
    world.broken["version"] = UnreachableError("try again")
    found = drafted(world)
    assert found["kuryr.octavia_provider"].because == "Octavia does not answer"
    assert found["kuryr.release"].because == "try again"
    assert found["network.router"].value


def test_nodes_that_neutron_does_not_know_are_named() -> None:
    world = unspoilt()
    for port in node_ports(world):
        port["fixed_ips"] = []
    found = drafted(world)
    assert found["network.node_subnet"].value is None
    assert "no port of the project has a node's address (" in found["network.node_subnet"].because


def test_of_several_external_networks_the_routers_is_meant() -> None:
    world = unspoilt()
    world.add("network", name="other-net", **{"router:external": True})
    assert values(world)["network.external_network"] == world.site.network.external_network
    world.resources["router"][0]["external_gateway_info"] = None
    item = drafted(world)["network.external_network"]
    assert item.value is None
    assert "other-net" in item.because


def test_a_subnet_without_a_router_gets_one() -> None:
    world = unspoilt()
    world.resources["router"].clear()
    item = drafted(world)["network.router"]
    assert item.value == "k8s-router"
    assert "one of this name will be created" in item.because


def test_a_resource_without_a_name_is_reported_by_its_id() -> None:
    world = unspoilt()
    router = world.resources["router"][0]
    router["name"] = ""
    item = drafted(world)["network.router"]
    assert item.value == router["id"]
    assert "it has no name" in item.because


def test_the_group_default_is_not_taken_for_the_nodes_own() -> None:
    world = unspoilt()
    [group] = [it for it in world.resources["security_group"] if it["name"]]
    group["name"] = "default"
    item = drafted(world)["network.node_security_group"]
    assert item.value == "k8s-node-sg"
    assert "will be created" in item.because


def test_pods_get_a_range_that_is_free() -> None:
    world = unspoilt()
    world.said = "valid IPs is 10.2.0.0/25"
    world.add("subnet", name="taken", cidr="10.1.128.0/20")
    world.add("subnet", name="six", cidr="fd00::/64")
    assert values(world)["network.pod_subnet.cidr"] == "10.3.0.0/23"


def test_octavia_without_amphorae_is_used_as_it_is() -> None:
    world = unspoilt()
    world.offered = ("ovn",)
    assert values(world)["kuryr.octavia_provider"] == "ovn"


def test_a_cluster_too_old_for_every_release() -> None:
    world = unspoilt()
    world.kubernetes = "v1.10.0"
    item = drafted(world)["kuryr.release"]
    assert item.value is None
    assert "v1.10.0" in item.because


def test_the_latest_release_that_runs_on_the_cluster_is_taken() -> None:
    world = unspoilt()
    world.kubernetes = "v1.15.0"
    assert values(world)["kuryr.release"] == "ussuri"
    assert values(world)["kuryr.resource_tags"] == ("mine",)


@pytest.mark.parametrize("driver", VifDriver)
def test_trunks_that_are_prepared_are_used(driver: VifDriver) -> None:
    world = unspoilt(driver)
    wanted = "nested-vlan" if driver is VifDriver.NESTED_VLAN else "nested-macvlan"
    assert values(world)["kuryr.vif_driver"] == wanted
    world.node_port("worker1").pop("trunk_details", None)
    assert values(world)["kuryr.vif_driver"] == "nested-macvlan"


NO_DEFAULT = {"kuryr.credentials"}
"""A choice of the example's, which it explains: every other key says what leaving it out would."""


def test_no_key_keeps_the_value_of_the_example() -> None:
    nobody = Unreadable("it does not answer")
    drafted: dict[str, object] = {"name": "mine", "openstack.cloud": "k8s"}
    drafted |= {it.key: it.written for it in draft_site(read_survey(nobody, nobody), "mine")}
    text = filled((packaged("parameters") / "example.yaml").read_text(), drafted)
    kept = {key: it for key, it in leaves(yaml.safe_load(text)) if key not in drafted}
    defaults = {it.path: it.default for it in form_fields()}
    shown = texts_of(yaml.safe_load(text))
    assert {key for key in kept if shown[key] != defaults[key]} == NO_DEFAULT
    blanks = {it.key for it in drafted_blanks(text, "draft")}
    assert drafted.keys() - blanks == {"name", "openstack.cloud", "kuryr.vif_driver"}


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        yield path.lstrip("."), value
        return
    for key, inner in value.items():
        yield from leaves(inner, f"{path}.{key}")


def test_whatever_may_stay_blank_says_how_to_look_it_up() -> None:
    nobody = Unreadable("it does not answer")
    for item in draft_site(read_survey(nobody, nobody), "mine"):
        assert item.value is not None or str(item.written).startswith(f"LOOK UP: {HOW[item.key]} (")


@pytest.mark.parametrize(
    ("said", "subnet"),
    [
        ("valid IPs is 10.96.0.0/12", "10.96.0.0/11"),
        ("valid IPs is 10.43.0.0/16", "10.40.0.0/13"),
        ("valid IPs is 172.30.0.0/16", "172.30.0.0/15"),
        ("valid IPs is 255.128.0.0/9", None),
        ("no range is named", None),
    ],
)
def test_the_service_subnet_has_the_cluster_range_in_its_lower_half(
    said: str, subnet: str | None
) -> None:
    world = unspoilt()
    world.said = said
    item = drafted(world)["network.service_subnet.cidr"]
    assert item.value == subnet
    assert item.because


@given(st.integers(8, 27), st.integers(0, 2**32 - 1))
def test_any_range_gets_a_fitting_subnet_or_none(prefix: int, address: int) -> None:
    services = IPv4Network((address, prefix), strict=False)
    world = unspoilt()
    world.said = f"valid IPs is {services}"
    value = drafted(world)["network.service_subnet.cidr"].value
    if value is not None:
        assert not list(service_problems(IPv4Network(value), services))


@given(st.integers(0, 10**6))
def test_a_pod_range_has_an_address_for_each(pods: int) -> None:
    prefix = pod_prefix(pods)
    assert 16 <= prefix <= 24
    assert prefix == 16 or 2 ** (32 - prefix) >= pods + 4
    assert prefix == 24 or 2 ** (32 - prefix - 1) < pods + 4
