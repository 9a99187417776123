"""A cluster and a cloud where all is well, of any size, as the APIs would show them.

Tests spoil something in it; what they then diagnose goes through the same code as real answers.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from worlds.cloud_answers import PROJECT, answer
from worlds.memory_cluster import CLUSTER_ID, SYSTEM
from worlds.sites import lab_site

from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import PodSubnet, ServiceSubnet, Site
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis
from kuryr_runbook.specs.workload import DEMO, SERVICE

Item = dict[str, Any]
BEFORE = "2026-11-20T08:00:00Z"
PODS = IPv4Network("10.64.0.0/16")
SERVICES = IPv4Network("10.96.0.0/16")
RANGE = IPv4Network("10.96.0.0/17")
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


class World:
    """Objects of a cluster by kind, resources of a cloud by type; all of it may be changed."""

    def __init__(
        self,
        pods: int = 4,
        driver: VifDriver = VifDriver.NESTED_MACVLAN,
        release: str = "stein",
        nodes: int | None = None,
        workload: bool = False,
    ) -> None:
        self.site = wide_site(driver, release)
        self.space = self.site.verification.namespace if workload else "default"
        self._pods, self._services = (f"{DEMO}-{{}}", SERVICE) if workload else ("web-{}", "web-{}")
        self.objects: dict[str, list[Item]] = {
            kind: []
            for kind in (
                "Event",
                "Namespace",
                "NetworkPolicy",
                "KuryrNetwork",
                "KuryrNetworkPolicy",
            )
        }
        self.objects["Namespace"] = [copy.deepcopy(SYSTEM)]
        self.mark = owner_mark(self.site.name, CLUSTER_ID)
        self.resources: dict[str, list[Item]] = {}
        self.pool_members: dict[str, list[Item]] = {}
        self.limits = dict.fromkeys(("network", "subnet", "router", "security_group_rule"), (-1, 9))
        self.limits |= {"port": (-1, pods), "floatingip": (50, 1), "security_group": (100, 3)}
        self.balancer_limits: dict[str, Any] = {"load_balancer": -1, "listener": -1, "pool": -1}
        self.pair_limit: int | None = None
        """How many address pairs a port may have; None: Neutron does not say."""
        self.logs: dict[str, str] = {}
        self.broken: dict[str, RunbookError] = {}
        self.lists: list[str] = []
        self.version = "v1.20.2" if release == "stein" else "v1.28.2"
        self.project_id = PROJECT
        count = nodes or max(2, -(-pods // PER_NODE))
        self._nodes = [f"worker{index + 1}" for index in range(count)]
        self._make_cloud()
        self._make_nodes()
        self._make_pods(pods)
        self._make_services(max(1, pods // PER_SERVICE))

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

    # What a reader of a cluster does.

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Item]:
        self._ask(f"{kind} {labels}".strip())
        key, _, value = labels.partition("=")
        for item in _whole(self.objects[kind]):
            found = item.get("metadata")
            metadata = found if isinstance(found, dict) else {}
            has = metadata.get("labels")
            if namespace is not None and metadata.get("namespace") != namespace:
                continue
            if not labels or (isinstance(has, dict) and has.get(key) == value):
                yield {"apiVersion": api_version, "kind": kind, **item}

    def list_objects(self, api_version: str, kind: str, **how: Any) -> list[Mapping[str, Any]]:
        return list(self.each_object(api_version, kind, **how))

    def get(self, manifest: Mapping[str, Any]) -> Item | None:
        name = manifest["metadata"]["name"]
        found = self.objects.get(manifest["kind"], [])
        return next((it for it in found if it["metadata"]["name"] == name), None)

    def preview(self, manifest: Mapping[str, Any]) -> Any:
        raise AssertionError("diagnosis previews nothing")

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        self._ask(f"log {pod}")
        return self.logs.get(pod, "")

    # What a reader of a cloud does.

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Mapping[str, Any]]:
        self._ask(kind)
        return [
            item
            for item in _whole(self.resources[kind])
            if all(item.get(k, v) == v for k, v in filters.items())
        ]

    def members(self, pool_id: str) -> list[Mapping[str, Any]]:
        self._ask("member")
        return list(self.pool_members.get(pool_id, []))

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        self._ask(f"quotas of {service}")
        if service == "load_balancer":
            return self.balancer_limits
        return {
            kind: {"limit": limit, "used": used, "reserved": 0}
            for kind, (limit, used) in self.limits.items()
        }

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        self._ask("refused port")
        if self.pair_limit is None:
            return Refusal(status=400, type="", said="in other words")
        if len(body["allowed_address_pairs"]) <= self.pair_limit:
            return Refusal(status=404, type="SubnetNotFound", said="Subnet could not be found.")
        return Refusal(
            status=400,
            type="AllowedAddressPairExhausted",
            said=f"The number of allowed address pair exceeds the maximum {self.pair_limit}.",
        )

    def _ask(self, what: str) -> None:
        self.lists.append(what)
        if what in self.broken:
            raise self.broken[what]

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
        for node in self._nodes:
            self.node_port(node)["allowed_address_pairs"] = [
                pair
                for pair in self.node_port(node)["allowed_address_pairs"]
                if pair["mac_address"] != port["mac_address"].lower()
            ]
        for endpoints in self.objects["Endpoints"]:
            for subset in endpoints["subsets"]:
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

    # How it is made.

    def add(self, kind: str, **fields: Any) -> Item:
        item = answer(kind, created_at=BEFORE, **fields)
        self.resources.setdefault(kind, []).append(item)
        return item

    def _make_cloud(self) -> None:
        for kind in ("trunk", "floatingip", "loadbalancer", "listener", "pool"):
            self.resources[kind] = []
        self.add("network", id="n-nodes", mtu=1450)
        self.add("network", id="n-services", mtu=1450)
        own_network = self.site.driver.pods_on_node_network
        pods_on = "n-nodes" if own_network else "n-pods"
        if not own_network:
            self.add("network", id="n-pods", mtu=1450)
        subnets = (
            ("s-nodes", "k8s-node-subnet", "n-nodes", "172.16.0.0/16", "172.16.0.2"),
            ("s-pods", "kuryr-pod-subnet", pods_on, str(PODS), "10.64.0.2"),
            ("s-services", "kuryr-service-subnet", "n-services", str(SERVICES), "10.96.128.0"),
        )
        for subnet, name, network, cidr, first in subnets:
            last = str(IPv4Network(cidr)[-3])
            gateway = str(IPv4Network(cidr)[-2 if subnet == "s-services" else 1])
            self.add(
                "subnet", id=subnet, name=name, network_id=network, cidr=cidr,
                allocation_pools=[{"start": first, "end": last}],
                description="" if subnet == "s-nodes" else self.mark, gateway_ip=gateway,
            )  # fmt: skip
            self.add_port(
                f"leg-{subnet}", subnet, network, gateway, device_owner="network:router_interface",
                device_id="router", security_groups=[],
            )  # fmt: skip
        self.add(
            "router",
            id="router",
            name="k8s-router",
            external_gateway_info={"network_id": "n-outside"},
        )
        self.add("security_group", id="g-nodes", name="k8s-node-sg")
        self.add("security_group", id="g-pods", name="kuryr-pod-sg")
        node = {"remote_ip_prefix": "172.16.0.0/16"}
        for group in ("g-nodes", "g-pods"):
            self.add_rule(f"r-out-{group}", group, direction="egress")
        self.add_rule("r-nodes", "g-nodes", remote_group_id="g-nodes")
        self.add_rule("r-api", "g-nodes", protocol="tcp", port_range_min=6443, port_range_max=6443)
        self.add_rule("r-services", "g-nodes", remote_ip_prefix=str(SERVICES))
        self.add_rule("r-pods", "g-pods", remote_group_id="g-pods")
        self.add_rule("r-pod-services", "g-pods", remote_ip_prefix=str(SERVICES))
        self.add_rule("r-kubelets", "g-pods", **node)

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

    def _make_nodes(self) -> None:
        self.objects["Node"], self.objects["Pod"] = [], []
        home = self.site.kubernetes.namespace
        for index, name in enumerate(self._nodes):
            address = str(IPv4Address("172.16.1.0") + index)
            self.objects["Node"].append(node(name, address))
            port = self.add_port(
                f"port-{name}", "s-nodes", "n-nodes", address, name=name,
                security_groups=["g-nodes"],
            )  # fmt: skip
            if self.site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
                self.add(
                    "trunk", id=f"trunk-{name}", port_id=port["id"], status="ACTIVE", sub_ports=[]
                )
            self.objects["Pod"].append(own_pod("kuryr-daemon", f"kuryr-daemon-{index}", name, home))
        self.objects["Pod"].append(
            own_pod("kuryr-controller", "kuryr-controller-0", self._nodes[0], home)
        )
        self.objects["Deployment"] = [
            {"metadata": metadata("kuryr-controller", home), "spec": {"replicas": 1}}
        ]
        self.objects["DaemonSet"] = [{"metadata": metadata("kuryr-daemon", home), "spec": {}}]

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
            owner = "compute:kuryr"
            if self.site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
                owner = "trunk:subport"
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
            vif = vif_of(f"port-{name}", mac, address)
            self.objects["Pod"].append(self._pod_of(name, where, address, vif))
            if self.uses_crds:
                state = {"eth0": {"default": True, "vif": vif}}
                self.objects["KuryrPort"].append(
                    {"metadata": metadata(name, self.space), "status": {"vifs": state}}
                )

    def node_port_at(self, index: int) -> Item:
        """The port of the node that the pod of that index is on, without a search."""
        legs = 3
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
                "hostIP": str(IPv4Address("172.16.1.0") + self._nodes.index(where)),
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }

    def _make_services(self, count: int) -> None:
        self.objects["Service"] = [service("kubernetes", str(RANGE[1]), port=443)]
        self.objects["Service"][0]["metadata"]["selfLink"] = "/api/v1/x"
        self.objects["Endpoints"] = []
        self._add_balancer("kubernetes-service", str(RANGE[1]), 443, [("172.16.0.9", 6443, "api")])
        # As phase 02 makes it; Kuryr leaves those of Services at Octavia's default.
        self.resources["listener"][-1].update(
            timeout_client_data=3_600_000, timeout_member_data=3_600_000
        )
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
        self.add_port(f"vip-{name}", "s-services", "n-services", vip, device_owner="Octavia")
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


def versioned(name: str, **fields: Any) -> Item:
    return {"versioned_object.name": name, "versioned_object.data": fields}


def vif_of(port: str, mac: str, address: str) -> Item:
    """An interface as Kuryr's controller writes it."""
    ip = versioned("FixedIP", address=address)
    subnet = versioned("Subnet", ips=versioned("FixedIPList", objects=[ip]))
    network = versioned("Network", subnets=versioned("SubnetList", objects=[subnet]))
    return versioned("VIF", id=port, address=mac, active=True, network=network)


