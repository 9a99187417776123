"""What the cloud offers, and what it permits the user."""

from __future__ import annotations

import pytest
from spoiling.preflight import broken, findings, having, own_credential, ruled, spoiled, unspoilt
from worlds.apis import FORBIDDEN

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import OctaviaProvider

MEMBERS = ("load-balancer_member", "member")


@pytest.mark.parametrize(
    ("driver", "roles", "status"),
    [
        (VifDriver.NESTED_MACVLAN, (), Status.PASS),
        (VifDriver.NESTED_MACVLAN, MEMBERS, Status.WARN),
        (VifDriver.NESTED_VLAN, (), Status.PASS),
        (VifDriver.NESTED_VLAN, ("admin",), Status.PASS),
        (VifDriver.NESTED_VLAN, ("member",), Status.WARN),
        (VifDriver.NEUTRON_VIF, ("admin", "member"), Status.PASS),
        (VifDriver.NEUTRON_VIF, MEMBERS, Status.WARN),
    ],
)
def test_which_roles_of_an_own_credential_do_for_a_driver(
    driver: VifDriver, roles: tuple[str, ...], status: Status
) -> None:
    world = spoiled(own_credential(*roles, held=("admin", *MEMBERS)), driver)
    assert findings(world)["credential-roles"].status is status


def test_nobody_knows_which_roles_an_own_credential_may_have_without_a_login() -> None:
    world = spoiled(own_credential())
    broken("login")(world)
    assert findings(world)["credential-roles"].status is Status.UNKNOWN


def test_a_keystone_of_today_knows_access_rules() -> None:
    assert findings(spoiled(ruled))["access-rules"].status is Status.PASS


def test_nobody_knows_whether_a_keystone_that_says_nothing_has_access_rules() -> None:
    world = spoiled(ruled)
    broken("access rules")(world)
    assert findings(world)["access-rules"].status is Status.UNKNOWN


def test_the_provider_that_the_site_chose_has_to_be_there() -> None:
    world = unspoilt(VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby", octavia_provider=OctaviaProvider.OVN)
    finding = findings(world)["octavia-providers"]
    assert finding.status is Status.FAIL
    assert "only amphora, and Kuryr asks for ovn" in finding.evidence
    world.offered = ("amphora", "ovn")
    assert findings(world)["octavia-providers"].status is Status.PASS


@pytest.mark.parametrize(
    ("release", "version", "status"),
    [("ussuri", "v2.30", Status.WARN), ("victoria", "v2.5", Status.WARN),
     ("victoria", "v2.6", Status.FAIL)],
)  # fmt: skip
def test_amphorae_are_a_must_where_kuryr_asks_for_them_by_name(
    release: str, version: str, status: Status
) -> None:
    world = spoiled(having(offered=("f5",), octavia=[version]), VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release=release)
    assert findings(world)["octavia-providers"].status is status


def test_a_cloud_of_ovn_alone_is_for_sites_that_choose_it() -> None:
    world = spoiled(having(offered=("ovn",)), VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby")
    finding = findings(world)["octavia-providers"]
    assert finding.status is Status.FAIL
    assert finding.remedy == "set kuryr.octavia_provider to ovn"


def test_what_octavia_lacks_of_a_release_is_a_warning() -> None:
    world = spoiled(having(octavia=["v2.0", "v2.12"]), VifDriver.NESTED_VLAN)
    assert findings(world)["octavia-api"].status is Status.PASS
    world.change_site("kuryr", release="wallaby")
    finding = findings(world)["octavia-api"]
    assert finding.status is Status.WARN
    assert "2.12: Kuryr works without TCP and UDP on one port (2.13), SCTP (2.23)" in (
        finding.evidence
    )


def test_an_octavia_without_timeouts_is_refused_where_phase_02_sets_them() -> None:
    world = spoiled(having(octavia=["v2.0"]), VifDriver.NESTED_VLAN)
    finding = findings(world)["octavia-api"]
    assert finding.status is Status.FAIL
    assert "version 2.0 has no timeouts of listeners" in finding.evidence
    world.change_site("kuryr", release="wallaby", octavia_provider="ovn")
    assert findings(world)["octavia-api"].status is not Status.FAIL


def test_a_driver_without_binding_host_does_not_need_the_admin() -> None:
    world = spoiled(having(bound=FORBIDDEN), VifDriver.NESTED_VLAN)
    assert findings(world)["port-role"].status is Status.PASS


def test_given_ids_have_to_exist() -> None:
    world = unspoilt()
    world.change_site("network", kuryr_pod_subnet_id="pods", pod_security_group_id="group")
    evidence = findings(world)["has-to-exist"].evidence
    assert "subnet pods (network.kuryr_pod_subnet_id) does not exist" in evidence
    assert "security_group group (network.pod_security_group_id) does not exist" in evidence
