"""Kuryr at work in a world: what its programs do after somebody has changed something.

Like the real one (controller/handlers/ of its releases) it works from its own notes, the annotation
`kuryr-lbaas-state` or a KuryrLoadBalancer's status, and never compares them with Octavia.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from worlds.cloud_answers import PROJECT
from worlds.memory_cloud import MemoryCloud
from worlds.objects import Item, own_pod, versioned, vif_of
from worlds.spaces import add_space
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.specs.controller import CONTROLLER

ANNOTATION = "openstack.org/kuryr-vif"
Key = tuple[str, str]
"""Namespace and name."""


class WorldCloud(MemoryCloud):
    """The cloud of a world, with what Neutron and Octavia do by themselves."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.resources, self.pool_members = world.resources, world.pool_members
        self._ids = itertools.count(1000)

    def add(self, kind: str, **fields: Any) -> Item:
        if kind == "loadbalancer":
            subnet = self.one("subnet", fields["vip_subnet_id"])
            port = next(it for it in self.resources["port"] if it["id"] == fields["vip_port_id"])
            address = {"subnet_id": subnet["id"], "ip_address": fields["vip_address"]}
            port.update(fixed_ips=[address], network_id=subnet["network_id"], admin_state_up=False)
        return super().add(kind, **fields)

    def one(self, kind: str, name: str) -> Item:
        """The resource of that id or name; an AssertionError if there is none."""
        found = [it for it in self.resources[kind] if it["id"] == name]
        found = found or [it for it in self.resources[kind] if it["name"] == name]
        assert len(found) == 1, f"{len(found)} of {kind} are {name}"
        return found[0]

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        network = self.one("subnet", subnet_id)["network_id"]
        with self.lock:
            super().add_router_interface(router_id, subnet_id)
            self.resources["port"][-1]["network_id"] = network

    def delete(self, kind: str, resource_id: str) -> None:
        gone = self.one(kind, resource_id)
        super().delete(kind, resource_id)
        if kind in ("listener", "pool"):
            for other in self.resources["listener"]:
                if other["default_pool_id"] == resource_id:
                    other["default_pool_id"] = None
            for other in self.resources["pool"]:
                other["listeners"] = [it for it in other["listeners"] if it["id"] != resource_id]
        ports = {resource_id, gone.get("vip_port_id")}
        for floating in self.resources["floatingip"]:
            if floating["port_id"] in ports:
                floating["port_id"] = None


@dataclass
class Notes:
    """What Kuryr remembers of one Service's load balancer."""

    balancer: str
    vip: str
    listeners: dict[tuple[str, int], str] = field(default_factory=dict)
    """Ids by protocol and port."""
    pools: dict[tuple[str, int], str] = field(default_factory=dict)
    members: dict[tuple[str, int, str], str] = field(default_factory=dict)
    """Ids by address, port and pool."""
    has_address: bool = False
    """Whether it has cared for the floating IP."""


