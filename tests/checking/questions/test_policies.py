"""Network policies: what they mean for the checks of groups, quotas and firewalls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from spoiling.diagnosis import troubles
from spoiling.preflight import findings
from worlds.objects import metadata
from worlds.shell import Shell
from worlds.spaces import policed_world, spaced_world
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.snapshots.cluster.enforced import enforced_of


def diagnosed(world: World, check: str) -> Finding:
    return next(it for it in check_diagnosis(Look(world.read())) if it.check == check)


def policy(world: World, name: str = "web", **spec: Any) -> None:
    world.objects["NetworkPolicy"].append(
        {"kind": "NetworkPolicy", "metadata": metadata(name, "default"), "spec": spec}
    )


@pytest.mark.parametrize("release", ["wallaby", "zed", "2024.1"])
@pytest.mark.parametrize("driver", [VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF])
def test_a_world_with_policies_is_well(release: str, driver: VifDriver) -> None:
    assert troubles(policed_world(release, driver)) == []


def test_a_policy_is_unenforced_only_while_policies_are_off() -> None:
    world = spaced_world()
    policy(world, podSelector={}, policyTypes=["Ingress"])
    [found] = troubles(world)
    assert (found.check, found.status) == ("policy-unenforced", Status.FAIL)
    assert "set kuryr.network_policies: true" in found.remedy
    assert diagnosed(policed_world(), "policy-unenforced").status is Status.PASS


def test_what_kuryr_makes_of_a_policy_is_not_always_what_it_says() -> None:
    world = policed_world()
    block = {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/28", "192.0.2.64/28"]}
    rule = {"from": [{"ipBlock": block}], "ports": [{"port": 8000, "endPort": 8009}]}
    policy(world, "web", podSelector={}, policyTypes=["Ingress"], ingress=[rule])
    exceptions, ports = (it for it in troubles(world) if it.check == "policy-unenforced")
    assert (exceptions.status, ports.status) == (Status.FAIL, Status.WARN)
    assert "192.0.2.0/28, 192.0.2.64/28" in exceptions.evidence
    assert "8000 to 8009" in ports.evidence


def test_one_exception_works() -> None:
    world = policed_world()
    block = {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/28"]}
    policy(world, podSelector={}, policyTypes=["Egress"], egress=[{"to": [{"ipBlock": block}]}])
    assert "policy-unenforced" not in {it.check for it in troubles(world)}


def test_a_pods_group_that_does_not_admit_everybody_is_reported() -> None:
    world = policed_world()
    world.remove("security_group_rule", "r-all")
    assert "service-subnet-rule" in {it.check for it in troubles(world)}


def test_a_firewall_that_does_not_filter_subports_is_a_failure() -> None:
    world = policed_world()
    world.node_port("worker1")["binding:vif_details"] = {"ovs_hybrid_plug": True}
    [found] = troubles(world)
    assert (found.check, found.status) == ("policy-firewall", Status.FAIL)
    assert "firewall_driver = openvswitch" in found.remedy


@pytest.mark.parametrize(
    ("details", "status"),
    [
        ({"ovs_hybrid_plug": True}, Status.FAIL),
        ({"ovs_hybrid_plug": False}, Status.PASS),
        ({"port_filter": True}, Status.PASS),
        ({}, Status.UNKNOWN),
    ],
)
def test_preflight_looks_at_the_firewall_too(details: dict[str, Any], status: Status) -> None:
    world = World(release="2024.1", driver=VifDriver.NESTED_VLAN, installed=False)
    world.site = policed_world().site
    for name in ("worker1", "worker2"):
        world.node_port(name)["binding:vif_details"] = details
    assert findings(world)["policy-firewall"].status is status


def test_a_binding_that_is_hidden_is_unknown() -> None:
    world = policed_world()
    del world.node_port("worker1")["binding:vif_details"]
    assert diagnosed(world, "policy-firewall").status is Status.UNKNOWN


def test_what_policies_need_of_the_quotas_is_counted() -> None:
    world = World(release="2024.1", driver=VifDriver.NESTED_VLAN, installed=False)
    policed = policed_world()
    world.site = policed.site
    world.extensions.append("subnet_allocation")
    ports = [{"port": 80}, {"port": 443}]
    peers = [{"podSelector": {}}, {"ipBlock": {"cidr": "192.0.2.0/24"}}]
    policy(
        world, podSelector={}, policyTypes=["Ingress"], ingress=[{"from": peers, "ports": ports}]
    )
    found = findings(world)["quota-neutron"].evidence
    assert "1 for network policies" in found
    # Services' and nodes' subnets, two peers with two ports each, and all egress in both families.
    assert "8 for network policies, at least" in found


def test_a_policys_group_that_is_gone_is_made_again_by_a_patch() -> None:
    world = policed_world()
    world.remove("security_group", "g-closed")
    [found] = [it for it in troubles(world) if it.check == "policy-group"]
    assert found.victims == (Victim("NetworkPolicy", "closed", "default"),)
    assert "kubectl -n default patch kuryrnetworkpolicy closed" in found.remedy


def test_a_rule_that_somebody_took_away_or_added_is_reported() -> None:
    world = policed_world()
    world.remove("security_group_rule", "r-web-closed")
    [lost] = troubles(world)
    assert "sg/default-closed lacks ingress tcp 80-80 10.80.0.11/32" in lost.evidence
    world = policed_world()
    world.add_rule("r-more", "g-closed", remote_ip_prefix="198.51.100.0/24")
    [more] = troubles(world)
    assert more.remedy == "openstack security group rule delete r-more"


def test_a_pod_whose_port_lost_the_policys_group_is_named() -> None:
    world = policed_world()
    world.port_of("web-0")["security_groups"] = ["g-pods"]
    [found] = troubles(world)
    assert (found.check, found.victims) == ("pod-groups", (Victim("pod", "web-0", "default"),))
    assert "kuryr-pod-sg instead of sg/default-closed" in found.evidence
    assert found.remedy.endswith("--security-group g-closed port-web-0")


def test_a_pod_that_no_policy_selects_has_the_pods_group() -> None:
    world = policed_world()
    world.port_of("web-1")["security_groups"] = ["g-closed"]
    [found] = troubles(world)
    assert "sg/default-closed instead of kuryr-pod-sg" in found.evidence


@pytest.mark.parametrize(
    ("operator", "values", "selected"),
    [
        ("In", ["db", "web"], True),
        ("In", ["db"], False),
        ("NotIn", ["db"], True),
        ("NotIn", ["web"], False),
        ("Exists", [], True),
        ("DoesNotExist", [], False),
        ("Near", [], False),
    ],
)
def test_expressions_select_as_kubernetes_says(
    operator: str, values: list[str], *, selected: bool
) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    selector = {"podSelector": {"matchExpressions": [expression]}}
    assert enforced_of({"spec": selector}).selects((("app", "web"),)) is selected


def without_group(world: World) -> None:
    world.remove("security_group", "g-closed")
    world.resources["security_group_rule"] = [
        it for it in world.resources["security_group_rule"] if it["security_group_id"] != "g-closed"
    ]
    world.port_of("web-0")["security_groups"] = []


def without_rule(world: World) -> None:
    world.remove("security_group_rule", "r-web-closed")


def with_rule(world: World) -> None:
    world.add_rule("r-more", "g-closed", remote_ip_prefix="198.51.100.0/24")


def off_the_port(world: World) -> None:
    world.port_of("web-0")["security_groups"] = ["g-pods"]


@pytest.mark.parametrize("spoil", [without_group, without_rule, with_rule, off_the_port])
def test_what_is_printed_helps(spoil: Callable[[World], None]) -> None:
    world = policed_world()
    shell = Shell(world)
    spoil(world)
    assert {it.check for it in troubles(world)} & {"policy-group", "pod-groups"}
    shell.run(troubles(world)[0].remedy)
    assert troubles(world) == []
