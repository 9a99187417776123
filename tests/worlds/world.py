"""A cluster and a cloud where all is well, of any size, as the APIs would show them.

Tests spoil something in it; what preflight, verification or diagnosis then say of it goes through
the same code as real answers.
"""

from __future__ import annotations

import copy
import json
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from worlds.apis import Apis, Registry
from worlds.cloud_answers import PROJECT, answer
from worlds.memory_cluster import CLUSTER_ID, SYSTEM
from worlds.objects import (
    BEFORE,
    Item,
    endpoints,
    metadata,
    node,
    own_pod,
    service,
    versioned,
    vif_of,
)
from worlds.sites import lab_site

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_network import PodSubnet, ServiceSubnet
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis
from kuryr_runbook.snapshots.preflight import PreflightSnapshot, read_preflight
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.controller import CONFIG_KEY, config_secret
from kuryr_runbook.specs.daemon import DAEMON_CONFIG
from kuryr_runbook.specs.kuryr_conf import KuryrIds, controller_conf, daemon_conf, render_conf
from kuryr_runbook.specs.manifests import config_map
from kuryr_runbook.specs.requirements import needed_extensions
from kuryr_runbook.specs.workload import DEMO, SERVICE

NODES = IPv4Network("172.16.0.0/16")
PODS = IPv4Network("10.64.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
RANGE = IPv4Network("10.96.0.0/17")
KINDS = (
    "DaemonSet", "Deployment", "Endpoints", "Event", "KuryrNetwork", "KuryrNetworkPolicy",
    "Namespace", "NetworkPolicy", "Node", "Pod", "Service",
)  # fmt: skip
QUOTAS = (
    "network", "subnet", "router", "port", "security_group", "security_group_rule", "floatingip",
)  # fmt: skip
TYPES = (*QUOTAS, "subnet_pool", "trunk", "agent", "loadbalancer", "listener", "pool")
API_SERVER = str(NODES[9])
PER_SERVICE = 10
PER_NODE = 100


def wide_site(driver: VifDriver, release: str) -> Site:
    """The lab's site, with ranges for many pods and Services."""
    site = lab_site(driver)
    network = site.network.model_copy(
        update={"pod_subnet": PodSubnet(cidr=PODS), "service_subnet": ServiceSubnet(cidr=SERVICES)}
    )
    return site.model_copy(
        update={
            "network": network,
            "kuryr": site.kuryr.model_copy(update={"release": release}),
            "kubernetes": site.kubernetes.model_copy(update={"service_cidr": RANGE}),
        }
    )


class World(Apis):
    """Objects of a cluster by kind, resources of a cloud by type; all of it may be changed."""

    def __init__(
        self,
        pods: int = 4,
        driver: VifDriver = VifDriver.NESTED_MACVLAN,
        release: str = "stein",
        nodes: int | None = None,
        workload: bool = False,
        installed: bool = True,
    ) -> None:
        """With Kuryr, and pods and Services that it serves, unless it is not installed yet."""
        super().__init__()
        self.site = wide_site(driver, release)
        self.space = self.site.verification.namespace if workload else "default"
        self._pods, self._services = (f"{DEMO}-{{}}", SERVICE) if workload else ("web-{}", "web-{}")
        self.objects = {kind: [] for kind in (*KINDS, "CustomResourceDefinition")}
        self.objects["Namespace"] = [copy.deepcopy(SYSTEM)]
        self.mark = owner_mark(self.site.name, CLUSTER_ID)
        self.resources = {kind: [] for kind in TYPES}
        self.pool_members = {}
        self.kubernetes = "v1.20.2" if release == "stein" else "v1.28.2"
        self.said = f"the provided range is not valid. The range of valid IPs is {RANGE}"
        self.extensions = list(needed_extensions(self.site))
        self.registry = Registry(self.site.base_image)
        self.unreadable: dict[str, Unreadable] = {}
        """What preflight cannot even begin to ask: cloud, cluster, registry."""
        self.resilience = False
        count = nodes or max(2, -(-pods // PER_NODE))
        self._nodes = [f"worker{index + 1}" for index in range(count)]
        self._make_cloud()
        self._make_nodes(ready=installed)
        self._make_api()
        self.limits = dict.fromkeys(QUOTAS, (-1, 3))
        if installed:
            self.limits |= {"port": (-1, pods), "floatingip": (50, 1), "security_group": (100, 3)}
            self._install()
            self._make_pods(pods)
            self._make_services(max(1, pods // PER_SERVICE))
            self.configure()
        else:
            self.pair_limit = 1000

    def configure(self) -> None:
        """Tell Kuryr's programs what the site says: again where the site was changed."""
        ids = KuryrIds(
            k8s_project_id=PROJECT,
            external_network_id="n-outside",
            node_subnet_id="s-nodes",
            kuryr_pod_subnet_id="s-pods",
            kuryr_service_subnet_id="s-services",
            pod_security_group_id="g-pods",
            router_id="router",
            namespace_pool_id="pool-spaces" if self.site.network.namespace_subnets.enabled else "",
        )
        api, login = f"https://{API_SERVER}:6443", {"username": "k8s", "password": "p4ssw0rd"}
        daemon = render_conf(daemon_conf(self.site, api, dockershim=False))
        secret = config_secret(self.site, controller_conf(self.site, ids, login, api))
        config = config_map(self.site, DAEMON_CONFIG, {CONFIG_KEY: daemon})
        self.objects["Secret"], self.objects["ConfigMap"] = [dict(secret)], [dict(config)]

    def pod_name(self, index: int) -> str:
        return self._pods.format(index)

    def service_name(self, index: int) -> str:
        return self._services.format(index)

    @property
    def uses_crds(self) -> bool:
        return bool(self.site.release.crds)

    def read(self) -> DiagnosisSnapshot:
        """The snapshot of it, an hour or more after everything in it was made."""
        return read_diagnosis(self.site, self, self)

    def before(self) -> PreflightSnapshot:
        """What preflight reads of it."""
        return read_preflight(
            self.site,
            self.unreadable.get("cloud") or self,
            self.unreadable.get("cluster") or self,
            self.unreadable.get("registry") or self.registry,
            resilience=self.resilience,
        )

    def change_site(self, section: str, **values: Any) -> None:
        changed = getattr(self.site, section).model_copy(update=values)
        self.site = self.site.model_copy(update={section: changed})

    # How to find what is to be spoilt.

    def object(self, kind: str, name: str) -> Item:
        return next(it for it in self.objects[kind] if it["metadata"]["name"] == name)

    def resource(self, kind: str, name: str) -> Item:
        return next(it for it in self.resources[kind] if name in (it["id"], it.get("name")))

    def remove(self, kind: str, name: str) -> Item:
        """Take an object or a resource away."""
        if kind in self.objects:
            item = self.object(kind, name)
            self.objects[kind].remove(item)
        else:
            item = self.resource(kind, name)
            self.resources[kind].remove(item)
        return item

    def warn(self, pod: str, message: str) -> None:
        """The kubelet complains about a pod, which then has no address and does not run."""
        self.objects["Event"].append(
            {
                "metadata": metadata(f"{pod}.1", self.space),
                "type": "Warning",
                "reason": "FailedCreatePodSandBox",
                "message": message,
                "lastTimestamp": BEFORE,
                "involvedObject": {"kind": "Pod", "namespace": self.space, "name": pod},
            }
        )
        status = self.object("Pod", pod)["status"]
        status.update(phase="Pending", conditions=[])
        status.pop("podIP", None)

    def unhandle(self, pod: str) -> None:
        """As if Kuryr's controller had never seen a pod."""
        self.warn(pod, "CNI Daemon returned error 504")
        port = self.port_of(pod)
        self.resources["port"].remove(port)
        self.object("Pod", pod)["metadata"]["annotations"] = {}
        if self.uses_crds:
            self.remove("KuryrPort", pod)
        for worker in map(self.node_port, self._nodes):
            worker["allowed_address_pairs"] = [
                pair
                for pair in worker["allowed_address_pairs"]
                if pair["mac_address"] != port["mac_address"].lower()
            ]
        for behind in self.objects["Endpoints"]:
            for subset in behind["subsets"]:
                subset["addresses"] = [
                    it for it in subset["addresses"] if it.get("targetRef", {}).get("name") != pod
                ]
        for members in self.pool_members.values():
            members[:] = [it for it in members if it["name"] != f"{self.space}/{pod}:8080"]

    def port_of(self, pod: str) -> Item:
        return self.resource("port", f"port-{pod}")

    def node_port(self, node: str) -> Item:
        return self.resource("port", node)

    def program_pod(self, name: str) -> Item:
        return next(
            it for it in self.objects["Pod"] if it["metadata"].get("labels", {}).get("name") == name
        )

    def put(self, *items: Item) -> None:
        """More objects."""
        for item in items:
            self.objects.setdefault(item["kind"], []).append(item)

    # How it is made.

    def add(self, kind: str, **fields: Any) -> Item:
        made = {"id": f"{kind}-{len(self.resources[kind])}", "created_at": BEFORE}
        item = answer(kind, **{**made, **fields})
        self.resources[kind].append(item)
        return item

    def _make_cloud(self) -> None:
        """As the installer of the cluster leaves it."""
        self.add("network", id="n-outside", name="ext-net", **{"router:external": True})
        self.add("network", id="n-nodes", name="k8s-node-network", mtu=1450)
        self.add(
            "router",
            id="router",
            name="k8s-router",
            external_gateway_info={"network_id": "n-outside"},
        )
        self._add_subnet("s-nodes", "k8s-node-subnet", "n-nodes", NODES, NODES[2])
        self.add("security_group", id="g-nodes", name="k8s-node-sg")
        self.add_rule("r-out-g-nodes", "g-nodes", direction="egress")

    def _add_subnet(
        self, subnet: str, name: str, network: str, cidr: IPv4Network, first: IPv4Address
    ) -> None:
        gateway = str(cidr[-2 if subnet == "s-services" else 1])
        self.add(
            "subnet", id=subnet, name=name, network_id=network, cidr=str(cidr),
            allocation_pools=[{"start": str(first), "end": str(cidr[-3])}],
            description="" if subnet == "s-nodes" else self.mark, gateway_ip=gateway,
        )  # fmt: skip
        self.add_port(
            f"leg-{subnet}", subnet, network, gateway, device_owner="network:router_interface",
            device_id="router", security_groups=[],
        )  # fmt: skip

    def _make_api(self) -> None:
        self.add_port(
            "port-master", "s-nodes", "n-nodes", API_SERVER, name="master",
            security_groups=["g-nodes"],
        )  # fmt: skip
        found = service("kubernetes", str(RANGE[1]), port=443)
        found["metadata"]["selfLink"] = "/api/v1/x"
        self.objects["Service"].append(found)
        servers = endpoints("kubernetes", [("api", API_SERVER)], port=6443)
        self.objects["Endpoints"].append(servers)

    def _install(self) -> None:
        """What phases 02 to 04 make."""
        self.add("network", id="n-services", name="kuryr-service-network", mtu=1450)
        self._add_subnet("s-pods", "kuryr-pod-subnet", "n-nodes", PODS, PODS[2])
        upper = RANGE.broadcast_address + 1
        self._add_subnet("s-services", "kuryr-service-subnet", "n-services", SERVICES, upper)
        self.add("security_group", id="g-pods", name="kuryr-pod-sg")
        self.add_rule("r-out-g-pods", "g-pods", direction="egress")
        self.add_rule("r-nodes", "g-nodes", remote_group_id="g-nodes")
        self.add_rule("r-api", "g-nodes", protocol="tcp", port_range_min=6443, port_range_max=6443)
        self.add_rule("r-services", "g-nodes", remote_ip_prefix=str(SERVICES))
        if self.site.driver.needs_address_pairs:
            self.add_rule("r-pod-range", "g-nodes", remote_ip_prefix=str(PODS))
        self.add_rule("r-pods", "g-pods", remote_group_id="g-pods")
        self.add_rule("r-pod-services", "g-pods", remote_ip_prefix=str(SERVICES))
        self.add_rule("r-kubelets", "g-pods", remote_ip_prefix=str(NODES))
        self._add_balancer("kubernetes-service", str(RANGE[1]), 443, [(API_SERVER, 6443, "api")])
        # As phase 02 makes it; Kuryr leaves those of Services at Octavia's default.
        self.resources["loadbalancer"][-1].update(description=self.mark)
        self.resources["listener"][-1].update(
            protocol="HTTPS", timeout_client_data=3_600_000, timeout_member_data=3_600_000
        )
        home = self.site.kubernetes.namespace
        release = {"labels": {RELEASE_LABEL: self.site.kuryr.release}}
        for kind, name, spec in (
            ("Deployment", "kuryr-controller", {"replicas": 1}),
            ("DaemonSet", "kuryr-daemon", {}),
        ):
            self.objects[kind].append({"metadata": metadata(name, home) | release, "spec": spec})
        for index, name in enumerate(self._nodes):
            self.objects["Pod"].append(own_pod("kuryr-daemon", f"kuryr-daemon-{index}", name, home))
        self.objects["Pod"].append(
            own_pod("kuryr-controller", "kuryr-controller-0", self._nodes[0], home)
        )

    def add_rule(self, rule: str, group: str, **fields: Any) -> Item:
        plain = dict.fromkeys(
            ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
        )
        more = {"direction": "ingress", "ethertype": "IPv4", **plain, **fields}
        return self.add("security_group_rule", id=rule, security_group_id=group, **more)

    def add_port(
        self, port: str, subnet: str, network: str, address: str | None, **more: Any
    ) -> Item:
        fields: Item = {
            "fixed_ips": [{"subnet_id": subnet, "ip_address": address}],
            "mac_address": "fa:16:3e:ff:ff:ff",
            "device_owner": "compute:nova",
            "device_id": "",
            "security_groups": ["g-pods"],
            "allowed_address_pairs": [],
            "port_security_enabled": True,
            "status": "ACTIVE",
            "tags": list(self.site.kuryr.resource_tags),
            **more,
        }
        return self.add("port", id=port, network_id=network, **fields)

    def _make_nodes(self, *, ready: bool) -> None:
        for index, name in enumerate(self._nodes):
            address = str(NODES[256 + index])
            self.objects["Node"].append(node(name, address, ready=ready))
            port = self.add_port(
                f"port-{name}", "s-nodes", "n-nodes", address, name=name,
                security_groups=["g-nodes"],
            )  # fmt: skip
            if self.site.driver.plugs_into_ovs:
                self.add("agent", id=f"agent-{name}", host=name)
            if self.site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
                port["trunk_details"] = {"trunk_id": f"trunk-{name}"}
                self.add(
                    "trunk", id=f"trunk-{name}", port_id=port["id"], status="ACTIVE", sub_ports=[]
                )

    def _make_pods(self, count: int) -> None:
        if self.uses_crds:
            self.objects["KuryrPort"], self.objects["KuryrLoadBalancer"] = [], []
        for index in range(count):
            where = self._nodes[index % len(self._nodes)]
            node_port = self.node_port_at(index)
            address, mac = (
                str(PODS[index + 10]),
                f"fa:16:3e:01:{index // 256:02x}:{index % 256:02x}",
            )
            name = self.pod_name(index)
            if self.site.driver.needs_address_pairs:
                node_port["allowed_address_pairs"].append(
                    {"ip_address": address, "mac_address": mac}
                )
            network = self.resource("subnet", "s-pods")["network_id"]
            owner, carried = "compute:kuryr", {}
            if self.site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
                owner, carried = "trunk:subport", {"vlan_id": index + 1}
                self.resource("trunk", f"trunk-{where}")["sub_ports"].append(
                    {
                        "port_id": f"port-{name}",
                        "segmentation_type": "vlan",
                        "segmentation_id": index + 1,
                    }
                )
            nested = self.site.driver.needs_address_pairs
            self.add_port(
                f"port-{name}", "s-pods", network, address, mac_address=mac.upper(),
                device_owner=owner, device_id=f"uid-{name}",
                status="DOWN" if nested else "ACTIVE",
            )  # fmt: skip
            vif = vif_of(f"port-{name}", mac, address, **carried)
            self.objects["Pod"].append(self._pod_of(name, where, address, vif))
            if self.uses_crds:
                state = {"eth0": {"default": True, "vif": vif}}
                self.objects["KuryrPort"].append(
                    {"metadata": metadata(name, self.space), "status": {"vifs": state}}
                )

    def node_port_at(self, index: int) -> Item:
        """The port of the node that the pod of that index is on, without a search."""
        legs = 1
        return self.resources["port"][legs + index % len(self._nodes)]

    def _pod_of(self, name: str, where: str, address: str, vif: Item) -> Item:
        found = {**metadata(name, self.space), "labels": {"app": DEMO}}
        if not self.uses_crds:
            state = versioned("PodState", default_vif=vif, additional_vifs={})
            found["annotations"] = {"openstack.org/kuryr-vif": json.dumps(state)}
        return {
            "metadata": found,
            "spec": {"nodeName": where},
            "status": {
                "phase": "Running",
                "podIP": address,
                "hostIP": str(NODES[256 + self._nodes.index(where)]),
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }

    def _make_services(self, count: int) -> None:
        pods = [
            (it["metadata"]["name"], it["status"]["podIP"])
            for it in self.objects["Pod"]
            if "podIP" in it["status"]
        ]
        for index in range(count):
            name, vip = self.service_name(index), str(RANGE[index + 10])
            behind = pods[index * PER_SERVICE : (index + 1) * PER_SERVICE]
            made = service(name, vip, namespace=self.space)
            if index == 0:
                made["spec"]["type"] = "LoadBalancer"
                made["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}
            self.objects["Service"].append(made)
            self.objects["Endpoints"].append(endpoints(name, behind, self.space))
            members = [(address, 8080, f"{self.space}/{pod}:8080") for pod, address in behind]
            self._add_balancer(f"{self.space}/{name}", vip, 80, members)
            if self.uses_crds:
                self.objects["KuryrLoadBalancer"].append({"metadata": metadata(name, self.space)})
        self.add(
            "floatingip", id="fip", floating_ip_address="203.0.113.7", description="kuryr_lb",
            port_id=f"vip-{self.space}/{self.service_name(0)}",
        )  # fmt: skip

    def _add_balancer(
        self, name: str, vip: str, port: int, members: list[tuple[str, int, str]]
    ) -> None:
        states = {"provisioning_status": "ACTIVE", "operating_status": "ONLINE"}
        part = f"{name}:TCP:{port}"
        self.add_port(
            f"vip-{name}",
            "s-services",
            "n-services",
            vip,
            device_owner="Octavia",
            admin_state_up=False,
        )
        self.add(
            "loadbalancer", id=f"lb-{name}", name=name, vip_address=vip,
            vip_port_id=f"vip-{name}", vip_subnet_id="s-services", **states,
        )  # fmt: skip
        self.add(
            "listener", id=f"l-{name}", name=part, protocol="TCP", protocol_port=port,
            loadbalancers=[{"id": f"lb-{name}"}], default_pool_id=f"p-{name}", **states,
        )  # fmt: skip
        self.add(
            "pool", id=f"p-{name}", name=part, loadbalancers=[{"id": f"lb-{name}"}],
            listeners=[{"id": f"l-{name}"}], **states,
        )  # fmt: skip
        self.pool_members[f"p-{name}"] = [
            answer("member", id=f"m-{name}-{pod}", name=pod, address=address, protocol_port=to)
            for address, to, pod in members
        ]