class Kuryr:
    """Controller and daemons of a world, which have handled all that is in it."""

    def __init__(self, world: World) -> None:
        self.world, self.cloud = world, WorldCloud(world)
        self.notes: dict[Key, Notes] = {}
        for service in world.objects["Service"]:
            self._remember(service)

    def _remember(self, service: Item) -> None:
        named = "/".join(_key(service))
        for balancer in self.world.resources["loadbalancer"]:
            if balancer["name"] == named:
                notes = Notes(balancer["id"], balancer["vip_address"], has_address=True)
                self._find_parts(service, notes)
                self.notes[_key(service)] = notes

    def _find_parts(self, service: Item, notes: Notes) -> None:
        for listener in self.world.resources["listener"]:
            at = (listener["protocol"], listener["protocol_port"])
            pool = listener["default_pool_id"]
            if {"id": notes.balancer} in listener["loadbalancers"] and at in _ports(service):
                notes.listeners[at] = listener["id"]
                if pool:
                    notes.pools[at] = pool
                    for it in self.world.pool_members[pool]:
                        notes.members[it["address"], it["protocol_port"], pool] = it["id"]

    def follow(self) -> None:
        """What has changed since, Kuryr has heard of: its notes have the backends of now."""
        cloud, world = self.cloud, self.world
        cloud.resources, cloud.pool_members = world.resources, world.pool_members
        for key, notes in self.notes.items():
            there = {backend[:2] for backend in self._backends(key)}
            for gone in [it for it in notes.members if it[:2] not in there]:
                del notes.members[gone]
            for pool in notes.pools.values():
                for it in world.pool_members.get(pool, []):
                    at = (it["address"], it["protocol_port"])
                    if at in there:
                        notes.members[(*at, pool)] = it["id"]

    @property
    def runs(self) -> bool:
        deployments = self.world.objects["Deployment"]
        return any(
            it["metadata"]["name"] == CONTROLLER and it["spec"].get("replicas", 1)
            for it in deployments
        )

    # Programs.

    def roll_out(self, program: str, node: str = "") -> None:
        """New pods of a program, all or those of one node, which then do what is left to do."""
        world, home = self.world, self.world.site.kubernetes.namespace
        pods = world.objects["Pod"]
        for pod in [*pods]:
            is_there = node in ("", pod["spec"].get("nodeName"))
            if pod["metadata"].get("labels", {}).get("name") == program and is_there:
                pods.remove(pod)
                world.logs.pop(pod["metadata"]["name"], None)
        if program == CONTROLLER:
            if self.runs:
                pods.append(own_pod(program, f"{program}-new", "worker1", home))
                self.start()
            return
        for item in world.objects["Node"]:
            name = item["metadata"]["name"]
            if node in ("", name):
                pods.append(own_pod(program, f"{program}-new-{name}", name, home))
                item["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
                self._plug(name)

    def start(self) -> None:
        """A new controller gets all objects as if they were new."""
        for pod in [*self.world.objects["Pod"]]:
            if pod["spec"].get("hostNetwork"):
                continue
            if pod["metadata"].get("deletionTimestamp"):
                self.forget(pod)
            elif self._vif(pod) is None and pod["spec"].get("nodeName"):
                self._assign(pod)
            elif isinstance(vif := self._vif(pod), dict):
                vif["versioned_object.data"]["active"] = True
                self._note_vif(pod, vif)
        for service in self.world.objects["Service"]:
            self.serve(_key(service))

    def _plug(self, node: str) -> None:
        for pod in self.world.objects["Pod"]:
            vif = self._vif(pod)
            if pod["spec"].get("nodeName") == node and isinstance(vif, dict):
                self._run(pod, _address(vif))

    # Pods.

    def _vif(self, pod: Item) -> Item | str | None:
        """What Kuryr noted; a text if it cannot read it, None if there is nothing."""
        metadata = pod["metadata"]
        if self.world.uses_crds:
            for item in self.world.objects["KuryrPort"]:
                if _key(item) == _key(pod) and item.get("status", {}).get("vifs"):
                    found: Item = item["status"]["vifs"]["eth0"]["vif"]
                    return found
            return None
        text = metadata.get("annotations", {}).get(ANNOTATION)
        if text is None:
            return None
        try:
            read: Item = json.loads(text)["versioned_object.data"]["default_vif"]
        except KeyError:
            return str(text)
        return read

    def _note_vif(self, pod: Item, vif: Item) -> None:
        if not self.world.uses_crds:
            state = versioned("PodState", default_vif=vif, additional_vifs={})
            pod["metadata"].setdefault("annotations", {})[ANNOTATION] = json.dumps(state)
            return
        state = {"vifs": {"eth0": {"default": True, "vif": vif}}}
        for item in self.world.objects["KuryrPort"]:
            if _key(item) == _key(pod):
                item["status"] = state
                return
        self.world.objects["KuryrPort"].append({"metadata": {**pod["metadata"]}, "status": state})

    def _assign(self, pod: Item, subnet_id: str = "s-pods") -> None:
        """A port, what the VIF driver needs besides, and the note; the daemon then plugs it."""
        world, name, node = self.world, pod["metadata"]["name"], pod["spec"]["nodeName"]
        taken = {it["ip_address"] for port in self._ports for it in port["fixed_ips"]}
        subnet = world.resource("subnet", subnet_id)
        address = next(
            it for it in map(str, IPv4Network(subnet["cidr"]).hosts()) if it not in taken
        )
        mac = f"fa:16:3e:02:00:{len(self._ports) % 256:02x}"
        nested = world.site.driver.needs_address_pairs
        is_vlan = world.site.kuryr.vif_driver is VifDriver.NESTED_VLAN
        port = world.add_port(
            f"port-{name}", subnet_id, subnet["network_id"], address, mac_address=mac,
            device_owner="trunk:subport" if is_vlan else "compute:kuryr",
            device_id=pod["metadata"]["uid"], status="DOWN" if nested else "ACTIVE",
        )  # fmt: skip
        if nested:
            pair = {"ip_address": address, "mac_address": mac}
            world.node_port(node)["allowed_address_pairs"].append(pair)
        carried: dict[str, int] = {}
        if is_vlan:
            ports = world.resource("trunk", f"trunk-{node}")["sub_ports"]
            vlan = max((it["segmentation_id"] for it in ports), default=0) + 100
            carried = {"vlan_id": vlan}
            ports.append(
                {"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": vlan}
            )
        self._note_vif(pod, vif_of(port["id"], mac, address, **carried))
        self._run(pod, address)

    @property
    def _ports(self) -> list[Item]:
        return self.world.resources["port"]

    def _run(self, pod: Item, address: str) -> None:
        ready = [{"type": "Ready", "status": "True"}]
        pod["status"].update(phase="Running", podIP=address, conditions=ready)
        name = self.world.service_name(0)
        for behind in self.world.objects["Endpoints"]:
            if behind["metadata"]["name"] == name:
                known = behind["subsets"][0]["addresses"]
                if all(it["ip"] != address for it in known):
                    target = {"kind": "Pod", "name": pod["metadata"]["name"]}
                    known.append({"ip": address, "targetRef": target})
        self.serve((self.world.space, name))

    def delete_pod(self, key: Key) -> None:
        """What it belongs to makes another one, an hour ago by the time of the next look."""
        [pod] = [it for it in self.world.objects["Pod"] if _key(it) == key]
        self.forget(pod)
        named = {**pod["metadata"], "name": f"{key[1]}x", "uid": f"uid-{key[1]}x"}
        named["annotations"] = {}
        again = {"metadata": named, "spec": {**pod["spec"]}, "status": {**pod["status"]}}
        again["status"].pop("podIP", None)
        again["status"].update(phase="Pending", conditions=[])
        self.world.objects["Pod"].append(again)
        if self.runs:
            self._assign(again)

    def forget(self, pod: Item) -> None:
        """The pod is gone, and so is what Kuryr can delete of it."""
        vif, objects = self._vif(pod), self.world.objects
        objects["Pod"].remove(pod)
        for behind in objects["Endpoints"]:
            for subset in behind["subsets"]:
                subset["addresses"] = [
                    it
                    for it in subset["addresses"]
                    if it.get("targetRef", {}).get("name") != pod["metadata"]["name"]
                ]
        if isinstance(vif, dict) and self.runs:
            self._release(pod["spec"]["nodeName"], vif["versioned_object.data"]["id"], vif)
        objects["KuryrPort"] = [it for it in objects.get("KuryrPort", []) if _key(it) != _key(pod)]
        for service in objects["Service"]:
            self.serve(_key(service))

    def _release(self, node: str, port: str, vif: Item) -> None:
        mac = vif["versioned_object.data"]["address"]
        pair = {"ip_address": _address(vif), "mac_address": mac}
        of_node = self.world.node_port(node)
        of_node["allowed_address_pairs"] = [
            it for it in of_node["allowed_address_pairs"] if it != pair
        ]
        if self.world.site.kuryr.vif_driver is VifDriver.NESTED_VLAN:
            trunk = self.world.resource("trunk", f"trunk-{node}")
            kept = [it for it in trunk["sub_ports"] if it["port_id"] != port]
            if len(kept) == len(trunk["sub_ports"]) and not self.world.uses_crds:
                # nested_vlan_vif.py up to ussuri: the error ends it before the port is deleted.
                return
            trunk["sub_ports"] = kept
        self.world.resources["port"][:] = [it for it in self._ports if it["id"] != port]

    # Namespaces and policies.

    def remake_space(self, noted: Item) -> None:
        """Its note is empty: network, subnet and router interface are made, and the pods follow."""
        space, world = noted["metadata"]["name"], self.world
        number = len(world.resources["subnet"])
        subnet = f"s-new-{space}"
        world.objects["KuryrNetwork"].remove(noted)
        add_space(world, space, subnet, f"10.80.{100 + number}.0/24")
        for pod in [*world.objects["Pod"]]:
            if pod["metadata"]["namespace"] == space and self._vif(pod) is None:
                self._assign(pod, subnet)

    def remake_policy(self, noted: Item) -> None:
        """Its note is empty: a group is made after the rules, and set on the policy's pods."""
        world, spec = self.world, noted["spec"]
        space, name = _key(noted)
        group = world.add(
            "security_group",
            id=f"g-new-{name}",
            name=f"sg/{space}-{name}",
            description=f"Kuryr-Kubernetes Network Policy {space}/{name} SG",
        )["id"]
        for number, rule in enumerate((*spec["ingressSgRules"], *spec["egressSgRules"])):
            world.add_rule(f"r-new-{name}-{number}", group, **rule["sgRule"])
        noted["status"] = {"securityGroupId": group, "securityGroupRules": []}
        for pod in world.objects["Pod"]:
            labels = pod["metadata"].get("labels", {})
            selected = spec["podSelector"]["matchLabels"].items() <= labels.items()
            if pod["metadata"]["namespace"] == space and selected:
                world.port_of(pod["metadata"]["name"])["security_groups"] = [group]

    # Services.

    def rebuild(self, key: Key) -> None:
        """Its note is gone, and it hears of that."""
        self.notes.pop(key, None)
        self.serve(key)

    def release(self, key: Key) -> None:
        """The Service is gone."""
        notes = self.notes.pop(key, None)
        if notes is None or not self.runs:
            return
        port = self.cloud.one("loadbalancer", notes.balancer)["vip_port_id"]
        for floating in [*self.world.resources["floatingip"]]:
            if floating["port_id"] == port and floating["description"] == "kuryr_lb":
                self.cloud.delete("floatingip", floating["id"])
        self.cloud.delete("loadbalancer", notes.balancer)

    def serve(self, key: Key) -> None:
        """Its endpoints have changed, or the controller looks at them for the first time."""
        found = [it for it in self.world.objects["Service"] if _key(it) == key]
        backends = [*self._backends(key)]
        if not found or not backends or key == ("default", "kubernetes") or not self.runs:
            return
        service = found[0]
        if service["spec"]["type"] not in ("ClusterIP", "LoadBalancer"):
            return
        notes = self.notes.get(key)
        if notes is not None and notes.vip != service["spec"]["clusterIP"]:
            self.cloud.delete("loadbalancer", notes.balancer)
            notes = None
        if notes is None:
            notes = self.notes[key] = self._balancer(service)
        self._sync(service, notes, backends)
        if service["spec"]["type"] == "LoadBalancer" and not notes.has_address:
            self._announce(service, notes)

    def _backends(self, key: Key) -> list[tuple[str, int, str]]:
        return [
            (address["ip"], subset["ports"][0]["port"], address["targetRef"]["name"])
            for it in self.world.objects["Endpoints"]
            if _key(it) == key
            for subset in it["subsets"]
            for address in subset["addresses"]
        ]

    def _balancer(self, service: Item) -> Notes:
        """The one at its address, unless that is in ERROR; or a new one."""
        name, vip = "/".join(_key(service)), service["spec"]["clusterIP"]
        for it in [*self.world.resources["loadbalancer"]]:
            if (it["name"], it["vip_address"]) == (name, vip):
                if it["provisioning_status"] != "ERROR":
                    notes = Notes(it["id"], vip)
                    self._find_parts(service, notes)
                    return notes
                self.cloud.delete("loadbalancer", it["id"])
        body = {"name": name, "vip_address": vip, "vip_subnet_id": "s-services", "listeners": []}
        [made] = self.cloud.create("loadbalancer", [body])
        return Notes(str(made["id"]), vip)

    def _sync(self, service: Item, notes: Notes, backends: list[tuple[str, int, str]]) -> None:
        for at in notes.listeners.keys() - _ports(service):
            pool = notes.pools.pop(at, "")
            for kind, gone in (("pool", pool), ("listener", notes.listeners.pop(at))):
                if any(it["id"] == gone for it in self.world.resources[kind]):
                    self.cloud.delete(kind, gone)
        for at in _ports(service) - notes.listeners.keys():
            [made] = self.cloud.create("listener", [self._listener(service, notes, at)])
            notes.listeners[at] = str(made["id"])
        for at in notes.listeners.keys() - notes.pools.keys():
            body = {"name": f"{service['metadata']['name']}:{at}", "protocol": at[0], "members": []}
            [made] = self.cloud.create("pool", [{**body, "listener_id": notes.listeners[at]}])
            notes.pools[at] = str(made["id"])
        self._sync_members(notes, backends)

    def _listener(self, service: Item, notes: Notes, at: tuple[str, int]) -> Mapping[str, Any]:
        name = "/".join(_key(service))
        return {
            "name": f"{name}:{at[0]}:{at[1]}", "protocol": at[0], "protocol_port": at[1],
            "loadbalancer_id": notes.balancer,
        }  # fmt: skip

    def _sync_members(self, notes: Notes, backends: list[tuple[str, int, str]]) -> None:
        wanted = {
            (address, port, pool): pod
            for pool in notes.pools.values()
            for address, port, pod in backends
        }
        for each in notes.members.keys() - wanted.keys():
            gone = notes.members.pop(each)
            members = self.world.pool_members.get(each[2], [])
            members[:] = [it for it in members if it["id"] != gone]
        for each in wanted.keys() - notes.members.keys():
            address, port, pool = each
            # Without the pool Octavia answers 404, which Kuryr does not expect.
            assert pool in self.world.pool_members, f"Kuryr's notes name pool {pool}, which is gone"
            name = f"{self.world.space}/{wanted[each]}:{port}"
            members = self.world.pool_members[pool]
            there = [it for it in members if (it["address"], it["protocol_port"]) == each[:2]]
            if not there:
                there = [
                    self.cloud.member({"address": address, "protocol_port": port, "name": name})
                ]
                members += there
            notes.members[each] = there[0]["id"]

    def _announce(self, service: Item, notes: Notes) -> None:
        """The floating IP that is at the VIP, that the Service names, or a new one."""
        port = self.cloud.one("loadbalancer", notes.balancer)["vip_port_id"]
        floating = self.world.resources["floatingip"]
        found = [it for it in floating if it["port_id"] == port]
        wanted = service["spec"].get("loadBalancerIP")
        if wanted:
            found = [it for it in floating if it["floating_ip_address"] == wanted]
            found = [it for it in found if it["port_id"] in (None, port)]
        if not found and not wanted:
            last = f"203.0.113.{100 + len(floating)}"
            found = [self.cloud.add("floatingip", floating_ip_address=last, description="kuryr_lb")]
        if found:
            found[0].update(port_id=port, project_id=PROJECT)
            address = {"ip": found[0]["floating_ip_address"]}
            service["status"] = {"loadBalancer": {"ingress": [address]}}
            notes.has_address = True


def _key(item: Item) -> Key:
    metadata = item["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _ports(service: Item) -> set[tuple[str, int]]:
    return {(it["protocol"], it["port"]) for it in service["spec"]["ports"]}


def _address(vif: Item) -> str:
    [subnet] = vif["versioned_object.data"]["network"]["versioned_object.data"]["subnets"][
        "versioned_object.data"
    ]["objects"]
    [address] = subnet["versioned_object.data"]["ips"]["versioned_object.data"]["objects"]
    return str(address["versioned_object.data"]["address"])
