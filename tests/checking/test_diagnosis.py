"""Each question of diagnosis finds its fault and names the victim; a healthy world has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from worlds.cloud_answers import answer
from worlds.diagnosis import RANGE, World, endpoints, metadata, moments_ago, service

from kuryr_runbook.checking.diagnosis import CHECKS, check_diagnosis
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.providers import OctaviaProvider

MACVLAN, VLAN, OVS = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF
SILENT = (Status.PASS, Status.SKIP)
Spoil = Callable[[World], Any]


def diagnosed(world: World) -> list[Finding]:
    return check_diagnosis(Look(world.read()))


def troubles(world: World) -> list[Finding]:
    return [finding for finding in diagnosed(world) if finding.status not in SILENT]


@pytest.mark.parametrize(
    ("driver", "release"),
    [(MACVLAN, "stein"), (VLAN, "stein"), (OVS, "stein"), (VLAN, "wallaby"), (VLAN, "2024.1")],
)
@pytest.mark.parametrize("pods", [0, 1, 4, 30])
def test_all_is_well_where_all_is_well(driver: VifDriver, release: str, pods: int) -> None:
    world = World(pods, driver, release)
    found = diagnosed(world)
    assert [(it.check, it.evidence) for it in found if it.status not in SILENT] == []
    assert sorted(it.check for it in found) == sorted(check.name for check in CHECKS)
    passed = {it.check for it in found if it.status is Status.PASS}
    assert passed == {check.name for check in CHECKS if not check.moot(world.site)}


def test_names_are_unique_and_effects_exist() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert check.explains <= set(names), check.name
        assert check.source
        assert check.title


def not_ready(world: World, program: str, reason: str = "CrashLoopBackOff") -> None:
    status = world.program_pod(program)["status"]
    status["conditions"] = []
    status["containerStatuses"][0] |= {
        "state": {"waiting": {"reason": reason}},
        "lastState": {"terminated": {"exitCode": 1}},
    }


def log(world: World, program: str, line: str) -> None:
    not_ready(world, program)
    world.logs[world.program_pod(program)["metadata"]["name"]] = f"ERROR kuryr {line}"


def restarted(world: World) -> None:
    container = world.program_pod("kuryr-controller")["status"]["containerStatuses"][0]
    container["restartCount"] = 7
    container["lastState"] = {"terminated": {"finishedAt": moments_ago(200)}}


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


def quota(kind: str, limit: int, used: int) -> Spoil:
    return lambda world: world.limits.update({kind: (limit, used)})


def mtu(world: World) -> None:
    world.resource("network", "n-pods")["mtu"] = 1500


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


def move_service(address: str) -> Spoil:
    def spoil(world: World) -> None:
        world.object("Service", "web-0")["spec"]["clusterIP"] = address
        world.resource("loadbalancer", "default/web-0")["vip_address"] = address

    return spoil


def open_rule(**fields: Any) -> Spoil:
    return lambda world: world.add_rule("r-open", "g-nodes", **fields)


def change(kind: str, name: str, **fields: Any) -> Spoil:
    return lambda world: world.resource(kind, name).update(fields)


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
                    it for it in subset["addresses"] if it["targetRef"]["name"] != "web-1"
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
    world.remove("loadbalancer", "default/web-0")
    world.remove("port", "vip-default/web-0")
    world.remove("floatingip", "fip")


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


def no_addresses(world: World) -> None:
    world.resource("subnet", "s-pods")["allocation_pools"] = [
        {"start": "10.64.0.10", "end": "10.64.0.12"}
    ]


CASES: list[tuple[str, Spoil, str, str, str]] = [
    # What the world is, what is spoilt, which question finds it first, its status, its victim.
    ("", change("loadbalancer", "default/web-0", provider="ovn"),
     "macvlan-with-ovn", "warn", "service default/web-0"),
    ("", lambda w: w.warn("web-1", FLANNEL), "other-plugin", "fail", "pod default/web-1"),
    ("", lambda w: w.object("Pod", "web-1")["status"].update(podIP="10.244.1.7"),
     "other-plugin", "fail", "pod default/web-1"),
    ("", lambda w: w.warn("web-1", 'failed to find plugin "kuryr-cni" in path [/opt/cni/bin]'),
     "plugin-missing", "fail", "pod default/web-1"),
    ("", denied, "pods-denied", "warn", ""),
    ("", asking(sessionAffinity="ClientIP"), "intent-unmet", "warn", "service default/web-0"),
    ("", asking(loadBalancerSourceRanges=["192.0.2.0/24"]), "intent-unmet", "fail",
     "service default/web-0"),
    ("", asking(loadBalancerIP="203.0.113.99"), "wanted-address", "fail", "service default/web-0"),
    ("", lambda w: w.objects["NetworkPolicy"].append({"metadata": metadata("deny", "default"),
                                                      "spec": {"policyTypes": ["Ingress"]}}),
     "policy-unenforced", "fail", ""),
    ("", claimed, "address-claimed", "fail", "pod default/web-1"),
    ("", remove("security_group_rule", "r-out-g-nodes"), "egress", "fail", "node worker1"),
    ("", no_addresses, "pod-addresses", "warn", "subnet kuryr-pod-subnet"),
    ("", lambda w: setattr(w, "version", "v1.24.0"), "kubernetes-version", "fail", ""),
    ("", lambda w: w.object("Service", "kubernetes")["metadata"].pop("selfLink"),
     "self-link", "fail", ""),
    ("", remove("Deployment", "kuryr-controller"), "controller-replicas", "fail", ""),
    ("", lambda w: w.object("Deployment", "kuryr-controller")["spec"].update(replicas=0),
     "controller-replicas", "fail", ""),
    ("", lambda w: not_ready(w, "kuryr-controller"), "controller-ready", "fail", ""),
    ("", lambda w: w.objects["Pod"].remove(w.program_pod("kuryr-controller")),
     "controller-ready", "fail", ""),
    ("", lambda w: log(w, "kuryr-controller", "SSL: CERTIFICATE_VERIFY_FAILED"),
     "controller-log", "fail", ""),
    ("", lambda w: log(w, "kuryr-controller", "kuryr RequiredOptError: value required for pod"),
     "controller-log", "fail", ""),
    ("", lambda w: log(w, "kuryr-controller", "Handlers \"x\" were not found."),
     "controller-log", "fail", ""),
    ("", lambda w: log(w, "kuryr-controller", "The request you have made requires authentication"),
     "controller-log", "fail", ""),
    ("", restarted, "controller-restarts", "warn", ""),
    ("", without_daemon, "daemon-there", "fail", "node worker1"),
    ("", lambda w: (remove("DaemonSet", "kuryr-daemon")(w), without_daemon(w)),
     "daemon-there", "fail", "node worker1"),
    ("", lambda w: not_ready(w, "kuryr-daemon"), "daemon-ready", "fail", "node worker1"),
    ("", lambda w: log(w, "kuryr-daemon", "KeyError: 'ens9'"),
     "daemon-log", "fail", "node worker1"),
    ("", unready_node, "node-ready", "fail", "node worker2"),
    ("", remove("port", "worker2"), "node-port", "fail", "node worker2"),
    ("", change("port", "worker2", port_security_enabled=False),
     "node-port-security", "fail", "node worker2"),
    ("vlan", remove("trunk", "trunk-worker2"), "trunk", "fail", "node worker2"),
    ("vlan", change("trunk", "trunk-worker2", status="DEGRADED"), "trunk", "fail", "node worker2"),
    ("new", lambda w: (tagged(w), w.node_port("worker1").update(tags=["blue"])),
     "node-port-tags", "fail", "node worker2"),
    ("", pairs(9), "pair-limit", "warn", "node worker2"),
    ("", full, "pair-limit", "fail", "node worker2"),
    ("", limited(pairs(17), 20), "pair-limit", "warn", "node worker2"),
    ("", limited(full, 10), "pair-limit", "fail", "node worker2"),
    ("", pair_lost, "address-pair", "fail", "pod default/web-3"),
    ("", pair_stale, "pair-stale", "warn", "address 10.64.9.9"),
    ("", pair_twice, "pair-twice", "warn", "address 10.64.0.11"),
    ("", quota("port", 4, 4), "quota-neutron", "warn", "quota port"),
    ("", quota("floatingip", 10, 9), "quota-neutron", "warn", "quota floatingip"),
    ("", lambda w: w.balancer_limits.update(load_balancer=2),
     "quota-octavia", "warn", "quota loadbalancer"),
    ("new", mtu, "mtu", "fail", ""),
    ("", remove("subnet", "s-pods"), "subnets-exist", "fail", "subnet kuryr-pod-subnet"),
    ("", remove("port", "leg-s-pods"), "router-legs", "fail", "subnet kuryr-pod-subnet"),
    ("", no_gateway, "router-legs", "fail", ""),
    ("", pool_too_wide, "allocation-pool", "warn", ""),
    ("", amphora, "address-taken", "warn", ""),
    ("", taken, "address-taken", "fail", "service default/new"),
    ("", move_service("10.97.0.1"), "service-range", "fail", "service default/web-0"),
    ("", move_service("10.96.200.1"), "service-range", "fail", "service default/web-0"),
    ("", remove("security_group_rule", "r-services"),
     "service-subnet-rule", "fail", "node worker1"),
    ("vlan", remove("security_group_rule", "r-pod-services"),
     "service-subnet-rule", "fail", "pod default/web-0"),
    ("", remove("security_group_rule", "r-nodes"), "pod-traffic-rule", "fail", "node worker1"),
    ("", open_rule(), "group-too-open", "warn", "security group k8s-node-sg"),
    ("", open_rule(protocol="tcp", port_range_min=1, port_range_max=65535),
     "group-too-open", "warn", "security group k8s-node-sg"),
    ("", lambda w: w.unhandle("web-1"), "pod-unhandled", "fail", "pod default/web-1"),
    ("new", lambda w: w.unhandle("web-1"), "pod-unhandled", "fail", "pod default/web-1"),
    ("", annotation("web-1", "{}"), "pod-interface", "fail", "pod default/web-1"),
    ("", remove("port", "port-web-1"), "pod-port-missing", "fail", "pod default/web-1"),
    ("new", remove("port", "port-web-1"), "pod-port-missing", "fail", "pod default/web-1"),
    ("", change("port", "port-web-1", mac_address="fa:16:3e:07:07:07"),
     "pod-port-differs", "fail", "pod default/web-1"),
    ("", copied, "port-shared", "fail", "pod default/web-1"),
    ("", inactive, "pod-interface-inactive", "fail", "pod default/web-1"),
    ("vlan", no_subport, "subport", "fail", "pod default/web-3"),
    ("", warned("CNI Daemon returned error 500"), "pod-plugged", "fail", "pod default/web-1"),
    ("", warned("Looks like http://localhost:5036/addNetwork cannot be reached."),
     "pod-plugged", "fail", "pod default/web-1"),
    ("", node_port_service, "service-unsupported", "warn", "service default/old"),
    ("", second_balancer("kube_service_k_default_web-0"), "balancer-twice", "warn",
     "load balancer kube_service_k_default_web-0"),
    ("", second_balancer("default/web-0"), "balancer-twice", "fail", "service default/web-0"),
    ("", change("loadbalancer", "default/web-0", provisioning_status="ERROR"),
     "balancer-state", "fail", "service default/web-0"),
    ("", change("loadbalancer", "default/web-0", provisioning_status="PENDING_UPDATE"),
     "balancer-state", "fail", "service default/web-0"),
    ("", change("loadbalancer", "kubernetes-service", provisioning_status="ERROR"),
     "balancer-state", "fail", "service default/kubernetes"),
    ("", change("loadbalancer", "default/web-0", vip_address="10.96.0.99"),
     "balancer-address", "fail", "service default/web-0"),
    ("", no_balancer, "balancer-missing", "fail", "service default/web-0"),
    ("", remove("listener", "l-default/web-0"),
     "listener-missing", "fail", "service default/web-0"),
    ("", member_lost, "members-differ", "fail", "service default/web-0"),
    ("", member_strange, "members-differ", "fail", "service default/web-0"),
    ("", member_error, "member-state", "warn", "service default/web-0"),
    ("", no_ingress, "external-address", "fail", "service default/web-0"),
    ("", change("floatingip", "fip", floating_ip_address="203.0.113.8"),
     "external-address", "fail", "service default/web-0"),
    ("", remove("loadbalancer", "kubernetes-service"),
     "api-balancer", "fail", "service default/kubernetes"),
    ("", lambda w: w.pool_members["p-kubernetes-service"].clear(),
     "api-balancer", "fail", "service default/kubernetes"),
    ("new", stuck, "stuck-finalizers", "fail", "pod default/web-1"),
    ("", orphan_port(), "port-orphaned", "warn", "port lost"),
    ("", orphan_port(device_owner="", device_id=""), "port-orphaned", "warn", "port lost"),
    ("", orphan_port(device_id="uid-web-1"), "port-twice", "warn", "port lost"),
    ("new", orphan_kuryr_port, "kuryr-port-orphaned", "warn", "KuryrPort default/gone"),
    ("", orphan_balancer, "balancer-orphaned", "warn", "load balancer default/gone"),
    ("", orphan_floating_ip, "floating-ip-orphaned", "warn", "floating IP 203.0.113.9"),
]  # fmt: skip
IN_PICTURE = {
    "subnet": "subnet of",
    "security group": "security group",
    "floating IP": "203.0.113",
    "quota": "project quotas",
    "port": "kuryr-pod-subnet",
    "KuryrPort": "kuryr-pod-subnet",
    "address": "pod",
}
"""What stands in the picture for what is no part by its own name."""
WORLDS = {
    "": lambda: World(),
    "vlan": lambda: World(driver=VLAN),
    "new": lambda: World(driver=VLAN, release="2024.1"),
}


@pytest.mark.parametrize(
    ("kind", "spoil", "check", "status", "victim"),
    CASES,
    ids=[f"{index}-{case[2]}" for index, case in enumerate(CASES)],
)
def test_the_first_cause_is_the_fault(
    kind: str, spoil: Spoil, check: str, status: str, victim: str
) -> None:
    world = WORLDS[kind]()
    spoil(world)
    found = troubles(world)
    assert found, "nothing was found"
    assert (found[0].check, str(found[0].status)) == (check, status), found
    assert not victim or victim in map(str, found[0].victims)
    assert found[0].evidence
    assert found[0].remedy


@pytest.mark.parametrize(
    ("kind", "spoil", "victim"),
    [(kind, spoil, victim) for kind, spoil, _, _, victim in CASES],
    ids=[f"{index}-{case[2]}" for index, case in enumerate(CASES)],
)
def test_it_is_marked_where_it_is(kind: str, spoil: Spoil, victim: str) -> None:
    world = WORLDS[kind]()
    spoil(world)
    look = Look(world.read())
    topology = topology_of(look, check_diagnosis(look))
    assert topology.notes
    assert topology.marks == (), "a finding has no place"
    parts = [(f"{box.what} {box.name}", box.all_marks) for box in topology.boxes]
    lines = [line for box in topology.boxes for line in box.lines]
    parts += [(line.hint or line.text, line.marks) for line in lines]
    name = IN_PICTURE.get(victim.rsplit(" ", 1)[0], "") or victim
    named = [marks for part, marks in parts if name in part]
    assert not victim or 1 in {mark.number for marks in named for mark in marks}, parts


def test_every_question_has_a_case() -> None:
    # Members of the API's pool with a port of their own are in a test below.
    assert {case[2] for case in CASES} | {"api-rule"} == {check.name for check in CHECKS}


def test_the_rule_of_the_api_servers() -> None:
    world = World()
    world.add_port("master", "s-nodes", "n-nodes", "172.16.0.9", security_groups=["g-nodes"])
    assert troubles(world) == []
    world.remove("security_group_rule", "r-api")
    (found,) = troubles(world)
    assert (found.check, *map(str, found.victims)) == ("api-rule", "API server 172.16.0.9")
    assert "--dst-port 6443" in found.remedy


def test_a_port_without_port_security_lets_everything_in() -> None:
    world = World(driver=OVS)
    world.remove("security_group_rule", "r-pod-services")
    for port in world.resources["port"]:
        port["port_security_enabled"] = False
    assert troubles(world) == []


def test_a_provider_that_keeps_clients_addresses_needs_an_open_group() -> None:
    world = World(driver=VLAN, release="2024.1")
    kuryr = world.site.kuryr.model_copy(update={"octavia_provider": OctaviaProvider.OVN})
    world.site = world.site.model_copy(update={"kuryr": kuryr})
    (found,) = troubles(world)
    assert (found.check, len(found.victims)) == ("service-subnet-rule", 4)
    world.add_rule("r-open", "g-pods")
    assert troubles(world) == []


def test_a_group_of_another_project_is_unknown_and_not_closed() -> None:
    world = World()
    world.remove("security_group_rule", "r-services")
    world.remove("security_group", "g-nodes")
    found = troubles(world)
    assert [it.status for it in found] == [Status.UNKNOWN]
    assert "another project" in found[0].evidence


@pytest.mark.parametrize("kind", ["Pod", "Service"])
def test_what_is_new_may_be_unfinished(kind: str) -> None:
    world = World()
    if kind == "Pod":
        world.unhandle("web-1")
        world.objects["Event"].clear()
        world.object("Pod", "web-1")["metadata"]["creationTimestamp"] = moments_ago(5)
    else:
        no_balancer(world)
        world.object("Service", "web-0")["metadata"]["creationTimestamp"] = moments_ago(5)
    assert troubles(world) == []


def test_ports_of_this_driver_are_down_by_design() -> None:
    world = World()
    assert {it["status"] for it in world.resources["port"]} == {"ACTIVE", "DOWN"}
    assert troubles(world) == []


def test_headless_services_need_no_load_balancer_and_pods_in_the_nodes_network_no_port() -> None:
    world = World()
    world.objects["Service"].append(service("headless", "None"))
    world.objects["Endpoints"].append(endpoints("headless", [("web-1", "10.64.0.11")]))
    assert troubles(world) == []


def test_a_pair_may_be_a_range() -> None:
    world = World()
    for node in ("worker1", "worker2"):
        for pair in world.node_port(node)["allowed_address_pairs"]:
            pair["ip_address"] = f"{pair['ip_address']}/24"
    assert troubles(world) == []


def test_an_old_line_of_a_log_is_no_trouble_while_all_works() -> None:
    world = World()
    world.logs["kuryr-controller-0"] = "ERROR keystoneauth1 SSLError: certificate verify failed"
    assert troubles(world) == []


def test_a_log_that_cannot_be_read_is_unknown() -> None:
    world = World()
    world.broken = {"log kuryr-controller-0": UnreachableError("no route")}
    (found,) = troubles(world)
    assert (found.check, found.status) == ("controller-log", Status.UNKNOWN)


def test_a_daemon_that_is_ready_may_say_why_it_plugs_no_pod() -> None:
    world = World()
    warned("CNI Daemon returned error 500")(world)
    world.logs["kuryr-daemon-1"] = "ERROR kuryr_kubernetes.cni.daemon.service KeyError: 'ens9'"
    first = troubles(world)[0]
    assert (first.check, first.effects) == ("daemon-log", ("pod-plugged",))
    assert "kuryr.link_iface" in first.remedy


def test_a_rule_with_half_a_range_of_ports_admits_nothing_and_harms_nothing() -> None:
    world = World()
    for rule in world.resources["security_group_rule"]:
        rule.update(protocol="tcp", port_range_min=1, port_range_max=None)
    assert {it.check for it in troubles(world)} == {
        "service-subnet-rule", "pod-traffic-rule", "egress",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("Octavia 403 Forbidden: load balancer create", "load-balancer_member"),
        ("Neutron 403: disallowed by policy create_port:binding:host_id", "403"),
        ("Quota exceeded for resources: ['port']", "quota"),
        ("The number of allowed address pair exceeds the maximum 10.", "address pairs"),
        ("Neutron port for vm port with fixed ips x not found!", "no Neutron port"),
        ("vm port is missing trunk details", "trunk"),
        ("Found 0 subnets for service", "service subnet"),
        ("KeyError: 'selfLink'", "selfLink"),
        ("K8sClientException: 401 Unauthorized", "token"),
        ("RuntimeError: Unable to find token_file", "token"),
        ("requests ConnectionError: Max retries exceeded with url", "does not reach"),
    ],
)
def test_what_the_controllers_log_means(line: str, means: str) -> None:
    world = World()
    world.broken = {"quotas of network": UnreachableError("no route")}
    log(world, "kuryr-controller", line)
    first = troubles(world)[0]
    assert first.check == "controller-log"
    assert means in first.evidence
    assert "controller-ready" in first.effects


def test_a_log_tells_of_quotas_only_where_these_are_not_seen() -> None:
    world = World()
    log(world, "kuryr-controller", "Quota exceeded for resources: ['port']")
    checks = {it.check for it in troubles(world)}
    assert "controller-ready" in checks
    assert "controller-log" not in checks
    quota("port", 4, 4)(world)
    assert troubles(world)[0].check == "quota-neutron"


def test_a_vif_driver_that_needs_no_pairs_is_asked_for_none() -> None:
    world = World(driver=VLAN)
    world.node_port("worker1")["port_security_enabled"] = False
    world.remove("trunk", "trunk-worker1")
    assert [it.check for it in troubles(world)] == ["trunk"]


def test_a_master_is_no_worker() -> None:
    world = World(driver=VLAN)
    world.object("Node", "worker2")["spec"]["taints"] = [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    ]
    world.remove("trunk", "trunk-worker2")
    assert troubles(world) == []


def test_the_projects_own_subnet_comes_before_one_of_that_name_elsewhere() -> None:
    world = World()
    for subnet in list(world.resources["subnet"]):
        other = {**subnet, "id": f"other-{subnet['id']}", "project_id": "other"}
        world.resources["subnet"].insert(0, other)
    assert troubles(world) == []
