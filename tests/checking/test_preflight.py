"""The preflight checks: each passes, tells what an operator needs, and says unknown."""

from __future__ import annotations

import base64
from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest
from worlds.preflight import (
    FORBIDDEN,
    GONE,
    REFUSED,
    World,
    denied,
    pod,
    policy,
    program,
    quotas,
    service,
    too_many,
)

from kuryr_runbook.checking.preflight import CHECKS, check_preflight
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.daemon import DAEMON
from kuryr_runbook.specs.requirements import Right, needed_rights

Spoil = Callable[[World], Any]


def findings(world: World) -> dict[str, Finding]:
    found = list(check_preflight(world.read()))
    assert {finding.check for finding in found} == {check.name for check in CHECKS}
    for finding in found:
        assert finding.evidence
        assert finding.remedy or finding.status in (Status.PASS, Status.SKIP)
    # The first one that a check says.
    return {finding.check: finding for finding in reversed(found)}


def of_status(world: World, *statuses: Status) -> set[str]:
    return {name for name, item in findings(world).items() if item.status in statuses}


def spoiled(spoil: Spoil, driver: VifDriver = VifDriver.NESTED_MACVLAN) -> World:
    world = World(driver)
    spoil(world)
    return world


SKIPPED = {
    VifDriver.NESTED_MACVLAN: {"credential-roles", "trunk", "node-port-tags"},
    VifDriver.NESTED_VLAN: {
        "credential-roles", "address-pair-limit", "pair-macs", "node-port-security",
        "node-port-tags",
    },
    VifDriver.NEUTRON_VIF: {
        "credential-roles", "address-pair-limit", "pair-macs", "node-port-security", "trunk",
        "node-port-tags",
    },
}  # fmt: skip


@pytest.mark.parametrize("driver", VifDriver)
def test_all_pass_when_all_is_in_order(driver: VifDriver) -> None:
    found = findings(World(driver))
    skipped = {name for name, item in found.items() if item.status is Status.SKIP}
    assert skipped == SKIPPED[driver]
    bad = {name: item for name, item in found.items() if item.status is not Status.PASS}
    assert bad.keys() == skipped


NO_VIRTUAL_MAC = Refusal(status=400, type="InvalidVirtualMACAddress", said="no")


def bound_by(driver: str, *extensions: str) -> Spoil:
    """Neutron shows who bound the nodes' ports, and has these extensions too."""

    def spoil(world: World) -> None:
        world.cloud.extensions += extensions
        for port in world.ports.values():
            port["binding:vif_details"] = {"port_filter": True, "bound_drivers": {"0": driver}}

    return spoil


def put(*objects: dict[str, Any]) -> Spoil:
    return lambda world: world.cluster.objects.extend(objects)


def running(kind: str, name: str, release: str) -> dict[str, Any]:
    """Kuryr's controller or daemon, with the mark of its release."""
    found = program(kind, name)
    return found | {"metadata": found["metadata"] | {"labels": {RELEASE_LABEL: release}}}


def quota(resource: str, limit: int, used: int = 3) -> Spoil:
    numbers = {"limit": limit, "used": used, "reserved": 0}
    return lambda world: world.cloud.limits.update({resource: numbers})


def cloud(**changes: Any) -> Spoil:
    return lambda world: [setattr(world.cloud, name, value) for name, value in changes.items()]


def cluster(**changes: Any) -> Spoil:
    return lambda world: [setattr(world.cluster, name, value) for name, value in changes.items()]


def own_credential(*roles: str, held: tuple[str, ...] = ("admin", "kuryr", "member")) -> Spoil:
    """Kuryr is to have a credential of its own with these roles, by default with the driver's."""

    def spoil(world: World) -> None:
        world.change_site(
            "kuryr", credentials="application_credential", credential_roles=roles or None
        )
        world.cloud.held = held

    return spoil


def broken(part: str, *whats: str) -> Spoil:
    return lambda world: getattr(world, part).broken.update(dict.fromkeys(whats, GONE))


