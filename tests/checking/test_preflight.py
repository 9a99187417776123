"""The preflight checks: each passes, tells what an operator needs, and says unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from spoiling.diagnosis import Spoil, both, change, quota
from spoiling.preflight import (
    CCM,
    EXEC,
    IN_TREE,
    NO_VIRTUAL_MAC,
    READY,
    WATCH_PODS,
    bound_by,
    broken,
    findings,
    having,
    no_clouds_yaml,
    no_registry,
    node_ports,
    of_status,
    own_credential,
    put,
    ruled,
    running,
    spoiled,
    unlike,
    unspoilt,
    without,
)
from worlds.apis import FORBIDDEN, REFUSED, denied
from worlds.objects import policy, program, service
from worlds.world import World

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.placement import DaemonSection
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.daemon import DAEMON

SKIPPED = {
    VifDriver.NESTED_MACVLAN: {
        "access-rules", "pool-room", "credential-roles", "image-pull", "image-signature", "trunk",
        "node-port-tags", "node-agent", "policy-firewall",
    },
    VifDriver.NESTED_VLAN: {
        "access-rules", "pool-room", "credential-roles", "image-pull", "image-signature",
        "pair-limit", "pair-macs", "node-port-security", "node-port-tags", "node-agent",
        "policy-firewall",
    },
    VifDriver.NEUTRON_VIF: {
        "access-rules", "pool-room", "credential-roles", "image-pull", "image-signature",
        "link-iface", "pair-limit", "pair-macs", "node-port-security", "trunk", "node-port-tags",
        "policy-firewall",
    },
}  # fmt: skip


@pytest.mark.parametrize("driver", VifDriver)
def test_all_pass_when_all_is_in_order(driver: VifDriver) -> None:
    found = findings(unspoilt(driver))
    skipped = {name for name, item in found.items() if item.status is Status.SKIP}
    assert skipped == SKIPPED[driver]
    bad = {name: item for name, item in found.items() if item.status is not Status.PASS}
    assert bad.keys() == skipped


@pytest.mark.parametrize(
    ("keys", "pushed", "status", "said"),
    [
        (("verify",), True, Status.FAIL, "is not signed: there is no"),
        (("verify",), False, Status.PASS, "no image yet: to be signed after phase 01"),
        (("verify", "signing"), False, Status.PASS, "no image yet: phase 01 signs it"),
        (("verify", "signing"), True, Status.PASS, "phase 01 signs it: "),
    ],
)
def test_an_image_without_the_wanted_signature_fails_unless_phase_01_is_to_sign_it(
    keys: tuple[str, ...], pushed: bool, status: Status, said: str, tmp_path: Path
) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    path = tmp_path / "key.pub"
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    world = unspoilt()
    image = world.site.image.model_copy(update={f"{key}_key": path for key in keys})
    world.site = world.site.model_copy(update={"image": image})
    if pushed:
        world.registry.names.append(f"{image.repository}:{world.site.release.name}")
    finding = findings(world)["image-signature"]
    assert finding.status is status
    assert said in finding.evidence


def test_a_key_that_cannot_be_used_is_no_answer(tmp_path: Path) -> None:
    world = unspoilt()
    image = world.site.image.model_copy(update={"verify_key": tmp_path / "none.pub"})
    world.site = world.site.model_copy(update={"image": image})
    world.registry.names.append(f"{image.repository}:{world.site.release.name}")
    finding = findings(world)["image-signature"]
    assert finding.status is Status.FAIL
    assert "none.pub cannot be used" in finding.evidence


OUTSIDE = "01234567-89ab-cdef-0123-456789abcdef"

BAD: list[tuple[str, Status, Spoil, tuple[str, ...]]] = [
    ("keystone", Status.FAIL, broken("login"), ("it says no", "ask its operators")),
    ("keystone", Status.FAIL, no_clouds_yaml, ("no file clouds.yaml", "name an existing one")),
    ("neutron", Status.FAIL, broken("endpoint of network"), ("it says no",)),
    ("neutron", Status.FAIL, broken("extension"), ("it says no",)),
    ("octavia", Status.FAIL, broken("endpoint of load_balancer"), ("it says no",)),
    ("octavia", Status.FAIL, broken("versions of Octavia"), ("it says no",)),
    ("kubernetes-api", Status.FAIL, broken("version"), ("it says no",)),
    ("registry", Status.FAIL, no_registry, ("no file ca.pem", "name it")),
    ("base-image", Status.FAIL, no_registry, ("no file ca.pem",)),
    ("base-image", Status.FAIL, lambda w: w.registry.names.clear(), ("has no image",)),
    ("neutron-extensions", Status.FAIL, without("allowed-address-pairs"),
     ("allowed-address-pairs (pods' addresses",)),
    ("octavia-api", Status.FAIL, having(octavia=["v1"]), ("no version 2",)),
    ("octavia-api", Status.FAIL, having(octavia=["one"]), ("no version 2",)),
    ("octavia-providers", Status.FAIL, having(offered=()), ("offers none",)),
    ("octavia-providers", Status.FAIL, having(offered=("ovn",)),
     ("only ovn", "lb_algorithm, which Kuryr stein does not have", "enable amphorae")),
    ("octavia-providers", Status.WARN, having(offered=("f5", "ovn")), ("none is an amphora",)),
    ("port-role", Status.FAIL, having(plain=FORBIDDEN), ("not on the nodes' network",)),
    ("port-role", Status.FAIL, having(bound=FORBIDDEN),
     ("binding:host_id", "user k8s has in project k8s: member", "admin", "nested-vlan")),
    ("load-balancer-role", Status.FAIL, having(balancer=REFUSED),
     ("403", "user k8s has", "load-balancer_member")),
    ("credential-roles", Status.FAIL, own_credential(held=("member",)),
     ("should have admin, but the user has no admin", "user k8s has in project k8s: member",
      "grant them, or set kuryr.credential_roles")),
    ("credential-roles", Status.FAIL, own_credential("cloud", "member"), ("has no cloud;",)),
    ("credential-roles", Status.WARN, own_credential("member", "kuryr"),
     ("kuryr, member: by the default policies", "also needs load-balancer_member, admin",
      "a cloud with other policies")),
    ("access-rules", Status.FAIL, both(ruled, having(has_access_rules=False)),
     ("older than Train", "leave out kuryr.credential_access_rules")),
    ("has-to-exist", Status.FAIL, change("network", "ext-net", name="public"),
     ("network ext-net (network.external_network) does not exist",)),
    ("has-to-exist", Status.FAIL, change("network", "k8s-node-network", name="ext-net"),
     ("2 networks are named ext-net", "(network.external_network): use an id")),
    ("has-to-exist", Status.FAIL, lambda w: [
        it.update({"router:external": False}) for it in w.resources["network"]],
     ("network ext-net (network.external_network) is not external",)),
    ("has-to-exist", Status.FAIL, both(
        lambda w: w.add("subnet", id=OUTSIDE, network_id="n-nodes", cidr="192.0.2.0/24"),
        lambda w: w.change_site("network", external_subnet_id=OUTSIDE)),
     (f"subnet {OUTSIDE} (network.external_subnet_id) is not in network ext-net",)),
    ("has-to-exist", Status.PASS,
     lambda w: w.change_site("network", external_subnet_id=OUTSIDE), ("ext-net",)),
    ("kubernetes-version", Status.FAIL, having(kubernetes="v1.24.0"), ("v1.24.0", "1.23")),
    ("kubernetes-version", Status.FAIL, having(kubernetes="v1.9.11"), ("v1.9.11", "1.11")),
    ("release-step", Status.FAIL, put(running("Deployment", "kuryr-controller", "victoria")),
     ("the controller runs Kuryr victoria", "nothing moves it back", "kuryr.release to victoria")),
    ("release-step", Status.FAIL, put(program("DaemonSet", DAEMON)),
     ("the daemon exists, but neither", "set the label kuryr-runbook/release")),
    ("self-link", Status.FAIL,
     lambda w: w.object("Service", "kubernetes")["metadata"].pop(
         "selfLink"),
     ("Service default/kubernetes: it has no metadata.selfLink", "RemoveSelfLink=false")),
    ("kubernetes-rights", Status.FAIL, having(denied=denied(WATCH_PODS)),
     ("1 are missing: watch pods in kube-system",)),
    ("kubernetes-rights", Status.FAIL, having(denied=denied(EXEC)),
     ("create pods/exec in kube-system",)),
    ("service-cidr", Status.FAIL, having(said="The range of valid IPs is 10.96.0.0/12"),
     ("range is 10.96.0.0/12", "service_cidr is 10.96.0.0/17", "to 10.96.0.0/12")),
    ("service-cidr", Status.FAIL,
     unlike("Service", "kubernetes", "spec", "clusterIP", to="10.2.0.1"),
     ("at 10.2.0.1, not at 10.96.0.1",)),
    ("service-cidr", Status.FAIL,
     lambda w: w.add("subnet", name="kuryr-service-subnet", cidr="10.96.0.0/17"),
     ("service subnet 10.96.0.0/17", "lower half")),
    ("kubernetes-version", Status.WARN, having(kubernetes="v1.21.0"), ("up to 1.20",)),
    ("service-unsupported", Status.WARN,
     put(service("old", type="NodePort")),
     ("Services of type NodePort (default/old)", "type ClusterIP or LoadBalancer")),
    ("kube-proxy", Status.FAIL, put(program("DaemonSet", "kube-proxy")),
     ("DaemonSet kube-system/kube-proxy", "--cleanup")),
    ("kube-proxy", Status.FAIL, put(program("Pod", "kube-proxy-worker1")),
     ("Pod kube-system/kube-proxy-worker1",)),
    ("other-network", Status.FAIL, put(program("DaemonSet", "calico-node")), ("Calico",)),
    ("other-network", Status.FAIL, put(program("DaemonSet", "kube-flannel-ds-amd64")),
     ("Flannel: DaemonSet kube-system/kube-flannel-ds-amd64",)),
    ("other-network", Status.WARN, put(program("DaemonSet", "kube-multus-ds")), ("Multus",)),
    ("cni-configuration", Status.WARN,
     unlike("Node", "worker2", "status", "conditions", to=READY),
     ("1 of 2", "worker2", "/etc/cni/net.d")),
    ("service-controller", Status.WARN,
     put(program("DaemonSet", "openstack-cloud-controller-manager", *CCM)),
     ("DaemonSet kube-system/openstack-cloud-controller-manager", "*,-service")),
    ("service-controller", Status.WARN, put(program("Pod", "kcm-master", *IN_TREE)),
     ("Pod kube-system/kcm-master",)),
    ("nodes", Status.FAIL, lambda w: [
        o["spec"].update(unschedulable=True) for o in w.objects["Node"]],
     ("2 nodes, and none takes pods",)),
    ("nodes", Status.FAIL, unlike("Node", "worker1", "status", "addresses", to=[]),
     ("worker1 has no InternalIP",)),
    ("nodes", Status.FAIL, unlike("Endpoints", "kubernetes", "subsets", to=None),
     ("no API server",)),
    ("node-port", Status.FAIL,
     lambda w: w.node_port("worker2")["fixed_ips"][0].update(ip_address="172.16.0.77"),
     ("no port in subnet k8s-node-subnet (172.16.0.0/16) has the", "worker2 (172.16.1.1)")),
    ("node-port", Status.FAIL,
     lambda w: w.node_port("master")["fixed_ips"][0].update(subnet_id="other"),
     ("API server 172.16.0.9",)),
    ("controller-node", Status.FAIL, lambda w: [
        o["spec"].update(taints=[{"key": "dedicated", "effect": "NoExecute"}])
        for o in w.objects["Node"]],
     ("worker1 has the taint dedicated:NoExecute", "kuryr.controller.tolerations")),
    ("priority-class", Status.FAIL, lambda w: w.change_site(
        "kuryr", daemon=DaemonSection(priority_class="networks")),
     ("no priority class networks", "kubectl create priorityclass networks")),
    ("switched-off", Status.FAIL,
     lambda w: w.resource("router", "k8s-router").update(admin_state_up=False),
     ("openstack router set --enable router",)),
    ("resource-state", Status.FAIL,
     lambda w: w.node_port("worker1").update(status="DOWN"), ("worker1",)),
    ("egress", Status.FAIL, lambda w: w.remove("security_group_rule", "r-out-g-nodes"),
     ("k8s-node-sg lets nothing out",)),
    ("node-port-security", Status.FAIL,
     lambda w: w.node_port("worker1").update(port_security_enabled=False), ("worker1",)),
    ("pair-limit", Status.WARN, having(pair_limit=10),
     ("10 are allowed, a node accepts 250 pods", "most are in use at worker1: 0",
      "max_allowed_address_pair to 250")),
    ("pair-limit", Status.FAIL, having(pair_limit=1), ("alone needs 2",)),
    ("pair-macs", Status.FAIL, having(paired=NO_VIRTUAL_MAC), ("nested-vlan or neutron-vif",)),
    ("pair-macs", Status.FAIL, bound_by("ovn", "ip_allocation"), ("2026.1 or later",)),
    ("pair-macs", Status.WARN, lambda w: w.extensions.append("extraroute-atomic"),
     ("does not show what binds",)),
    ("pair-macs", Status.PASS, bound_by("openvswitch", "ip_allocation"), ("openvswitch",)),
    ("pair-macs", Status.PASS, bound_by("ovn"), ("before 2026.1",)),
    ("intent-unmet", Status.FAIL,
     put(service("web", type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"])),
     ("open to everybody", "service default/web (192.0.2.0/24)")),
    ("intent-unmet", Status.WARN, put(service("web", sessionAffinity="ClientIP")),
     ("go to any pod", "service default/web (ClientIP)")),
    ("policy-unenforced", Status.FAIL, put(policy("deny")), ("NetworkPolicy default/deny (ingress)",
                                                             "network policies are off")),
    ("other-kuryr", Status.FAIL, put(program("DaemonSet", "kuryr-cni-ds")),
     ("DaemonSet kube-system/kuryr-cni-ds", "delete daemonset kuryr-cni-ds")),
    ("other-kuryr", Status.FAIL, put(program("Pod", "kuryr-controller")), ("two controllers",)),
    ("other-kuryr", Status.PASS, put(program("DaemonSet", "kuryr-daemon")), ()),
    ("link-iface", Status.FAIL, lambda w: w.interfaces.update(worker2=("eth0", "lo")),
     ("worker2: there is no ens3, only eth0, lo", "`ip -br address` on a node")),
    ("link-iface", Status.FAIL,
     lambda w: w.interfaces.update(dict.fromkeys(("worker1", "worker2"), ("enp1s0", "lo"))),
     ("worker1: there is no ens3", "set kuryr.link_iface to enp1s0: the only one")),
    ("neighbours", Status.WARN, lambda w: w.change_site("verification", replicas=64),
     ("32 pods on a worker, each with 64 neighbours: 2048 entries", "1024 by default",
      "gc_thresh3=8192")),
    ("quota-neutron", Status.FAIL, quota("network", 3), ("3 of 3 used", "1 for services")),
    ("quota-neutron", Status.FAIL, quota("subnet", 4), ("3 of 4 used", "raise it by 1")),
    ("quota-neutron", Status.FAIL, lambda w: (change("router", "k8s-router", name="r")(w),
                                             quota("router", 3)(w)), ("1 for router",)),
    ("quota-neutron", Status.FAIL, quota("security_group", 3), ("1 for kuryr-pod-sg",)),
    ("quota-neutron", Status.FAIL, quota("security_group_rule", 8),
     ("4 for k8s-node-sg", "3 for kuryr-pod-sg")),
    ("quota-neutron", Status.FAIL, quota("floatingip", 3), ("1 for the verification",)),
    ("quota-neutron", Status.FAIL, quota("port", 10), ("4 for the verification's pods",
                                                    "2 for load balancers", "2 for the router")),
    ("quota-neutron", Status.WARN, quota("port", 100), ("the nodes take 500 pods", "of which 0")),
    ("quota-octavia", Status.FAIL, having(balancer_limits={"load_balancer": 1}),
     ("0 of 1 used", "1 for the API", "1 for the verification")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "spoil", "told"), BAD)
def test_what_is_wrong_is_reported(
    name: str, status: Status, spoil: Spoil, told: tuple[str, ...]
) -> None:
    finding = findings(spoiled(spoil))[name]
    assert finding.status is status
    for words in told:
        assert words in f"{finding.evidence} -> {finding.remedy}"


def test_every_check_can_fail_or_warn() -> None:
    elsewhere = {"image-pull", "image-signature", "pool-room", "policy-firewall"}
    others = {*elsewhere, "trunk", "node-port-tags", "node-agent"}
    assert {name for name, *_ in BAD} | others == findings(unspoilt()).keys()


def test_a_node_without_the_tags_by_which_wallaby_looks_is_reported() -> None:
    world = unspoilt(VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby", resource_tags=("my-site",))
    world.extensions.append("quota_details")
    for port in node_ports(world):
        port["tags"] = ["my-site", "another"]
    assert findings(world)["node-port-tags"].status is Status.PASS
    world.node_port("worker1")["tags"] = []
    finding = findings(world)["node-port-tags"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker1")
    assert "openstack port set --tag my-site" in finding.remedy
    world.change_site("kuryr", release="ussuri")
    assert findings(world)["node-port-tags"].status is Status.SKIP


def test_nodes_need_no_tags_where_kuryr_does_not_look_for_their_ports() -> None:
    world = unspoilt(VifDriver.NEUTRON_VIF)
    world.change_site("kuryr", release="wallaby", resource_tags=("my-site",))
    world.extensions.append("quota_details")
    assert findings(world)["node-port-tags"].status is Status.SKIP


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"host": "worker1.example.org"}, ("none on worker1", "worker1.example.org", "hostname=")),
        ({"agent_type": "OVN Metadata agent"}, ("none on worker1",)),
        ({"alive": False}, ("worker1 is not alive",)),
        ({"admin_state_up": False}, ("worker1 is switched off", "set --enable agent-worker1")),
    ],
)
def test_a_node_without_a_living_agent_of_neutron_is_reported(
    fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    world = unspoilt(VifDriver.NEUTRON_VIF)
    world.resource("agent", "agent-worker1").update(fields)
    finding = findings(world)["node-agent"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker1")
    for word in words:
        assert word in f"{finding.evidence} -> {finding.remedy}"


def test_agents_that_neutron_does_not_show_are_no_fault() -> None:
    world = unspoilt(VifDriver.NEUTRON_VIF)
    world.resources["agent"].clear()
    assert findings(world)["node-agent"].status is Status.SKIP


def test_a_worker_that_is_no_trunk_parent_is_reported() -> None:
    world = spoiled(lambda w: w.node_port("worker1").pop("trunk_details"), VifDriver.NESTED_VLAN)
    finding = findings(world)["trunk"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker1")


def test_all_problems_are_told_at_once() -> None:
    def spoil(world: World) -> None:
        put(program("DaemonSet", "kube-proxy"), program("DaemonSet", "cilium"))(world)
        having(bound=FORBIDDEN, balancer=REFUSED)(world)
        quota("port", 3)(world)
        having(kubernetes="v1.28.0")(world)

    assert of_status(spoiled(spoil), Status.FAIL) == {
        "kube-proxy", "other-network", "port-role", "load-balancer-role", "quota-neutron",
        "kubernetes-version",
    }  # fmt: skip


OF_NEUTRON = {
    "neutron-extensions", "port-role", "has-to-exist", "node-port", "node-port-security",
    "pair-limit", "pair-macs", "quota-neutron", "service-cidr", "switched-off", "resource-state",
    "egress",
}  # fmt: skip


OF_OCTAVIA = {
    "octavia-api", "octavia-providers", "load-balancer-role", "quota-octavia", "quota-neutron",
    "service-unsupported",
}  # fmt: skip


OF_KUBERNETES = {
    "link-iface",
    "kubernetes-version", "release-step", "self-link", "kubernetes-rights", "service-cidr",
    "kube-proxy", "other-network", "cni-configuration", "service-controller", "nodes", "node-port",
    "node-port-security", "pair-limit", "neighbours", "quota-neutron", "quota-octavia",
    "service-unsupported", "intent-unmet", "policy-unenforced", "other-kuryr", "switched-off",
    "resource-state", "egress", "controller-node", "priority-class",
}  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "failed", "unknown"),
    [
        (broken("login"), {"keystone"},
         OF_NEUTRON | OF_OCTAVIA | {"neutron", "octavia"}),
        (no_clouds_yaml, {"keystone"}, OF_NEUTRON | OF_OCTAVIA | {"neutron", "octavia"}),
        (broken("endpoint of network"), {"neutron"}, OF_NEUTRON),
        (broken("endpoint of load_balancer"), {"octavia"}, OF_OCTAVIA),
        (broken("version"), {"kubernetes-api"}, OF_KUBERNETES),
        (broken("providers"), set(), {"octavia-providers"}),
        (broken("quotas of load_balancer"), set(), {"quota-octavia"}),
        (broken("refused load balancer"), set(), {"load-balancer-role"}),
        (broken("refused port"), set(), {"port-role", "pair-limit"}),
        (having(limits={}), set(), {"quota-neutron"}),
        (broken("rights"), set(), {"kubernetes-rights"}),
        (broken("refused service"), set(), {"service-cidr"}),
        (broken("one Service"), set(), {"self-link", "service-cidr"}),
        (having(kubernetes="unknown"), set(), {"kubernetes-version"}),
        (broken("DaemonSet"), set(),
         {"kube-proxy", "other-network", "cni-configuration", "service-controller",
          "other-kuryr"}),
        (having(plain=Refusal(status=409, type="OverQuota", said="")), set(), {"port-role"}),
        (having(bound=Refusal(status=500, type="", said="oops")), set(), {"port-role"}),
        (having(paired=Refusal(status=500, type="", said="oops")), set(), {"pair-limit"}),
        (having(balancer=Refusal(status=500, type="", said="oops")), set(),
         {"load-balancer-role"}),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_unknown_and_the_rest_is_looked_at(
    spoil: Spoil, failed: set[str], unknown: set[str]
) -> None:
    world = spoiled(spoil)
    assert of_status(world, Status.FAIL) == failed
    assert of_status(world, Status.UNKNOWN) == unknown


def test_what_does_not_answer_is_asked_once() -> None:
    for what, other in (("login", "cluster"), ("version", "cloud")):
        world = spoiled(broken(what))
        world.unreadable[other] = Unreadable("not asked")
        world.before()
        assert world.asked == [what]


def test_services_that_kuryr_ignores_are_reported_by_the_reason() -> None:
    many = [service(f"n{n}", type="NodePort") for n in range(7)]
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    world = spoiled(
        put(
            *many,
            service("kube-dns", namespace="kube-system", ports=dns),
            service("headless", clusterIP="None"),
            service("manual", selector=None),
            service("name", type="ExternalName", clusterIP="", externalName="example.org"),
            service("phone", namespace="voice", ports=[{"port": 5060, "protocol": "SCTP"}]),
        )
    )
    evidence = [it.evidence for it in check_preflight(world.before()) if it.status is Status.WARN]
    for words in (
        "type NodePort (default/n0; default/n1; default/n2; default/n3; default/n4; and 2 more)",
        "Kuryr stein ignores Services without a selector (default/manual)",
        "SCTP port 5060 is skipped (voice/phone)",
    ):
        assert sum(words in it for it in evidence) == 1
    assert not [it for it in evidence if "kubernetes" in it or "headless" in it or "kube-dns" in it]
    world.octavia = ["v2.5"]
    told = [it.evidence for it in check_preflight(world.before())]
    both = "port 53 has TCP and UDP, and one of them is skipped (kube-system/kube-dns)"
    assert sum(both in it for it in told) == 1


def test_services_that_a_later_release_serves_are_not_told() -> None:
    world = spoiled(put(service("manual", selector=None, ports=[{"port": 9, "protocol": "SCTP"}])))
    assert findings(world)["service-unsupported"].status is Status.WARN
    world.change_site("kuryr", release="wallaby", vif_driver=VifDriver.NESTED_VLAN)
    assert findings(world)["service-unsupported"].status is Status.PASS


def test_the_pair_probe_asks_for_as_many_as_the_largest_node_takes() -> None:
    world = spoiled(unlike("Node", "worker2", "status", "allocatable", to={"pods": "300"}))
    assert "300 are allowed" in findings(world)["pair-limit"].evidence
