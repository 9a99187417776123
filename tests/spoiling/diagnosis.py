"""Ways to spoil the world of diagnosis, and what is found then."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from typing import Any

from worlds.cloud_answers import answer
from worlds.objects import endpoints, metadata, moments_ago, service
from worlds.world import RANGE, World

from kuryr_runbook.checking.diagnosis import EVERYWHERE, Place, check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.specs.controller import CONFIG_KEY
from kuryr_runbook.specs.manifests import encoded

MACVLAN, VLAN, OVS = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF


SILENT = (Status.PASS, Status.SKIP)


Spoil = Callable[[World], Any]


def diagnosed(world: World, place: Place = EVERYWHERE) -> list[Finding]:
    return check_diagnosis(Look(world.read()), place)


def troubles(world: World, place: Place = EVERYWHERE) -> list[Finding]:
    return [finding for finding in diagnosed(world, place) if finding.status not in SILENT]


def not_ready(world: World, program: str, reason: str = "CrashLoopBackOff") -> None:
    status = world.program_pod(program)["status"]
    status["conditions"] = []
    status["containerStatuses"][0] |= {
        "state": {"waiting": {"reason": reason}},
        "lastState": {"terminated": {"exitCode": 1}},
    }


def nowhere_to_start(world: World) -> None:
    """No node takes the controller any more, and it does not run."""
    not_ready(world, "kuryr-controller", "Pending")
    for item in world.objects["Node"]:
        item["spec"]["taints"] = [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]


def log(world: World, program: str, line: str) -> None:
    not_ready(world, program)
    world.logs[world.program_pod(program)["metadata"]["name"]] = f"ERROR kuryr {line}"


def restarted(world: World) -> None:
    container = world.program_pod("kuryr-controller")["status"]["containerStatuses"][0]
    container["restartCount"] = 7
    container["lastState"] = {"terminated": {"finishedAt": moments_ago(200)}}


def both(first: Spoil, second: Spoil) -> Spoil:
    def spoil(world: World) -> None:
        first(world)
        second(world)

    return spoil


def without_daemon(world: World) -> None:
    world.objects["Pod"].remove(world.program_pod("kuryr-daemon"))


def unready_node(world: World) -> None:
    world.object("Node", "worker2")["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "message": "cni config uninitialized"}
    ]


def tagged(world: World) -> None:
    world.site = world.site.model_copy(
        update={"kuryr": world.site.kuryr.model_copy(update={"resource_tags": ("blue",)})}
    )
    world.configure()


def pairs(count: int) -> Spoil:
    def spoil(world: World) -> None:
        extra = [
            {"ip_address": f"10.99.0.{index}", "mac_address": f"fa:16:3e:99:00:{index:02x}"}
            for index in range(count)
        ]
        pairs = world.node_port("worker2")["allowed_address_pairs"]
        pairs += extra[len(pairs) :]

    return spoil


def full(world: World) -> None:
    pairs(10)(world)
    world.unhandle("web-1")
    pairs(10)(world)


def limited(spoil: Spoil, limit: int) -> Spoil:
    """Neutron says how many pairs it allows."""

    def spoil_and_limit(world: World) -> None:
        spoil(world)
        world.pair_limit = limit

    return spoil_and_limit


def pair_lost(world: World) -> None:
    world.node_port("worker2")["allowed_address_pairs"].pop()


def pair_stale(world: World) -> None:
    world.node_port("worker2")["allowed_address_pairs"].append(
        {"ip_address": "10.64.9.9", "mac_address": "fa:16:3e:09:09:09"}
    )


def pair_twice(world: World) -> None:
    world.node_port("worker1")["allowed_address_pairs"].append(
        dict(world.node_port("worker2")["allowed_address_pairs"][0])
    )


def quota(kind: str, limit: int, used: int = 3) -> Spoil:
    return lambda world: world.limits.update({kind: (limit, used)})


def mtu(world: World) -> None:
    """The pods' subnet is on another network, as of a site that was not made by phase 02."""
    world.add("network", id="n-pods", mtu=1500)
    world.resource("subnet", "s-pods")["network_id"] = "n-pods"


def no_gateway(world: World) -> None:
    world.resource("router", "router")["external_gateway_info"] = None


def pool_too_wide(world: World) -> None:
    world.resource("subnet", "s-services")["allocation_pools"][0]["start"] = "10.96.0.40"


def amphora(world: World, address: str = str(RANGE[99]), **more: Any) -> None:
    world.add_port(
        "vrrp", "s-services", "n-services", address, name="octavia-lb-vrrp-1",
        project_id="octavia", **more,
    )  # fmt: skip


def taken(world: World) -> None:
    world.objects["Service"].append(service("new", str(RANGE[99])))
    world.objects["Endpoints"].append(endpoints("new", [("web-1", "10.64.0.11")]))
    amphora(world)


def move_vip(address: str) -> Spoil:
    """The load balancer, and its port."""

    def spoil(world: World) -> None:
        world.resource("loadbalancer", "default/web-0")["vip_address"] = address
        world.resource("port", "vip-default/web-0")["fixed_ips"][0]["ip_address"] = address

    return spoil