def without(extension: str) -> Spoil:
    return lambda world: world.cloud.extensions.remove(extension)


def unlike(kind: str, name: str, *path: str, to: Any) -> Spoil:
    """An object of the cluster with another value at that path."""

    def spoil(world: World) -> None:
        found = next(
            item
            for item in world.cluster.objects
            if (item["kind"], item["metadata"]["name"]) == (kind, name)
        )
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = to

    return spoil


def renamed(kind: str, name: str, to: str) -> Spoil:
    return lambda world: [
        item.update(name=to) for item in world.cloud.memory.resources[kind] if item["name"] == name
    ]


def no_registry(world: World) -> None:
    world.registry.broken = UsageError("image.registry_ca: no file ca.pem", remedy="name it")


def no_clouds_yaml(world: World) -> None:
    world.unreadable["cloud"] = Unreadable("no file clouds.yaml", "name an existing one")


WATCH_PODS = Right(verb="watch", group="", resource="pods", namespace="kube-system")
EXEC = Right(verb="create", group="", resource="pods/exec", namespace="kube-system")
READY = [{"type": "Ready", "status": "True"}]
CCM = ("/bin/openstack-cloud-controller-manager", "--cloud-config=/etc/config/cloud.conf")
IN_TREE = ("kube-controller-manager", "--cloud-provider=openstack")
PODS_OF_CCM = {"volumes": [{"name": "c", "secret": {"secretName": "cloud-config"}}]}

