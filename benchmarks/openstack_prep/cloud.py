"""The lab's cloud between two ways: as it was before, whatever the way made and however far it got.

Raw deletes of what bears the names of the work, and of nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import openstack

from kuryr_runbook.model.site import Site

GONE_SECONDS = 120.0


class Cloud:
    """What of the work is there, and its removal."""

    def __init__(self, site: Site, work: dict[str, Any]) -> None:
        files = [str(site.openstack.clouds_yaml)]
        config = openstack.config.OpenStackConfig(config_files=files).get_one(site.openstack.cloud)
        connection = openstack.connection.Connection(config=config)
        self.host = config.auth["auth_url"].split("//")[1].split(":")[0]
        self.network, self.octavia = connection.network, connection.load_balancer
        self.project, self.work = connection.current_project_id, work

    def made(self) -> dict[str, list[str]]:
        """Ids of what the work makes, by path, in the order in which they can go."""
        work = self.work
        subnets = [subnet["name"] for subnet in work["subnets"]]
        nodes = self._ids("/security-groups", name=work["node_group"])
        rules = [rule for rule in work["rules"] if rule["prefix"]]
        return {
            "/lbaas/loadbalancers": self._ids(
                "/lbaas/loadbalancers", name=work["balancer"]["name"]
            ),
            "/subnets": self._ids("/subnets", name=subnets),
            "/networks": self._ids("/networks", name=work["service_network"]),
            "/security-groups": self._ids("/security-groups", name=work["pod_group"]),
            "/security-group-rules": [
                found
                for rule in rules
                for found in self._ids(
                    "/security-group-rules",
                    security_group_id=nodes,
                    remote_ip_prefix=rule["prefix"],
                )
            ],
        }

    def remove(self) -> None:
        """Take back what the work makes; ends the benchmark when it cannot."""
        made = self.made()
        for balancer in made.pop("/lbaas/loadbalancers"):
            self._remove_balancer(f"/lbaas/loadbalancers/{balancer}")
        for router in self._ids("/routers", name=self.work["router"]):
            for subnet in made["/subnets"]:
                path = f"/routers/{router}/remove_router_interface"
                self.network.put(path, json={"subnet_id": subnet})
        for path, ids in made.items():
            for resource in ids:
                answer = self.network.delete(f"{path}/{resource}")
                if answer.status_code not in (204, 404):
                    sys.exit(f"{path}/{resource} could not be deleted: {answer.text[:200]}")

    def _ids(self, path: str, **filters: Any) -> list[str]:
        api = self.octavia if path.startswith("/lbaas") else self.network
        answer = api.get(path, params={"project_id": self.project, **filters})
        return [item["id"] for item in next(_lists(answer.json()))]

    def _remove_balancer(self, path: str) -> None:
        end = time.monotonic() + GONE_SECONDS
        status = ""
        while time.monotonic() < end:
            answer = self.octavia.get(path)
            if answer.status_code == 404:
                return
            status = answer.json()["loadbalancer"]["provisioning_status"]
            if status == "DELETED":
                return
            if not status.startswith("PENDING_"):
                self.octavia.delete(path, params={"cascade": "true"})
            time.sleep(0.3)
        sys.exit(f"{path} was not gone in {GONE_SECONDS:.0f} s: {status}")


def _lists(answer: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    return (value for key, value in answer.items() if not key.endswith("_links"))
