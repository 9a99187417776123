"""Worlds where all is well raise no alarm, whatever they hold and whatever goes on in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from spoiling.diagnosis import SILENT, diagnosed
from worlds.objects import BEFORE, endpoints, metadata, moments_ago, service
from worlds.world import PODS, RANGE, World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.support import gets_balancer, site_objections
from kuryr_runbook.snapshots.cluster.objects import service_of

DRAWN, MANY = 100, 1000
Draw = random.Random
SITES = [
    (release, driver, provider)
    for release in RELEASES
    for driver in VifDriver
    for provider in OctaviaProvider
    if not [*site_objections(RELEASES[release], driver, provider, ("ours",))]
]


def healthy(seed: int) -> World:
    """The world of that number: a site that is allowed, and some of what goes on in clusters."""
    draw = Draw(seed)
    release, driver, provider = draw.choice(SITES)
    world = World(draw.choice((0, 1, 2, 4, 9, 15)), driver, release, nodes=draw.randint(2, 5))
    world.kubernetes = f"v{world.site.release.kubernetes_tried}.0"
    world.pair_limit = 100  # Fifteen pods on two workers are near Neutron's default.
    kuryr = world.site.kuryr.model_copy(update={"octavia_provider": provider})
    world.site = world.site.model_copy(update={"kuryr": kuryr})
    world.configure()
    if provider is OctaviaProvider.OVN:  # Its load balancers keep the clients' addresses.
        world.add_rule("r-everybody", "g-pods", remote_ip_prefix="0.0.0.0/0")
        world.resource("listener", "l-kubernetes-service").update(
            protocol="TCP", timeout_client_data=None, timeout_member_data=None
        )
        world.resource("pool", "p-kubernetes-service").update(
            protocol="TCP", lb_algorithm="SOURCE_IP_PORT"
        )
    for change in draw.sample(GOING_ON, draw.randint(0, len(GOING_ON))):
        change(world, draw)
    for balancer in world.resources["loadbalancer"]:
        balancer["provider"] = str(provider)
    return world


def any_pod(world: World, draw: Draw) -> dict[str, Any] | None:
    """One of those that run, and that nothing else befell; None when there is none."""
    pods = [
        it
        for it in world.objects["Pod"]
        if it["metadata"]["namespace"] == "default"
        and any(that["status"] == "True" for that in it["status"].get("conditions", ()))
        and "deletionTimestamp" not in it["metadata"]
        and it["metadata"]["creationTimestamp"] == BEFORE
    ]
    return draw.choice(pods) if pods else None


def leave_endpoints(world: World, pod: str) -> None:
    for item in world.objects["Endpoints"]:
        for subset in item["subsets"]:
            kept = (it for it in subset["addresses"] if it.get("targetRef", {}).get("name") != pod)
            subset["addresses"] = list(kept)


def leave_pools(world: World, pod: str) -> None:
    for members in world.pool_members.values():
        members[:] = [it for it in members if f"/{pod}:" not in it["name"]]


def leave_cloud(world: World, pod: str) -> None:
    """Kuryr gives the interface back."""
    leave_pools(world, pod)
    port = world.remove("port", f"port-{pod}")
    for other in world.resources["port"]:
        pairs = other["allowed_address_pairs"]
        other["allowed_address_pairs"] = [
            it for it in pairs if it["mac_address"] != port["mac_address"].lower()
        ]
    for trunk in world.resources["trunk"]:
        trunk["sub_ports"] = [it for it in trunk["sub_ports"] if it["port_id"] != port["id"]]
    if world.uses_crds:
        world.remove("KuryrPort", pod)


def ended(world: World, draw: Draw) -> None:
    if pod := any_pod(world, draw):
        name = pod["metadata"]["name"]
        pod["status"].update(phase=draw.choice(("Succeeded", "Failed")), conditions=[])
        leave_endpoints(world, name)
        leave_cloud(world, name)


def on_its_way_out(world: World, draw: Draw) -> None:
    """Out of its endpoints; of all else a part may be done, in the order in which Kuryr does it."""
    if pod := any_pod(world, draw):
        name = pod["metadata"]["name"]
        pod["metadata"]["deletionTimestamp"] = moments_ago(draw.choice((-30, -5, 0, 10)))
        if world.site.release.finalizers:
            pod["metadata"]["finalizers"] = ["kuryr.openstack.org/pod-finalizer"]
        leave_endpoints(world, name)
        draw.choice((lambda *_: None, leave_pools, leave_cloud))(world, name)


def just_made(world: World, draw: Draw) -> None:
    """Placed or not, and nobody has handled it yet."""
    name = f"new-{draw.random()}"
    found = {**metadata(name, "default"), "creationTimestamp": moments_ago(draw.randint(0, 50))}
    spec = draw.choice(({}, {"nodeName": "worker1"}))
    world.objects["Pod"].append({"metadata": found, "spec": spec, "status": {"phase": "Pending"}})


def just_ready(world: World, draw: Draw) -> None:
    """A pod of a rollout is in the endpoints, and no member yet."""
    if pod := any_pod(world, draw):
        pod["metadata"]["creationTimestamp"] = moments_ago(draw.randint(1, 50))
        leave_pools(world, pod["metadata"]["name"])


def not_yet_ready(world: World, draw: Draw) -> None:
    """Its probe fails: it is neither in the endpoints nor a member."""
    if pod := any_pod(world, draw):
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        leave_endpoints(world, pod["metadata"]["name"])
        leave_pools(world, pod["metadata"]["name"])


def complained_once(world: World, draw: Draw) -> None:
    """The kubelet had to wait for the interface of a pod that runs now."""
    if pod := any_pod(world, draw):
        name = pod["metadata"]["name"]
        world.objects["Event"].append(
            {
                "metadata": metadata(f"{name}.{draw.random()}", "default"),
                "type": "Warning",
                "reason": "FailedCreatePodSandBox",
                "message": "CNI Daemon returned error 504",
                "lastTimestamp": BEFORE,
                "involvedObject": {"kind": "Pod", "namespace": "default", "name": name},
            }
        )


def free_address(world: World, draw: Draw) -> str:
    used = {it["spec"].get("clusterIP") for it in world.objects["Service"]}
    return next(it for it in iter(lambda: str(RANGE[draw.randint(99, 999)]), "") if it not in used)


def other_service(world: World, draw: Draw) -> None:
    """Of a kind that Kuryr may ignore, and serves if it does not."""
    item = service(f"kind-{draw.random()}", free_address(world, draw))
    name, spec = item["metadata"]["name"], item["spec"]
    kind = draw.choice(("headless", "ExternalName", "NodePort", "bare", "UDP", "empty"))
    if kind == "headless":
        spec["clusterIP"] = "None"
    elif kind == "ExternalName":
        spec.update(type=kind, externalName="elsewhere.example")
        del spec["clusterIP"]
    elif kind == "NodePort":
        spec["type"] = kind
    elif kind == "bare":
        del spec["selector"]
    world.objects["Service"].append(item)
    world.objects["Endpoints"].append(endpoints(name, []))
    if kind == "UDP":
        spec["ports"][0]["protocol"] = kind
        world._add_balancer(f"default/{name}", spec["clusterIP"], 80, [])
        world.resource("listener", f"l-default/{name}")["protocol"] = kind


def young_service(world: World, draw: Draw) -> None:
    """Kuryr and Octavia are about to make its load balancer."""
    item = service(f"young-{draw.random()}", free_address(world, draw))
    name = item["metadata"]["name"]
    item["metadata"]["creationTimestamp"] = moments_ago(draw.randint(1, 50))
    item["spec"]["type"] = draw.choice(("ClusterIP", "LoadBalancer"))
    world.objects["Service"].append(item)
    world.objects["Endpoints"].append(endpoints(name, [("outside", str(PODS[9]))]))
    if draw.random() < 0.5:
        world._add_balancer(f"default/{name}", item["spec"]["clusterIP"], 80, [])
        world.resource("loadbalancer", f"default/{name}").update(
            provisioning_status="PENDING_CREATE", operating_status="OFFLINE",
            created_at=moments_ago(5), updated_at=None,
        )  # fmt: skip


def service_on_its_way_out(world: World, draw: Draw) -> None:
    item = service(f"going-{draw.random()}", free_address(world, draw))
    item["metadata"]["deletionTimestamp"] = moments_ago(draw.choice((0, 10)))
    item["metadata"]["finalizers"] = ["kuryr.openstack.org/service-finalizer"]
    place = f"default/{item['metadata']['name']}"
    if world.site.release.finalizers:
        world.objects["Service"].append(item)
        world._add_balancer(place, item["spec"]["clusterIP"], 80, [])
        world.resource("loadbalancer", place)["provisioning_status"] = draw.choice(
            ("ACTIVE", "PENDING_DELETE")
        )


def balancer_in_change(world: World, draw: Draw) -> None:
    """Octavia works at it since a moment, and its members are not all there."""
    world.resource("loadbalancer", "default/web-0").update(
        provisioning_status="PENDING_UPDATE", updated_at=moments_ago(draw.randint(1, 100))
    )
    del world.pool_members["p-default/web-0"][:1]


def port_just_made(world: World, draw: Draw) -> None:
    """Kuryr made the port of a pod that came after the pods were listed."""
    world.add_port(
        f"port-{draw.random()}", "s-pods", world.resource("subnet", "s-pods")["network_id"],
        str(PODS[draw.randint(900, 9000)]), device_owner="compute:kuryr", device_id="uid-next",
    )["created_at"] = moments_ago(3)  # fmt: skip


def cordoned(world: World, draw: Draw) -> None:
    draw.choice(world.objects["Node"])["spec"]["unschedulable"] = True


def said_once(world: World, draw: Draw) -> None:
    """The controller could not ask for a moment, and goes on since."""
    world.logs["kuryr-controller-0"] = (
        "2026-11-20 08:00:01.000 1 ERROR kuryr_kubernetes.handlers.retry [-] "
        + draw.choice(("The request you have made requires authentication", "ConnectTimeout"))
    )


def controller_rollout(world: World, draw: Draw) -> None:
    """The controller's former pod ends, not ready any more, while the new one works."""
    old = world.program_pod("kuryr-controller")
    ending = {
        **old["metadata"],
        "name": f"old-{draw.random()}",
        "deletionTimestamp": moments_ago(-9),
    }
    status = {**old["status"], "conditions": []}
    world.objects["Pod"].append({**old, "metadata": ending, "status": status})


