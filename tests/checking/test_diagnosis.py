"""Each question of diagnosis finds its fault and names the victim; a healthy world has none."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import (
    FLANNEL,
    MACVLAN,
    OVS,
    SILENT,
    VLAN,
    Spoil,
    amphora,
    annotation,
    asking,
    both,
    change,
    claimed,
    configured,
    copied,
    daemon_set,
    denied,
    diagnosed,
    full,
    in_default_group,
    inactive,
    limited,
    listener_left,
    log,
    member_error,
    member_lost,
    member_strange,
    move_service,
    move_vip,
    mtu,
    no_addresses,
    no_balancer,
    no_gateway,
    no_ingress,
    no_subport,
    node_port_service,
    not_ready,
    nowhere_to_start,
    open_rule,
    orphan_balancer,
    orphan_floating_ip,
    orphan_kuryr_port,
    orphan_port,
    other_pod_subnet,
    pair_lost,
    pair_stale,
    pair_twice,
    pairs,
    pool_too_wide,
    quota,
    remove,
    restarted,
    second_balancer,
    second_kuryr,
    seen_of,
    stuck,
    tagged,
    taken,
    troubles_of,
    unready_node,
    warned,
    without_daemon,
    without_pools,
)
from worlds.cloud_answers import answer
from worlds.objects import metadata
from worlds.world import World

from kuryr_runbook.checking.diagnosis import CHECKS
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status


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


CASES: list[tuple[str, Spoil, str, str, str]] = [
    # What the world is, what is spoilt, which question finds it first, its status, its victim.
    ("", change("loadbalancer", "default/web-0", provider="ovn"),
     "macvlan-with-ovn", "warn", "service default/web-0"),
    ("", nowhere_to_start, "controller-node", "fail", ""),
    ("", change("router", "router", admin_state_up=False), "switched-off", "fail", ""),
    ("", change("listener", "l-default/web-0", admin_state_up=False),
     "switched-off", "fail", "service default/web-0"),
    ("", change("port", "port-worker1", admin_state_up=False),
     "switched-off", "fail", "node worker1"),
    ("", change("port", "master", admin_state_up=False),
     "switched-off", "fail", "API server 172.16.0.9"),
    ("", remove("port", "vip-default/web-0"), "balancer-port", "fail", "service default/web-0"),
    ("", change("port", "vip-kubernetes-service", fixed_ips=[]),
     "balancer-port", "fail", "service default/kubernetes"),
    ("", change("router", "router", status="ERROR"), "resource-state", "fail", ""),
    ("", change("port", "port-worker1", status="DOWN"), "resource-state", "fail", "node worker1"),
    ("", change("loadbalancer", "default/web-0", operating_status="DEGRADED"),
     "resource-state", "warn", "service default/web-0"),
    ("", change("subnet", "s-pods", gateway_ip="10.64.9.9"), "network-settings", "fail",
     "subnet kuryr-pod-subnet"),
    ("", change("listener", "l-default/web-0", allowed_cidrs=["192.0.2.0/24"]),
     "balancer-settings", "warn", "service default/web-0"),
    ("", change("listener", "l-kubernetes-service", timeout_client_data=50_000),
     "api-timeouts", "warn", "service default/kubernetes"),
    ("", change("listener", "l-kubernetes-service", timeout_member_data=1_799_999),
     "api-timeouts", "warn", "service default/kubernetes"),
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
    ("", daemon_set("kube-proxy"), "kube-proxy", "fail", ""),
    ("", daemon_set("calico-node"), "other-network", "fail", ""),
    ("", second_kuryr, "other-kuryr", "fail", ""),
    ("", no_addresses, "pod-addresses", "warn", "subnet kuryr-pod-subnet"),
    ("", lambda w: setattr(w, "kubernetes", "v1.24.0"), "kubernetes-version", "fail", ""),
    ("", lambda w: w.object("Service", "kubernetes")["metadata"].pop("selfLink"),
     "self-link", "fail", ""),
    ("", remove("Deployment", "kuryr-controller"), "controller-replicas", "fail", ""),
    ("", lambda w: w.object("Deployment", "kuryr-controller")["spec"].update(replicas=0),
     "controller-replicas", "fail", ""),
    ("", lambda w: w.object("Deployment", "kuryr-controller")["spec"].update(replicas=2),
     "controller-replicas", "warn", ""),
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
    ("", remove("DaemonSet", "kuryr-daemon"), "daemon-there", "warn", ""),
    ("", both(remove("DaemonSet", "kuryr-daemon"), without_daemon),
     "daemon-there", "fail", "node worker1"),
    ("", lambda w: not_ready(w, "kuryr-daemon"), "daemon-ready", "fail", "node worker1"),
    ("", lambda w: log(w, "kuryr-daemon", "KeyError: 'ens9'"),
     "daemon-log", "fail", "node worker1"),
    ("", unready_node, "node-ready", "fail", "node worker2"),
    ("", remove("port", "worker2"), "node-port", "fail", "node worker2"),
    ("", change("port", "worker2", port_security_enabled=False),
     "node-port-security", "fail", "node worker2"),
    ("vif", remove("agent", "agent-worker2"), "node-agent", "fail", "node worker2"),
    ("vif", change("agent", "agent-worker2", alive=False), "node-agent", "fail", "node worker2"),
    ("vif", change("agent", "agent-worker2", admin_state_up=False),
     "node-agent", "fail", "node worker2"),
    ("vlan", remove("trunk", "trunk-worker2"), "trunk", "fail", "node worker2"),
    ("vlan", change("trunk", "trunk-worker2", status="DEGRADED"), "trunk", "fail", "node worker2"),
    ("new", both(tagged, lambda w: w.node_port("worker1").update(tags=["blue"])),
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
    ("", both(remove("security_group_rule", "r-nodes"),
              remove("security_group_rule", "r-pod-range")),
     "pod-traffic-rule", "fail", "node worker1"),
    ("", other_pod_subnet, "configuration", "fail", "pod default/web-3"),
    ("", both(other_pod_subnet, configured("pod_subnet", "s-pods")),
     "pod-subnet", "fail", "pod default/web-3"),
    ("", configured("project", "0" * 32), "configuration", "warn", ""),
    ("new", configured("service_subnet", "s-pods"), "configuration", "warn", ""),
    ("", both(configured("link_iface", "eth9"), lambda w: not_ready(w, "kuryr-daemon")),
     "configuration", "fail", "node worker1"),
    ("", in_default_group("worker1"), "node-group", "fail", "node worker1"),
    ("", in_default_group("master"), "node-group", "fail", "API server 172.16.0.9"),
    ("vlan", change("port", "worker1", security_groups=[]), "node-group", "fail", "node worker1"),
    ("", remove("security_group_rule", "r-nodes"),
     "site-drift", "warn", "security group k8s-node-sg"),
    ("", change("subnet", "s-pods", enable_dhcp=True),
     "site-drift", "warn", "subnet kuryr-pod-subnet"),
    ("", lambda w: w.pool_members["p-kubernetes-service"].append(
        answer("member", id="m", address="172.16.0.77", protocol_port=6443)),
     "site-drift", "warn", "service default/kubernetes"),
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
    ("", move_vip("10.96.0.99"),
     "balancer-address", "fail", "service default/web-0"),
    ("", no_balancer, "balancer-missing", "fail", "service default/web-0"),
    ("", remove("listener", "l-default/web-0"),
     "listener-missing", "fail", "service default/web-0"),
    ("", lambda w: w.object("Service", "web-0")["spec"]["ports"][0].update(port=81),
     "listener-missing", "fail", "service default/web-0"),
    ("", listener_left, "listener-left", "warn", "service default/web-0"),
    ("", member_lost, "members-differ", "fail", "service default/web-0"),
    ("", member_strange, "members-differ", "fail", "service default/web-0"),
    ("", member_error, "member-state", "warn", "service default/web-0"),
    ("", no_ingress, "external-address", "fail", "service default/web-0"),
    ("", change("floatingip", "fip", port_id="port-worker1"),
     "external-address", "fail", "service default/web-0"),
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
    ("vif pool", change("port", "spare-1", device_owner="compute:nova", device_id="machine"),
     "pool-ports", "warn", "port spare-1"),
    ("pool", change("port", "spare-1", device_owner="compute:nova", device_id="machine"),
     "pool-ports", "warn", "port spare-1"),
    ("pool", change("port", "spare-1", admin_state_up=False), "pool-ports", "warn", "port spare-1"),
    ("vif pool", change("port", "spare-1", security_groups=["g-nodes"]),
     "pool-ports", "warn", "port spare-1"),
    ("old pool", change("port", "worker2", tags=[]), "node-port-tags", "warn", "node worker2"),
    ("pool", lambda w: w.resource("trunk", "trunk-worker2")["sub_ports"].pop(),
     "port-orphaned", "warn", "port spare-3"),
    ("vif pool", change("port", "spare-2", **{"binding:host_id": "gone"}),
     "port-orphaned", "warn", "port spare-2"),
    ("pool", change("port", "spare-1", tags=[]), "port-orphaned", "warn", "port spare-1"),
    ("pool", without_pools, "port-orphaned", "warn", "port spare-1"),
    ("vif pool", without_pools, "port-orphaned", "warn", "port spare-1"),
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
    "API server": "service default/kubernetes",
}
"""What stands in the picture for what is no part by its own name."""


@pytest.mark.parametrize(
    ("kind", "spoil", "check", "status", "victim"),
    CASES,
    ids=[f"{index}-{case[2]}" for index, case in enumerate(CASES)],
)
def test_the_first_cause_is_the_fault(
    kind: str, spoil: Spoil, check: str, status: str, victim: str
) -> None:
    found = troubles_of(kind, spoil)
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
    look, findings = seen_of(kind, spoil)
    topology = topology_of(look, list(findings))
    assert topology.notes
    assert topology.marks == (), "a finding has no place"
    parts = [(f"{box.what} {box.name}", box.all_marks) for box in topology.boxes]
    lines = [line for box in topology.boxes for line in box.lines]
    parts += [(line.hint or line.text, line.marks) for line in lines]
    name = IN_PICTURE.get(victim.rsplit(" ", 1)[0], "") or victim
    named = [marks for part, marks in parts if name in part]
    assert not victim or 1 in {mark.number for marks in named for mark in marks}, parts


ELSEWHERE = {
    # Of sites with subnets for namespaces, or with network policies: in `questions/`.
    "namespace-subnet", "namespace-pool", "namespace-orphaned", "policy-group", "policy-firewall",
    "pod-groups",
}  # fmt: skip


def test_every_question_has_a_case() -> None:
    # Members of the API's pool with a port of their own are in a test below.
    assert {case[2] for case in CASES} | {"api-rule"} | ELSEWHERE == {
        check.name for check in CHECKS
    }