def metadata(name: str, namespace: str) -> Item:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": BEFORE,
    }


def node(name: str, address: str) -> Item:
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True", "message": "kubelet is ready"}],
            "allocatable": {"pods": "250"},
        },
    }


def own_pod(program: str, name: str, where: str, home: str) -> Item:
    owner = "DaemonSet" if program == "kuryr-daemon" else "ReplicaSet"
    found = {
        **metadata(name, home),
        "labels": {"name": program},
        "ownerReferences": [{"kind": owner, "name": program}],
    }
    return {
        "metadata": found,
        "spec": {"nodeName": where, "hostNetwork": True},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"restartCount": 0, "state": {"running": {}}}],
        },
    }


def _whole(items: Iterable[object]) -> Iterator[Item]:
    """What is an object at all: tests put other things there too."""
    return (item for item in items if isinstance(item, dict))


def service(name: str, address: str, port: int = 80, namespace: str = "default") -> Item:
    return {
        "metadata": metadata(name, namespace),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "selector": {"app": name},
            "ports": [{"protocol": "TCP", "port": port}],
        },
        "status": {},
    }


def endpoints(name: str, pods: list[tuple[str, str]], namespace: str = "default") -> Item:
    return {
        "metadata": metadata(name, namespace),
        "subsets": [
            {
                "addresses": [
                    {"ip": address, "targetRef": {"kind": "Pod", "name": pod}}
                    for pod, address in pods
                ],
                "ports": [{"port": 8080, "protocol": "TCP"}],
            }
        ],
    }


def moments_ago(seconds: float) -> str:
    """A time that a snapshot made now takes for that long ago."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