BAD: list[tuple[str, Status, Spoil, tuple[str, ...]]] = [
    ("keystone", Status.FAIL, broken("cloud", "login"), ("it says no", "ask its operators")),
    ("keystone", Status.FAIL, no_clouds_yaml, ("no file clouds.yaml", "name an existing one")),
    ("neutron", Status.FAIL, broken("cloud", "network"), ("it says no",)),
    ("neutron", Status.FAIL, broken("cloud", "extension"), ("it says no",)),
    ("octavia", Status.FAIL, broken("cloud", "load_balancer"), ("it says no",)),
    ("octavia", Status.FAIL, broken("cloud", "versions"), ("it says no",)),
    ("kubernetes-api", Status.FAIL, broken("cluster", "version"), ("it says no",)),
    ("registry", Status.FAIL, no_registry, ("no file ca.pem", "name it")),
    ("base-image", Status.FAIL, no_registry, ("no file ca.pem",)),
    ("base-image", Status.FAIL, lambda w: w.registry.names.clear(), ("has no image",)),
    ("neutron-extensions", Status.FAIL, without("allowed-address-pairs"),
     ("allowed-address-pairs (pods' addresses",)),
    ("octavia-api", Status.FAIL, cloud(versions=["v1"]), ("no version 2",)),
    ("octavia-api", Status.FAIL, cloud(versions=["one"]), ("no version 2",)),
    ("octavia-providers", Status.FAIL, cloud(offered=()), ("offers none",)),
    ("octavia-providers", Status.FAIL, cloud(offered=("ovn",)),
     ("only ovn", "lb_algorithm, which Kuryr stein does not have", "enable amphorae")),
    ("octavia-providers", Status.WARN, cloud(offered=("f5", "ovn")), ("none is an amphora",)),
    ("port-role", Status.FAIL, cloud(plain=FORBIDDEN), ("not on the nodes' network",)),
    ("port-role", Status.FAIL, cloud(bound=FORBIDDEN),
     ("binding:host_id", "user k8s has in project k8s: member", "admin", "nested-vlan")),
    ("load-balancer-role", Status.FAIL, cloud(balancer=REFUSED),
     ("403", "user k8s has", "load-balancer_member")),
    ("credential-roles", Status.FAIL, own_credential(held=("member",)),
     ("is to have admin, and the user lacks admin", "user k8s has in project k8s: member",
      "grant them, or set kuryr.credential_roles")),
    ("credential-roles", Status.FAIL, own_credential("cloud", "member"), ("lacks cloud;",)),
    ("credential-roles", Status.WARN, own_credential("member", "kuryr"),
     ("kuryr, member: by the default policies", "nested-macvlan needs load-balancer_member, admin",
      "a cloud with other policies")),
    ("has-to-exist", Status.FAIL, renamed("network", "ext-net", "public"),
     ("network ext-net (network.external_network) does not exist",)),
    ("has-to-exist", Status.FAIL, renamed("network", "k8s-node-network", "ext-net"),
     ("2 networks are named ext-net", "(network.external_network): put the id there")),
    ("has-to-exist", Status.FAIL, lambda w: [
        it.update({"router:external": False}) for it in w.cloud.memory.resources["network"]],
     ("network ext-net (network.external_network) is not external",)),
    ("kubernetes-version", Status.FAIL, cluster(told_version="v1.24.0"), ("v1.24.0", "1.23")),
    ("kubernetes-version", Status.FAIL, cluster(told_version="v1.9.11"), ("v1.9.11", "1.11")),
    ("release-step", Status.FAIL, put(running("Deployment", "kuryr-controller", "victoria")),
     ("the controller runs Kuryr victoria", "nothing moves it back", "kuryr.release to victoria")),
    ("release-step", Status.FAIL, put(program("DaemonSet", DAEMON)),
     ("the daemon is there, and neither", "set the label kuryr-runbook/release")),
    ("self-link", Status.FAIL,
     lambda w: next(o for o in w.cluster.objects if o["kind"] == "Service")["metadata"].pop(
         "selfLink"),
     ("Service default/kubernetes: it has no metadata.selfLink", "RemoveSelfLink=false")),
    ("kubernetes-rights", Status.FAIL, cluster(denied=denied(WATCH_PODS)),
     ("1 are missing: watch pods in kube-system",)),
    ("kubernetes-rights", Status.FAIL, cluster(denied=denied(EXEC)),
     ("create pods/exec in kube-system",)),
    ("service-cidr", Status.FAIL, cluster(said="The range of valid IPs is 10.96.0.0/12"),
     ("range is 10.96.0.0/12", "service_cidr is 10.2.0.0/25", "to 10.96.0.0/12")),
    ("service-cidr", Status.FAIL,
     unlike("Service", "kubernetes", "spec", "clusterIP", to="10.96.0.1"),
     ("at 10.96.0.1, not at 10.2.0.1",)),
    ("service-cidr", Status.FAIL,
     lambda w: w.cloud.memory.add("subnet", name="kuryr-service-subnet", cidr="10.2.0.0/25"),
     ("service subnet 10.2.0.0/25", "lower half")),
    ("kubernetes-version", Status.WARN, cluster(told_version="v1.21.0"), ("up to 1.20",)),
    ("service-unsupported", Status.WARN,
     put(service("old", type="NodePort", selector={"app": "old"})),
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
        o["spec"].update(unschedulable=True) for o in w.cluster.objects if o["kind"] == "Node"],
     ("2 nodes, and none takes pods",)),
    ("nodes", Status.FAIL, unlike("Node", "worker1", "status", "addresses", to=[]),
     ("worker1 has no InternalIP",)),
    ("nodes", Status.FAIL, unlike("Endpoints", "kubernetes", "subsets", to=None),
     ("no API server",)),
    ("node-port", Status.FAIL,
     lambda w: w.ports["worker2"]["fixed_ips"][0].update(ip_address="172.18.0.77"),
     ("no port in subnet k8s-node-subnet (172.18.0.0/24) has the", "worker2 (172.18.0.12)")),
    ("node-port", Status.FAIL,
     lambda w: w.ports["master"]["fixed_ips"][0].update(subnet_id="other"),
     ("API server 172.18.0.10",)),
    ("node-port-security", Status.FAIL,
     lambda w: w.ports["worker1"].update(port_security_enabled=False), ("worker1",)),
    ("address-pair-limit", Status.WARN, cloud(paired=too_many(10)),
     ("10 are allowed, a node takes 110 pods", "most are in use at worker1: 0",
      "max_allowed_address_pair to 110")),
    ("address-pair-limit", Status.FAIL, cloud(paired=too_many(1)), ("alone needs 2",)),
    ("pair-macs", Status.FAIL, cloud(paired=NO_VIRTUAL_MAC), ("nested-vlan or neutron-vif",)),
    ("pair-macs", Status.FAIL, bound_by("ovn", "ip_allocation"), ("2026.1 or later",)),
    ("pair-macs", Status.WARN, lambda w: w.cloud.extensions.append("extraroute-atomic"),
     ("does not show who binds",)),
    ("pair-macs", Status.PASS, bound_by("openvswitch", "ip_allocation"), ("openvswitch",)),
    ("pair-macs", Status.PASS, bound_by("ovn"), ("before 2026.1",)),
    ("intent-unmet", Status.FAIL,
     put(service("web", type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"])),
     ("open to everybody", "service default/web (192.0.2.0/24)")),
    ("intent-unmet", Status.WARN, put(service("web", sessionAffinity="ClientIP")),
     ("go to any pod", "service default/web (ClientIP)")),
    ("policy-unenforced", Status.FAIL, put(policy("deny")), ("NetworkPolicy default/deny (ingress)",
                                                             "network policies are off")),
    ("neighbours", Status.WARN, lambda w: w.change_site("verification", replicas=64),
     ("32 pods on a worker, each with 64 neighbours: 2048 entries", "1024 by default",
      "gc_thresh3=8192")),
    ("quota-network", Status.FAIL, quota("network", 3), ("3 of 3 used", "1 for services")),
    ("quota-subnet", Status.FAIL, quota("subnet", 4), ("3 of 4 used", "raise it by 1")),
    ("quota-router", Status.FAIL, lambda w: (renamed("router", "k8s-router", "r")(w),
                                             quota("router", 3)(w)), ("1 for router",)),
    ("quota-security-group", Status.FAIL, quota("security_group", 3), ("1 for kuryr-pod-sg",)),
    ("quota-security-group-rule", Status.FAIL, quota("security_group_rule", 8),
     ("3 for k8s-node-sg", "3 for kuryr-pod-sg")),
    ("quota-floating-ip", Status.FAIL, quota("floatingip", 3), ("1 for the verification",)),
    ("quota-port", Status.FAIL, quota("port", 10), ("4 for the verification's pods",
                                                    "2 for load balancers", "2 for the router")),
    ("quota-port", Status.WARN, quota("port", 100), ("the nodes take 220 pods", "of which 0")),
    ("quota-load-balancer", Status.FAIL, cloud(balancer_limits={"load_balancer": 1}),
     ("0 of 1 used", "1 for the API", "1 for the verification")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "spoil", "told"), BAD)
def test_what_is_wrong_is_told(
    name: str, status: Status, spoil: Spoil, told: tuple[str, ...]
) -> None:
    finding = findings(spoiled(spoil))[name]
    assert finding.status is status
    for words in told:
        assert words in f"{finding.evidence} -> {finding.remedy}"


def test_every_check_can_fail_or_warn() -> None:
    others = {"trunk", "node-port-tags"}
    assert {name for name, *_ in BAD} | others == findings(World()).keys()


def test_a_node_without_the_tags_by_which_wallaby_looks_is_told() -> None:
    world = World(VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby", resource_tags=("my-site",))
    world.cloud.extensions.append("quota_details")
    for port in world.ports.values():
        port["tags"] = ["my-site", "another"]
    assert findings(world)["node-port-tags"].status is Status.PASS
    world.ports["worker1"]["tags"] = []
    finding = findings(world)["node-port-tags"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker1")
    assert "openstack port set --tag my-site" in finding.remedy
    world.change_site("kuryr", release="ussuri")
    assert findings(world)["node-port-tags"].status is Status.SKIP


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
    broken("cloud", "login")(world)
    assert findings(world)["credential-roles"].status is Status.UNKNOWN


def test_a_worker_that_is_no_trunk_parent_is_told() -> None:
    world = spoiled(lambda w: w.ports["worker1"].pop("trunk_details"), VifDriver.NESTED_VLAN)
    finding = findings(world)["trunk"]
    assert (finding.status, finding.subject) == (Status.FAIL, "node worker1")


def test_all_problems_are_told_at_once() -> None:
    def spoil(world: World) -> None:
        put(program("DaemonSet", "kube-proxy"), program("DaemonSet", "cilium"))(world)
        cloud(bound=FORBIDDEN, balancer=REFUSED)(world)
        quota("port", 3)(world)
        cluster(told_version="v1.28.0")(world)

    assert of_status(spoiled(spoil), Status.FAIL) == {
        "kube-proxy", "other-network", "port-role", "load-balancer-role", "quota-port",
        "kubernetes-version",
    }  # fmt: skip


OF_NEUTRON = {
    "neutron-extensions", "port-role", "has-to-exist", "node-port", "node-port-security",
    "address-pair-limit", "pair-macs", "quota-network", "quota-subnet", "quota-router",
    "quota-security-group", "quota-security-group-rule", "quota-floating-ip", "quota-port",
    "service-cidr",
}  # fmt: skip
OF_OCTAVIA = {
    "octavia-api", "octavia-providers", "load-balancer-role", "quota-load-balancer",
    "quota-floating-ip", "quota-port", "service-unsupported",
}  # fmt: skip
OF_KUBERNETES = {
    "kubernetes-version", "release-step", "self-link", "kubernetes-rights", "service-cidr",
    "kube-proxy",
    "other-network", "cni-configuration", "service-controller", "nodes", "node-port",
    "node-port-security", "address-pair-limit", "neighbours", "quota-floating-ip", "quota-port",
    "quota-load-balancer", "service-unsupported", "intent-unmet", "policy-unenforced",
}  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "failed", "unknown"),
    [
        (broken("cloud", "login"), {"keystone"},
         OF_NEUTRON | OF_OCTAVIA | {"neutron", "octavia"}),
        (no_clouds_yaml, {"keystone"}, OF_NEUTRON | OF_OCTAVIA | {"neutron", "octavia"}),
        (broken("cloud", "network"), {"neutron"}, OF_NEUTRON),
        (broken("cloud", "load_balancer"), {"octavia"}, OF_OCTAVIA),
        (broken("cluster", "version"), {"kubernetes-api"}, OF_KUBERNETES),
        (broken("cloud", "providers"), set(), {"octavia-providers"}),
        (broken("cloud", "quotas of load_balancer"), set(), {"quota-load-balancer"}),
        (broken("cloud", "balancer probe"), set(), {"load-balancer-role"}),
        (broken("cloud", "port probe"), set(), {"port-role", "address-pair-limit"}),
        (cloud(limits={}), set(), {name for name in OF_NEUTRON if name.startswith("quota")}),
        (broken("cluster", "rights"), set(), {"kubernetes-rights"}),
        (broken("cluster", "service probe"), set(), {"service-cidr"}),
        (broken("cluster", "one Service"), set(), {"self-link", "service-cidr"}),
        (cluster(told_version="unknown"), set(), {"kubernetes-version"}),
        (broken("cluster", "DaemonSet"), set(),
         {"kube-proxy", "other-network", "cni-configuration", "service-controller"}),
        (cloud(plain=Refusal(status=409, type="OverQuota", said="")), set(), {"port-role"}),
        (cloud(bound=Refusal(status=500, type="", said="oops")), set(), {"port-role"}),
        (cloud(paired=Refusal(status=500, type="", said="oops")), set(), {"address-pair-limit"}),
        (cloud(balancer=Refusal(status=500, type="", said="oops")), set(),
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
    world = spoiled(broken("cloud", "login"))
    world.read()
    assert world.cloud.asked == ["login"]
    world = spoiled(broken("cluster", "version"))
    world.read()
    assert world.cluster.asked == ["version"]


def test_a_cluster_admin_is_asked_about_once() -> None:
    world = World()
    world.read()
    assert world.cluster.asked.count("rights") == 1


def test_a_user_with_just_the_needed_rights_passes() -> None:
    world = spoiled(cluster(denied=lambda attributes: attributes["verb"] == "*"))
    assert findings(world)["kubernetes-rights"].status is Status.PASS
    assert world.cluster.asked.count("rights") == 1 + len(list(needed_rights(world.site)))


def test_resilience_asks_for_rights_that_nothing_else_needs() -> None:
    cordon = Right(verb="patch", group="", resource="nodes", namespace=None)
    world = spoiled(cluster(denied=denied(cordon)))
    assert findings(world)["kubernetes-rights"].status is Status.PASS
    world.resilience = True
    found = findings(world)["kubernetes-rights"]
    assert (found.status, "patch nodes" in found.evidence) == (Status.FAIL, True)


def test_a_second_run_with_exhausted_quotas_passes() -> None:
    world = World()
    memory, site = world.cloud.memory, world.site
    network = memory.add("network", name=site.network.service_subnet.network)
    for name, cidr in (
        ("kuryr-pod-subnet", "10.1.0.0/24"),
        ("kuryr-service-subnet", "10.2.0.0/24"),
    ):
        memory.add("subnet", name=name, network_id=network["id"], cidr=cidr)
    groups = {name: memory.add("security_group", name=name)["id"] for name in ("kuryr-pod-sg",)}
    [nodes] = [it["id"] for it in memory.resources["security_group"] if it["name"] == "k8s-node-sg"]
    for group in (nodes, *groups.values()):
        memory.add("security_group_rule", security_group_id=group, direction="ingress",
                   ethertype="IPv4")  # fmt: skip
    balancers = ("kubernetes-service", "kuryr-verification/kuryr-demo-service", "web/shop")
    for name in balancers:
        memory.add("loadbalancer", name=name)
    world.cloud.limits = quotas(limit=9, used=9)
    world.cloud.balancer_limits = {"loadbalancer": 3}
    plugged = {"annotations": {"openstack.org/kuryr-vif": "{}"}}
    put(
        running("DaemonSet", DAEMON, "stein"),
        service("shop", "web", selector={"app": "shop"}, type="LoadBalancer"),
        *(pod(f"demo-{n}", "kuryr-verification", **plugged) for n in range(4)),
        pod("shop-1", "web", **plugged),
    )(world)
    assert of_status(world, Status.FAIL, Status.UNKNOWN) == set()
    assert findings(world)["quota-port"].status is Status.WARN
    assert findings(world)["cni-configuration"].status is Status.SKIP


def test_what_waits_in_the_cluster_is_counted() -> None:
    finished = {**pod("job"), "status": {"phase": "Succeeded"}}
    in_host = {**pod("agent"), "spec": {"hostNetwork": True}}
    chosen = {"selector": {"app": "dns"}}
    world = spoiled(
        put(
            pod("dns-1"), pod("dns-2"), finished, in_host,
            service("dns", "kube-system", clusterIP="10.2.0.10", **chosen),
            service("web", type="LoadBalancer", clusterIP="10.2.0.11", **chosen),
            service("headless", clusterIP="None", **chosen),
            service("manual", clusterIP="10.2.0.12"),
            service("name", type="ExternalName", clusterIP=""),
            service("node", type="NodePort", clusterIP="10.2.0.13", **chosen),
        )
    )  # fmt: skip
    found = findings(world)
    assert "2 for Services" in found["quota-load-balancer"].evidence
    assert "1 for Services" in found["quota-floating-ip"].evidence
    assert "2 for pods that wait" in found["quota-port"].evidence
    assert "4 for load balancers" in found["quota-port"].evidence


def test_services_that_kuryr_ignores_are_told_by_the_reason() -> None:
    chosen = {"selector": {"app": "dns"}}
    many = [service(f"n{n}", type="NodePort", **chosen) for n in range(7)]
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    world = spoiled(
        put(
            *many,
            service("kube-dns", "kube-system", ports=dns, **chosen),
            service("headless", clusterIP="None", **chosen),
            service("manual"),
            service("name", type="ExternalName", clusterIP="", externalName="example.org"),
            service("phone", "voice", ports=[{"port": 5060, "protocol": "SCTP"}], **chosen),
        )
    )
    evidence = [it.evidence for it in check_preflight(world.read()) if it.status is Status.WARN]
    for words in (
        "type NodePort (default/n0; default/n1; default/n2; default/n3; default/n4; and 2 more)",
        "Kuryr stein ignores Services without a selector (default/manual)",
        "SCTP port 5060 is skipped (voice/phone)",
    ):
        assert sum(words in it for it in evidence) == 1
    assert not [it for it in evidence if "kubernetes" in it or "headless" in it or "kube-dns" in it]
    world.cloud.versions = ["v2.5"]
    told = [it.evidence for it in check_preflight(world.read())]
    both = "port 53 has TCP and UDP, and one of them is skipped (kube-system/kube-dns)"
    assert sum(both in it for it in told) == 1


def test_services_that_a_later_release_serves_are_not_told() -> None:
    world = spoiled(put(service("manual", ports=[{"port": 9, "protocol": "SCTP"}])))
    assert findings(world)["service-unsupported"].status is Status.WARN
    world.change_site("kuryr", release="wallaby", vif_driver=VifDriver.NESTED_VLAN)
    assert findings(world)["service-unsupported"].status is Status.PASS


def test_the_provider_that_the_site_chose_has_to_be_there() -> None:
    world = World(VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby", octavia_provider=OctaviaProvider.OVN)
    finding = findings(world)["octavia-providers"]
    assert finding.status is Status.FAIL
    assert "only amphora, and Kuryr asks for ovn" in finding.evidence
    world.cloud.offered = ("amphora", "ovn")
    assert findings(world)["octavia-providers"].status is Status.PASS


@pytest.mark.parametrize(
    ("release", "version", "status"),
    [("ussuri", "v2.30", Status.WARN), ("victoria", "v2.5", Status.WARN),
     ("victoria", "v2.6", Status.FAIL)],
)  # fmt: skip
def test_amphorae_are_a_must_where_kuryr_asks_for_them_by_name(
    release: str, version: str, status: Status
) -> None:
    world = spoiled(cloud(offered=("f5",), versions=[version]), VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release=release)
    assert findings(world)["octavia-providers"].status is status


def test_a_cloud_of_ovn_alone_is_for_sites_that_choose_it() -> None:
    world = spoiled(cloud(offered=("ovn",)), VifDriver.NESTED_VLAN)
    world.change_site("kuryr", release="wallaby")
    finding = findings(world)["octavia-providers"]
    assert finding.status is Status.FAIL
    assert finding.remedy == "set kuryr.octavia_provider to ovn"


def test_what_octavia_lacks_of_a_release_is_a_warning() -> None:
    world = spoiled(cloud(versions=["v2.0", "v2.12"]), VifDriver.NESTED_VLAN)
    assert findings(world)["octavia-api"].status is Status.PASS
    world.change_site("kuryr", release="wallaby")
    finding = findings(world)["octavia-api"]
    assert finding.status is Status.WARN
    assert "2.12: Kuryr does without TCP and UDP on one port (2.13), SCTP (2.23)" in (
        finding.evidence
    )


@pytest.mark.parametrize(
    ("words", "config", "status"),
    [
        (CCM, None, Status.WARN),
        ((*CCM, "--controllers=*,-service"), None, Status.PASS),
        ((*CCM, "--controllers", "*,-service-lb-controller"), None, Status.PASS),
        ((*CCM, "--controllers=cloud-node"), None, Status.PASS),
        ((*CCM, "--controllers=cloud-node,service"), None, Status.WARN),
        ((*CCM, "--controllers=*"), None, Status.WARN),
        (("sh", "-c", f"exec {CCM[0]} --controllers='*,-service'"), None, Status.PASS),
        (CCM, "[LoadBalancer]\nenabled = false\n", Status.PASS),
        (CCM, "[Global]\npassword=a%b\n[LoadBalancer]\nenabled=no\n", Status.PASS),
        (CCM, "[LoadBalancer]\nenabled=true\n", Status.WARN),
        (CCM, "[LoadBalancer]\nenabled=perhaps\n", Status.WARN),
        (CCM, "[Global]\nregion=R\n", Status.WARN),
        (CCM, "no ini file", Status.WARN),
        (("kube-controller-manager", "--cloud-provider=external"), None, Status.PASS),
    ],
)
def test_when_a_cloud_controller_makes_load_balancers(
    words: tuple[str, ...], config: str | None, status: Status
) -> None:
    world = spoiled(put(program("Deployment", "ccm", *words, **PODS_OF_CCM)))
    if config is not None:
        put(
            {
                "kind": "Secret",
                "metadata": {"name": "cloud-config", "namespace": "kube-system"},
                "data": {"cloud.conf": base64.b64encode(config.encode()).decode()},
            }
        )(world)
    assert findings(world)["service-controller"].status is status


def test_no_secret_of_a_cloud_controller_is_kept() -> None:
    secret = "canary-in-cloud-conf"
    config = base64.b64encode(f"[Global]\npassword={secret}\n".encode()).decode()
    world = spoiled(
        put(
            program("Deployment", "ccm", *CCM, **PODS_OF_CCM),
            {
                "kind": "Secret",
                "metadata": {"name": "cloud-config", "namespace": "kube-system"},
                "data": {"cloud.conf": config},
            },
        )
    )
    snapshot = world.read()
    shown = repr(snapshot) + repr(list(check_preflight(snapshot)))
    assert secret not in shown
    assert config not in shown


def test_pods_of_a_set_are_told_by_their_set_only() -> None:
    owned = program("Pod", "kube-proxy-x1")
    owned["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "kube-proxy"}]
    world = spoiled(put(program("DaemonSet", "kube-proxy"), owned))
    finding = findings(world)["kube-proxy"]
    assert finding.subject == finding.evidence == "DaemonSet kube-system/kube-proxy"


def test_the_pair_probe_asks_for_as_many_as_the_largest_node_takes() -> None:
    world = spoiled(unlike("Node", "worker2", "status", "allocatable", to={"pods": "250"}))
    assert "250 are allowed" in findings(world)["address-pair-limit"].evidence


def test_a_driver_without_binding_host_does_not_need_the_admin() -> None:
    world = spoiled(cloud(bound=FORBIDDEN), VifDriver.NESTED_VLAN)
    assert findings(world)["port-role"].status is Status.PASS


def test_the_site_range_is_not_believed_when_the_server_names_none() -> None:
    world = spoiled(cluster(said="no"))
    finding = findings(world)["service-cidr"]
    assert finding.status is Status.UNKNOWN
    assert "where its range ends" in finding.evidence


def test_a_site_of_another_range_is_told_with_the_right_one() -> None:
    world = World()
    world.change_site("kubernetes", service_cidr=IPv4Network("10.3.0.0/25"))
    finding = findings(world)["service-cidr"]
    assert finding.status is Status.FAIL
    assert "to 10.2.0.0/25" in finding.remedy


def test_given_ids_have_to_exist() -> None:
    world = World()
    world.change_site("network", kuryr_pod_subnet_id="pods", pod_security_group_id="group")
    evidence = findings(world)["has-to-exist"].evidence
    assert "subnet pods (network.kuryr_pod_subnet_id) does not exist" in evidence
    assert "security_group group (network.pod_security_group_id) does not exist" in evidence


def test_a_node_that_takes_no_pods_is_no_room() -> None:
    world = spoiled(quota("port", 130))
    assert findings(world)["quota-port"].status is Status.WARN
    unlike("Node", "worker2", "spec", to={"unschedulable": True})(world)
    assert findings(world)["quota-port"].status is Status.PASS