def move_service(address: str) -> Spoil:
    def spoil(world: World) -> None:
        world.object("Service", "web-0")["spec"]["clusterIP"] = address
        move_vip(address)(world)

    return spoil


def configured(option: str, value: str) -> Spoil:
    """Somebody edits the controller's Secret, or the daemons' ConfigMap."""

    def spoil(world: World) -> None:
        for kind in ("Secret", "ConfigMap"):
            [item] = world.objects[kind]
            text = item["data"][CONFIG_KEY]
            text = b64decode(text).decode() if kind == "Secret" else text
            text = re.sub(rf"(?m)^{option} = .*$", f"{option} = {value}", text)
            item["data"][CONFIG_KEY] = encoded(text) if kind == "Secret" else text

    return spoil


def other_pod_subnet(world: World) -> None:
    """Since then a pod was made, and has an address of that subnet."""
    configured("pod_subnet", "s-nodes")(world)
    address, before = "172.16.9.9", world.port_of("web-3")["fixed_ips"][0]["ip_address"]
    whole = json.dumps([world.objects, world.resources, world.pool_members])
    parts = json.loads(whole.replace(before, address))
    world.objects, world.resources, world.pool_members = parts
    world.port_of("web-3")["fixed_ips"][0]["subnet_id"] = "s-nodes"


def open_rule(**fields: Any) -> Spoil:
    return lambda world: world.add_rule("r-open", "g-nodes", **fields)


def in_default_group(port: str) -> Spoil:
    """A machine whose port was made without a word of its group."""

    def spoil(world: World) -> None:
        world.add("security_group", id="g-default", name="default")
        world.add_rule("r-out-g-default", "g-default", direction="egress")
        world.add_rule("r-default", "g-default", remote_group_id="g-default")
        world.resource("port", port)["security_groups"] = ["g-default"]

    return spoil


def change(kind: str, which: str, /, **fields: Any) -> Spoil:
    return lambda world: world.resource(kind, which).update(fields)


def remove(kind: str, name: str) -> Spoil:
    return lambda world: world.remove(kind, name)


def annotation(pod: str, text: str) -> Spoil:
    def spoil(world: World) -> None:
        annotations = world.object("Pod", pod)["metadata"]["annotations"]
        annotations["openstack.org/kuryr-vif"] = text

    return spoil


def copied(world: World) -> None:
    state = world.object("Pod", "web-1")["metadata"]["annotations"]["openstack.org/kuryr-vif"]
    annotation("web-3", state)(world)


def inactive(world: World) -> None:
    annotations = world.object("Pod", "web-1")["metadata"]["annotations"]
    key = "openstack.org/kuryr-vif"
    annotations[key] = annotations[key].replace('"active": true', '"active": false')


def no_subport(world: World) -> None:
    world.resource("trunk", "trunk-worker2")["sub_ports"].pop()


def warned(message: str) -> Spoil:
    def spoil(world: World) -> None:
        world.warn("web-1", message)
        for endpoint in world.objects["Endpoints"]:
            for subset in endpoint["subsets"]:
                subset["addresses"] = [
                    it
                    for it in subset["addresses"]
                    if it.get("targetRef", {}).get("name") != "web-1"
                ]
        for members in world.pool_members.values():
            members[:] = [it for it in members if "web-1" not in it["name"]]

    return spoil


def node_port_service(world: World) -> None:
    item = service("old", str(RANGE[77]))
    item["spec"]["type"] = "NodePort"
    world.objects["Service"].append(item)


def second_balancer(name: str) -> Spoil:
    def spoil(world: World) -> None:
        first = world.resource("loadbalancer", "default/web-0")
        world.resources["loadbalancer"].append(
            {**first, "id": "lb-2", "name": name, "vip_address": "10.96.0.200", "vip_port_id": "x"}
        )

    return spoil


def no_balancer(world: World) -> None:
    """As `openstack loadbalancer delete --cascade` leaves it."""
    world.remove("loadbalancer", "default/web-0")
    world.remove("listener", "l-default/web-0")
    world.remove("pool", "p-default/web-0")
    del world.pool_members["p-default/web-0"]
    world.remove("port", "vip-default/web-0")
    world.remove("floatingip", "fip")


def listener_left(world: World) -> None:
    """The Service had a second port once."""
    first = world.resource("listener", "l-default/web-0")
    more = {"id": "l-left", "name": "default/web-0:TCP:81", "protocol_port": 81}
    world.resources["listener"].append({**first, **more, "default_pool_id": None})


def member_lost(world: World) -> None:
    world.pool_members["p-default/web-0"].pop()


def member_strange(world: World) -> None:
    world.pool_members["p-default/web-0"].append(
        answer("member", id="m", name="default/gone:8080", address="10.64.9.9")
    )


def no_ingress(world: World) -> None:
    world.object("Service", "web-0")["status"] = {}


def member_error(world: World) -> None:
    world.pool_members["p-default/web-0"][0]["operating_status"] = "ERROR"


