"""The world of diagnosis, which can be changed by fixes too, and knows what they changed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from worlds.memory_cluster import changed_finalizers
from worlds.objects import Item
from worlds.world import World

from kuryr_runbook.clients.openstack.api import Pairs, changed_pairs


class MendableWorld(World):
    """Satisfies the writers of cloud and cluster as far as fixes need them."""

    touched: list[str]
    """Ids and names of what was changed, in order."""

    def __init__(self, *how: Any, **more: Any) -> None:
        super().__init__(*how, **more)
        self.touched = []
        self.pair_limit = 250

    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> Item:
        self.touched.append(resource_id)
        item = self.resource(kind, resource_id)
        item.update(copy.deepcopy(dict(body)))
        return item

    def change_pairs(self, port_id: str, added: Pairs, removed: Pairs) -> Item:
        self.touched.append(port_id)
        port = self.resource("port", port_id)
        pairs = changed_pairs(port["allowed_address_pairs"], added, removed)
        port["allowed_address_pairs"] = [dict(pair) for pair in pairs]
        return port

    def delete(self, what: Any, resource_id: str = "") -> None:
        """Of a cloud: kind and id; of a cluster: a manifest."""
        if isinstance(what, str):
            carried = (it["port_id"] for t in self.resources["trunk"] for it in t["sub_ports"])
            assert resource_id not in carried, "Neutron refuses a port that a trunk carries"
            self.touched.append(resource_id)
            self.remove(what, resource_id)
            if what == "loadbalancer":
                self.resources["port"] = [
                    it for it in self.resources["port"] if it["id"] != f"vip-{resource_id[3:]}"
                ]
            return
        name = what["metadata"]["name"]
        self.touched.append(name)
        # The controller then deletes the port, and takes its own finalizer off.
        item = self.remove(what["kind"], name)
        for vif in item.get("status", {}).get("vifs", {}).values():
            self.remove("port", vif["vif"]["versioned_object.data"]["id"])

    def change_finalizers(
        self,
        manifest: Mapping[str, Any],
        *,
        added: Collection[str] = (),
        removed: Collection[str] = (),
    ) -> None:
        name = manifest["metadata"]["name"]
        self.touched.append(name)
        item = self.object(manifest["kind"], name)
        finalizers = changed_finalizers(item, added, removed)
        if not finalizers and "deletionTimestamp" in item["metadata"]:
            self.remove(manifest["kind"], name)

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> Item:
        raise AssertionError("no fix of its own applies manifests")

    def create(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        raise AssertionError("no fix of its own creates anything")

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        raise AssertionError("a phase does that")

    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        raise AssertionError("no fix takes legs away")

    def replace_members(self, pool_id: str, members: Sequence[Mapping[str, Any]]) -> None:
        raise AssertionError("members are Kuryr's")

    def remove_subports(self, trunk_id: str, port_ids: Sequence[str]) -> None:
        self.touched.append(trunk_id)
        trunk = self.resource("trunk", trunk_id)
        trunk["sub_ports"] = [it for it in trunk["sub_ports"] if it["port_id"] not in port_ids]

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> Item:
        raise AssertionError("no fix of its own waits")
