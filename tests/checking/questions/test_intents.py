"""What objects ask for that Kuryr does not do: found in their manifests, and judged."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import metadata
from worlds.sites import lab_site
from worlds.spaces import with_policies
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.intents import OF_POLICIES, Intent, Wish, unmet
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.intents import (
    namespace_of,
    pod_intents,
    policy_of,
    service_intents,
)


def of_release(release: str, **kuryr: Any) -> Site:
    site = lab_site(VifDriver.NESTED_VLAN)
    return site.model_copy(
        update={"kuryr": site.kuryr.model_copy(update={"release": release, **kuryr})}
    )


def service(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations or {}}, "spec": spec}


OUTSIDE: dict[str, Any] = {"type": "LoadBalancer"}


@pytest.mark.parametrize(
    ("item", "wishes"),
    [
        (service(), []),
        (service(**OUTSIDE), []),
        (service(**OUTSIDE, loadBalancerSourceRanges=["192.0.2.0/24"]), [Wish.SOURCE_RANGES]),
        (service(**OUTSIDE, loadBalancerSourceRanges=["0.0.0.0/0"]), []),
        (service(**OUTSIDE, loadBalancerSourceRanges=["192.0.2.0/24", "0.0.0.0/0"]), []),
        (service(**OUTSIDE, loadBalancerSourceRanges=["nonsense"]), [Wish.SOURCE_RANGES]),
        (service(type="ClusterIP", loadBalancerSourceRanges=["192.0.2.0/24"]), []),
        (service(**OUTSIDE, loadBalancerIP="203.0.113.9"), [Wish.WANTED_ADDRESS]),
        (service(**OUTSIDE, loadBalancerClass="example.org/lb"), [Wish.CLASS]),
        (service(**OUTSIDE, externalTrafficPolicy="Local"), [Wish.EXTERNAL_POLICY]),
        (service(**OUTSIDE, externalTrafficPolicy="Cluster"), []),
        (service(sessionAffinity="None"), []),
        (service(sessionAffinity="ClientIP"), [Wish.AFFINITY]),
        (service(externalIPs=["198.51.100.1"]), [Wish.EXTERNAL_IPS]),
        (service(internalTrafficPolicy="Local"), [Wish.INTERNAL_POLICY]),
        (service(ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack"), []),
        (service(ipFamilies=["IPv4"], ipFamilyPolicy="PreferDualStack"), []),
        (service(ipFamilies=["IPv4", "IPv6"]), [Wish.FAMILY]),
        (service(ipFamily="IPv6"), [Wish.FAMILY]),
        (service(ipFamilyPolicy="RequireDualStack"), [Wish.FAMILY]),
        (service({"openstack.org/kuryr-timeout-client-data": "9"}), [Wish.TIMEOUT]),
        (service({"other": "x"}), []),
    ],
)  # fmt: skip
def test_what_services_ask_for(item: dict[str, Any], wishes: list[Wish]) -> None:
    assert [it.wish for it in service_intents(item)] == wishes


@pytest.mark.parametrize(
    ("annotations", "containers", "wishes"),
    [
        ({}, [], []),
        ({"k8s.v1.cni.cncf.io/networks": "a"}, [], [Wish.NETWORKS]),
        ({"kubernetes.io/egress-bandwidth": "1M"}, [], [Wish.BANDWIDTH]),
        ({}, [{"ports": [{"containerPort": 80}]}], []),
        ({}, [{"ports": [{"containerPort": 80, "hostPort": 8080}]}], [Wish.HOST_PORT]),
    ],
)
def test_what_pods_ask_for(
    annotations: dict[str, str], containers: list[Any], wishes: list[Wish]
) -> None:
    item = {"metadata": {"annotations": annotations}, "spec": {"containers": containers}}
    assert [it.wish for it in pod_intents(item)] == wishes


def test_what_a_namespace_asks_for() -> None:
    item = {"metadata": {"name": "a", "annotations": {"openstack.org/kuryr-project": "p"}}}
    assert namespace_of(item).intents == (Intent(Wish.PROJECT, "p"),)
    assert namespace_of({"metadata": {"name": "a"}}).intents == ()


@pytest.mark.parametrize(
    ("spec", "closed"),
    [
        ({}, "ingress"),
        ({"ingress": []}, "ingress"),
        ({"ingress": [{}]}, ""),
        ({"ingress": [{"from": [{"podSelector": {}}]}]}, "ingress"),
        ({"ingress": [{"ports": [{"port": 80}]}]}, "ingress"),
        ({"ingress": [{"from": [{"podSelector": {}}]}, {}]}, ""),
        ({"policyTypes": ["Egress"]}, "egress"),
        ({"policyTypes": ["Ingress", "Egress"], "ingress": [{}]}, "egress"),
        ({"egress": [{"to": [{"podSelector": {}}]}]}, "ingress and egress"),
    ],
)
def test_what_a_policy_closes(spec: dict[str, Any], closed: str) -> None:
    item = {"metadata": {"name": "a", "namespace": "b"}, "spec": spec}
    assert [it.value for it in policy_of(item).intents] == ([closed] if closed else [])


@pytest.mark.parametrize("wish", [it for it in Wish if it is not Wish.WANTED_ADDRESS])
def test_what_becomes_of_each_wish_is_said(wish: Wish) -> None:
    site = of_release("stein")
    found = unmet(with_policies(site) if wish in OF_POLICIES else site, Intent(wish, "x"))
    assert found is not None
    assert found.reason
    assert found.remedy
    is_open = wish in (Wish.SOURCE_RANGES, Wish.CLOSED, Wish.EXCEPTIONS)
    assert found.status is (Status.FAIL if is_open else Status.WARN)


@pytest.mark.parametrize("release", RELEASES)
def test_timeouts_are_read_from_xena_on(release: str) -> None:
    older = ("stein", "train", "ussuri", "victoria", "wallaby")
    found = unmet(of_release(release), Intent(Wish.TIMEOUT, "client-data"))
    assert (found is not None) is (release in older)


def test_the_provider_ovn_keeps_the_clients_address() -> None:
    site = of_release("2024.1", octavia_provider="ovn")
    assert unmet(site, Intent(Wish.EXTERNAL_POLICY, "Local")) is None


def test_with_nested_macvlan_no_policy_can_ever_hold() -> None:
    for driver, words in ((VifDriver.NESTED_MACVLAN, True), (VifDriver.NESTED_VLAN, False)):
        world = World(driver=driver)
        world.objects["NetworkPolicy"].append({"metadata": metadata("deny", "default"), "spec": {}})
        (found,) = troubles(world)
        assert ("have no effect" in found.evidence) is words


def test_a_floating_ip_that_is_announced_as_wanted_is_well() -> None:
    world = World()
    world.object("Service", "web-0")["spec"]["loadBalancerIP"] = "203.0.113.7"
    assert troubles(world) == []


def test_all_that_ask_for_the_same_are_one_finding() -> None:
    world = World(4)
    for index in range(3):
        annotations = world.object("Pod", f"web-{index}")["metadata"]["annotations"]
        annotations["k8s.v1.cni.cncf.io/networks"] = "fast"
    (found,) = troubles(world)
    assert (found.check, len(found.victims)) == ("intent-unmet", 3)
