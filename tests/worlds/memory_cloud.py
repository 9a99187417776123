"""Neutron and Octavia in memory: what planning and applying see of a cloud, for pure tests.

It stands in for our own client layer, never for the SDK below it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from worlds.cloud_answers import PROJECT, answer
from worlds.writing import copied, one_at_a_time

from kuryr_runbook.clients.openstack.api import Pairs, changed_pairs
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.objects import Resource


class MemoryCloud:
    """Satisfies OpenStackReader and OpenStackWriter; counts what changes it."""

    def __init__(self) -> None:
        self.resources: dict[str, list[dict[str, Any]]] = {
            kind: []
            for kind in (
                "network", "subnet", "subnet_pool", "router", "port", "security_group",
                "security_group_rule",
                "floatingip", "loadbalancer", "listener", "pool", "trunk", "agent",
            )
        }  # fmt: skip
        self.pool_members: dict[str, list[dict[str, Any]]] = {}
        self.lock = threading.RLock()
        self.mutations = 0
        self.fail_at: int | None = None
        self._ids = itertools.count(1)

    project_id = PROJECT

    def copied(self) -> MemoryCloud:
        """Another cloud that holds the same."""
        made = MemoryCloud()
        made.resources, made.pool_members = copied(self.resources), copied(self.pool_members)
        made.mutations, made._ids = self.mutations, copy(self._ids)
        return made

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        return [
            copied(item)
            for item in self.resources[kind]
            if all(item.get(key, value) == value for key, value in filters.items())
        ]

    def members(self, pool_id: str) -> list[Resource]:
        return [copied(member) for member in self.pool_members[pool_id]]

    def add(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Put a resource there, as somebody else would have."""
        item = answer(kind, **{"id": f"{kind}-{next(self._ids)}", **fields})
        self.resources[kind].append(item)
        if kind == "security_group":
            for family in ("IPv4", "IPv6"):
                rule = {"security_group_id": item["id"], "direction": "egress", "ethertype": family}
                self.add("security_group_rule", **rule)
        return item

    def _mutate(self) -> None:
        if self.fail_at is not None and self.mutations >= self.fail_at:
            raise CloudDied
        self.mutations += 1

    @one_at_a_time
    def create(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Resource]:
        self._mutate()
        if kind == "loadbalancer":
            return [self._create_load_balancer(body) for body in bodies]
        if kind == "listener":
            return [self._create_listener(body["loadbalancer_id"], body) for body in bodies]
        if kind == "pool":
            return [self._create_pool(self._balancer_of(body), body) for body in bodies]
        if len({body.get("security_group_id") for body in bodies}) > 1:
            raise ApplyError("Only allowed to update rules for one security profile at a time")
        return [copied(self.add(kind, **body)) for body in bodies]

    def _create_load_balancer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        fields = {key: value for key, value in body.items() if key != "listeners"}
        vip_port = self.add("port", name="octavia-lb", device_owner="Octavia")
        balancer = self.add(
            "loadbalancer", provisioning_status="ACTIVE", vip_port_id=vip_port["id"], **fields
        )
        for listener in body["listeners"]:
            self._create_listener(balancer["id"], listener)
        return copied(balancer)

    def _create_listener(self, balancer: str, body: Mapping[str, Any]) -> dict[str, Any]:
        plain = {k: v for k, v in body.items() if k not in ("default_pool", "loadbalancer_id")}
        item = self.add("listener", loadbalancers=[{"id": balancer}], **plain)
        if "default_pool" in body:
            item["default_pool_id"] = self._create_pool(balancer, body["default_pool"])["id"]
        return copied(item)

    def _create_pool(self, balancer: str, body: Mapping[str, Any]) -> dict[str, Any]:
        plain = {k: v for k, v in body.items() if k not in ("members", "listener_id")}
        pool = self.add("pool", loadbalancers=[{"id": balancer}], **plain)
        self.pool_members[pool["id"]] = [self.member(member) for member in body["members"]]
        for listener in self.resources["listener"]:
            if listener["id"] == body.get("listener_id"):
                listener["default_pool_id"] = pool["id"]
        return copied(pool)

    def _balancer_of(self, body: Mapping[str, Any]) -> str:
        listeners = self.resources["listener"]
        listener = next(item for item in listeners if item["id"] == body["listener_id"])
        return str(listener["loadbalancers"][0]["id"])

    @one_at_a_time
    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._mutate()
        item = next(i for i in self.resources[kind] if i["id"] == resource_id)
        item.update(copied(dict(body)))
        return copied(item)

    @one_at_a_time
    def delete(self, kind: str, resource_id: str) -> None:
        self._mutate()
        trunks = self.resources["trunk"]
        if any(resource_id == it["port_id"] for trunk in trunks for it in trunk["sub_ports"]):
            raise ApplyError(f"Port {resource_id} is currently a subport for trunk")
        gone = [i for i in self.resources[kind] if i["id"] == resource_id]
        self.resources[kind] = [i for i in self.resources[kind] if i["id"] != resource_id]
        for item in gone if kind == "loadbalancer" else ():
            for part in ("listener", "pool"):
                self.resources[part] = [
                    each
                    for each in self.resources[part]
                    if each["loadbalancers"][0]["id"] != item["id"]
                ]
            self.resources["port"] = [
                port for port in self.resources["port"] if port["id"] != item["vip_port_id"]
            ]
        if kind == "security_group":
            self.resources["security_group_rule"] = [
                rule
                for rule in self.resources["security_group_rule"]
                if rule["security_group_id"] != resource_id
            ]

    @one_at_a_time
    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        self._mutate()
        self.add(
            "port",
            device_owner="network:router_interface",
            device_id=router_id,
            fixed_ips=[{"subnet_id": subnet_id, "ip_address": self._gateway_of(subnet_id)}],
        )

    def _gateway_of(self, subnet_id: str) -> str | None:
        subnets = self.resources["subnet"]
        return next((it["gateway_ip"] for it in subnets if it["id"] == subnet_id), None)

    @one_at_a_time
    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        self._mutate()
        self.resources["port"] = [
            port
            for port in self.resources["port"]
            if not (
                port["device_id"] == router_id
                and any(fixed["subnet_id"] == subnet_id for fixed in port["fixed_ips"])
            )
        ]

    @one_at_a_time
    def replace_members(self, pool_id: str, members: Sequence[Mapping[str, Any]]) -> None:
        self._mutate()
        self.pool_members[pool_id] = [self.member(member) for member in members]

    def member(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A member as Octavia makes it of a request's body."""
        return answer("member", **{"id": f"member-{next(self._ids)}", **body})

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> dict[str, Any]:
        item = next(i for i in self.resources["loadbalancer"] if i["id"] == load_balancer_id)
        item["provisioning_status"] = "ACTIVE"
        return copied(item)

    @one_at_a_time
    def change_pairs(self, port_id: str, added: Pairs, removed: Pairs) -> dict[str, Any]:
        port = next(i for i in self.resources["port"] if i["id"] == port_id)
        pairs = changed_pairs(port["allowed_address_pairs"], added, removed)
        return self.update("port", port_id, {"allowed_address_pairs": pairs})

    @one_at_a_time
    def remove_subports(self, trunk_id: str, port_ids: Sequence[str]) -> None:
        self._mutate()
        trunk = next(item for item in self.resources["trunk"] if item["id"] == trunk_id)
        trunk["sub_ports"] = [it for it in trunk["sub_ports"] if it["port_id"] not in port_ids]

    def shape(self) -> set[tuple[str, ...]]:
        """What there is, without ids: to compare two clouds."""
        names = {item["id"]: item["name"] for items in self.resources.values() for item in items}

        def named(value: Any) -> Any:
            match value:
                case dict():
                    return {k: named(v) for k, v in value.items() if k != "id"}
                case list():
                    return [named(item) for item in value]
            return names.get(value, value)

        return {
            (kind, repr(sorted(named(item).items())))
            for kind, items in self.resources.items()
            for item in items
        }


class CloudDied(BaseException):
    """The process was killed here: no handler of ours may catch it."""


def cluster_cloud(nodes: Mapping[str, str], *, node_group: bool = True) -> MemoryCloud:
    """A cloud with a cluster's nodes, as its installer left it: address by name."""
    cloud = MemoryCloud()
    external = cloud.add("network", name="ext-net", **{"router:external": True})
    network = cloud.add("network", name="k8s-node-network")
    subnet = cloud.add(
        "subnet",
        name="k8s-node-subnet",
        network_id=network["id"],
        cidr="172.18.0.0/24",
        gateway_ip="172.18.0.1",
        enable_dhcp=True,
        allocation_pools=[{"start": "172.18.0.2", "end": "172.18.0.100"}],
    )
    router = cloud.add(
        "router", name="k8s-router", external_gateway_info={"network_id": external["id"]}
    )
    cloud.add_router_interface(router["id"], subnet["id"])
    groups = []
    if node_group:
        groups = [cloud.add("security_group", name="k8s-node-sg")["id"]]
    for name, address in nodes.items():
        cloud.add(
            "port",
            name=name,
            fixed_ips=[{"subnet_id": subnet["id"], "ip_address": address}],
            security_groups=list(groups),
            device_owner="compute:nova",
        )
    cloud.mutations = 0
    return cloud