def others_things(world: World, draw: Draw) -> None:
    """The project has machines, groups and addresses that are no cluster's."""
    name = f"other-{draw.random()}"
    world.add("network", id=f"n-{name}", mtu=9000, admin_state_up=False)
    world.add("security_group", id=f"g-{name}", name=name)
    world.add_rule(f"r-{name}", f"g-{name}")
    world.add_port(name, "s-else", f"n-{name}", "192.168.0.9", status="DOWN", security_groups=[])
    world.add("floatingip", id=f"f-{name}", floating_ip_address="203.0.113.77", port_id=name)


GOING_ON: list[Callable[[World, Draw], None]] = [
    ended, ended, on_its_way_out, on_its_way_out, just_made, just_made, just_ready, not_yet_ready,
    complained_once, other_service, other_service, other_service, young_service,
    service_on_its_way_out, balancer_in_change, port_just_made, cordoned, said_once,
    controller_rollout, others_things,
]  # fmt: skip


def unserved(world: World) -> set[str]:
    """Services with an address that Kuryr ignores: that is told of, and right so."""
    found = map(service_of, world.objects["Service"])
    ignored = (it for it in found if it.cluster_ip and not gets_balancer(world.site.release, it))
    return {str(it) for it in ignored}


def alarms(seeds: Iterable[int]) -> list[str]:
    told = []
    for seed in seeds:
        world = healthy(seed)
        for it in diagnosed(world):
            is_right = it.check == "service-unsupported" and {*map(str, it.victims)} <= unserved(
                world
            )
            if it.status not in SILENT and not is_right:
                told.append(f"{seed}: {it.status} {it.check}: {it.evidence}")
    return told


def test_a_healthy_world_raises_no_alarm() -> None:
    assert alarms(range(DRAWN)) == []


@pytest.mark.exhaustive
def test_a_thousand_healthy_worlds_raise_no_alarm() -> None:
    assert alarms(range(DRAWN, DRAWN + MANY)) == []
