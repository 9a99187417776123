"""Which sites may have a subnet for each namespace."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from worlds.sites import lab_sections

from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import site_problems


def problems(
    release: str = "2024.1", driver: str = "nested-vlan", spaces: Mapping[str, object] | None = None
) -> list[str]:
    sections = lab_sections(
        network={"namespace_subnets": {"enabled": True, **(spaces or {})}},
        kuryr={"release": release, "vif_driver": driver, "resource_tags": ["lab"]},
    )
    return [f"{path}: {text}" for path, text in site_problems(sections)]


@pytest.mark.parametrize("release", RELEASES)
def test_from_wallaby_on_namespaces_may_have_subnets(release: str) -> None:
    old = release in ("stein", "train", "ussuri", "victoria")
    found = problems(release)
    assert len(found) == old
    assert not old or "use Kuryr wallaby or later" in found[0]


@pytest.mark.parametrize("driver", ["nested-vlan", "neutron-vif"])
def test_drivers_whose_pods_have_a_network_of_their_own_may(driver: str) -> None:
    assert problems(driver=driver) == []


def test_pods_in_the_nodes_network_may_not() -> None:
    [found] = problems(driver="nested-macvlan")
    assert found.startswith("network.namespace_subnets.enabled: with nested-macvlan")
    assert "use a driver other than nested-macvlan" in found


@pytest.mark.parametrize(
    ("spaces", "text"),
    [
        ({"cidr": "10.1.0.0/16"}, "network.namespace_subnets.cidr: .*the pod subnet"),
        ({"cidr": "10.2.0.0/16"}, "network.namespace_subnets.cidr: .*the service subnet"),
        ({"prefix_length": 15}, "network.namespace_subnets.prefix_length: a /15 does not fit"),
        ({"prefix_length": 29}, "network.namespace_subnets.prefix_length"),
    ],
)
def test_ranges_that_cannot_work_are_refused(spaces: dict[str, object], text: str) -> None:
    [found] = problems(spaces=spaces)
    assert re.match(text, found)


def policy_problems(release: str = "2024.1", driver: str = "nested-vlan", **kuryr: object) -> str:
    sections = lab_sections(
        network={"namespace_subnets": {"enabled": kuryr.pop("spaces", True)}},
        kuryr={"release": release, "vif_driver": driver, "network_policies": True, **kuryr},
    )
    found = [f"{path}: {text}" for path, text in site_problems(sections)]
    return "\n".join(it for it in found if it.startswith("kuryr.network_policies"))


@pytest.mark.parametrize("release", RELEASES)
def test_policies_are_for_wallaby_and_later(release: str) -> None:
    found = policy_problems(release, resource_tags=["lab"])
    assert bool(found) == (release in ("stein", "train", "ussuri", "victoria"))
    assert not found or "use Kuryr wallaby or later" in found


def test_policies_need_ports_whose_groups_count_and_subnets_of_namespaces() -> None:
    assert policy_problems(driver="neutron-vif") == ""
    assert "groups of pods' own ports have no effect" in policy_problems(driver="nested-macvlan")
    assert "set network.namespace_subnets.enabled: true" in policy_problems(spaces=False)


def test_what_is_off_is_not_judged() -> None:
    sections = lab_sections(network={"namespace_subnets": {"cidr": "10.1.0.0/16"}})
    assert Site.model_validate(sections).extensions == ()