def stuck(world: World) -> None:
    metadata = world.object("Pod", "web-1")["metadata"]
    metadata["deletionTimestamp"] = moments_ago(900)
    metadata["finalizers"] = ["kuryr.openstack.org/pod-finalizer"]


def orphan_port(**fields: Any) -> Spoil:
    more = {"device_owner": "compute:kuryr", "device_id": "uid-gone", **fields}
    return lambda world: world.add_port("lost", "s-pods", "n-nodes", "10.64.8.8", **more)


def orphan_kuryr_port(world: World) -> None:
    world.objects["KuryrPort"].append({"metadata": metadata("gone", "default")})


def orphan_balancer(world: World) -> None:
    world._add_balancer("default/gone", "10.96.0.250", 80, [])


def orphan_floating_ip(world: World) -> None:
    world.add("floatingip", id="f2", floating_ip_address="203.0.113.9", description="kuryr_lb")


def claimed(world: World) -> None:
    pair = {"ip_address": "10.64.0.11", "mac_address": "fa:16:3e:99:99:99"}
    world.add_port("x", "s-pods", "n-nodes", "10.64.8.1", name="fw", allowed_address_pairs=[pair])


FLANNEL = (
    'Failed to create pod sandbox: plugin type="flannel" failed (add): loadFlannelSubnetEnv '
    "failed: open /run/flannel/subnet.env: no such file or directory"
)


def denied(world: World) -> None:
    world.objects["Event"].append(
        {
            "type": "Warning",
            "reason": "FailedCreate",
            "message": 'pods "web-5d4-x" is forbidden: exceeded quota: small, requested: pods=1',
            "lastTimestamp": moments_ago(60),
            "involvedObject": {"kind": "ReplicaSet", "namespace": "default", "name": "web-5d4"},
        }
    )


def asking(**spec: Any) -> Spoil:
    """A Service with a floating IP asks for something more."""
    return lambda world: world.object("Service", "web-0")["spec"].update(spec)


def daemon_set(name: str) -> Spoil:
    """Somebody installs something on every node."""
    found = {"metadata": metadata(name, "kube-system")}
    return lambda world: world.objects["DaemonSet"].append(found)


second_kuryr = daemon_set("kuryr-cni-ds")


def no_addresses(world: World) -> None:
    world.resource("subnet", "s-pods")["allocation_pools"] = [
        {"start": "10.64.0.10", "end": "10.64.0.12"}
    ]


def pooled(world: World) -> World:
    """With pools of ports: on each node two spare ones. The first one of each node names the pod
    for which the pool was filled, as Kuryr's pool `neutron` does."""
    tags, nested = ("blue",), world.site.driver.needs_trunks
    pool = PortPool(enabled=True, min_ports=2, batch=2)
    world.change_site("kuryr", resource_tags=tags, port_pool=pool)
    world.configure()
    for port in world.resources["port"]:
        port["tags"] = [*tags]
    for index, node in enumerate(("worker1", "worker1", "worker2", "worker2")):
        spare_port(world, f"spare-{index}", node, f"10.64.7.{index + 1}", nested=nested)
    if not nested:
        world.resource("port", "spare-0")["device_id"] = "uid-web-0"
        world.resource("port", "spare-2")["device_id"] = "uid-gone"
    return world


def spare_port(world: World, name: str, node: str, address: str, *, nested: bool) -> None:
    owner = "trunk:subport" if nested else "compute:kuryr"
    more = {} if nested else {"binding:host_id": node, "status": "DOWN"}
    world.add_port(name, "s-pods", "n-nodes", address, device_owner=owner, **more)
    if nested:
        carried = world.resource("trunk", f"trunk-{node}")["sub_ports"]
        carried.append(
            {
                "port_id": name,
                "segmentation_type": "vlan",
                "segmentation_id": 100 + len(carried),
            }
        )


def old(world: World) -> World:
    world.kubernetes = "v1.17.0"
    return world


def without_pools(world: World) -> None:
    """The site goes back to none, and the controller was told so: spare ports are left."""
    world.change_site("kuryr", port_pool=PortPool())
    world.configure()


WORLDS = {
    "": lambda: World(),
    "vlan": lambda: World(driver=VLAN),
    "new": lambda: World(driver=VLAN, release="2024.1"),
    "vif": lambda: World(driver=VifDriver.NEUTRON_VIF, release="2024.1"),
    "pool": lambda: pooled(World(driver=VLAN, release="2024.1")),
    "old pool": lambda: pooled(old(World(driver=VLAN, release="train"))),
    "vif pool": lambda: pooled(World(driver=VifDriver.NEUTRON_VIF, release="2024.1")),
}


@cache
def seen_of(kind: str, spoil: Spoil) -> tuple[Look, tuple[Finding, ...]]:
    """A world with a fault as it is seen, and all that is found: the same for all who ask."""
    world = WORLDS[kind]()
    spoil(world)
    look = Look(world.read())
    return look, tuple(check_diagnosis(look))


def troubles_of(kind: str, spoil: Spoil) -> list[Finding]:
    """What is found of a fault by itself."""
    return [finding for finding in seen_of(kind, spoil)[1] if finding.status not in SILENT]
