"""Reads and changes Neutron, Octavia and Keystone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.answers import parsing, part_of
from kuryr_runbook.clients.openstack.api import COLLECTIONS, Pairs, changed_pairs
from kuryr_runbook.clients.openstack.reading import CloudReader
from kuryr_runbook.clients.openstack.session import NAMES, OpenStackSession, part_of_body
from kuryr_runbook.clients.patience import Notify, TransientError, polls
from kuryr_runbook.model.errors import ApplyError, DeadlineError, UnreachableError
from kuryr_runbook.model.objects import Resource

ACTIVE_SECONDS = 600.0
"""How long a load balancer may take; amphora VMs boot in one to three minutes."""
DELETED_SECONDS = 120.0


class OpenStackClient(CloudReader):
    """A connection to a cloud; satisfies OpenStackReader and OpenStackWriter.

    A request that failed is repeated where that is safe, until a deadline; `notify` gets a line
    each time.
    """

    def __init__(
        self, cloud: str, clouds_yaml: Path | None = None, notify: Notify = lambda line: None
    ) -> None:
        """Sends nothing yet. Raises UsageError if there is no such entry or file."""
        super().__init__(OpenStackSession(cloud, clouds_yaml, notify))
        self._notify = notify

    def create(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Resource]:
        """Create resources of one kind, in one request; returns them as the API does.

        Several only where Neutron has bulk creation: it creates all of them, or none. After a
        failure that leaves open whether they were created (a server error, a broken connection, a
        conflict), the resources are listed, so that nothing is created twice.
        """
        made: dict[int, Resource] = {}

        def attempt() -> None:
            missing = [position for position in range(len(bodies)) if position not in made]
            try:
                answers = self._post(kind, [bodies[position] for position in missing])
                made.update(zip(missing, answers, strict=True))
            except (TransientError, ApplyError, UnreachableError):
                made.update(self._matching(kind, {i: bodies[i] for i in missing}))
                if len(made) < len(bodies):
                    raise

        self.session.patiently(COLLECTIONS[kind].service, attempt)
        return [made[position] for position in range(len(bodies))]

    def _post(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Resource]:
        collection = COLLECTIONS[kind]
        if len(bodies) == 1:
            json: dict[str, Any] = {collection.singular: dict(bodies[0])}
        else:
            json = {collection.plural: [dict(body) for body in bodies]}
        answer = self.session.once("POST", collection.service, collection.path, json=json)
        request = f"{NAMES[collection.service]}: POST {collection.path}"
        if len(bodies) == 1:
            return [part_of_body(request, answer, collection.singular, dict)]
        return part_of_body(request, answer, collection.plural, list)

    def _matching(
        self, kind: str, bodies: Mapping[int, Mapping[str, Any]]
    ) -> Iterator[tuple[int, Resource]]:
        """Those that exist, with every plain value of the body, including its mark of ownership."""
        there = self.list_resources(kind, project_id=self.project_id)
        for position, body in bodies.items():
            plain = {k: v for k, v in body.items() if isinstance(v, str | int)}
            found = next((item for item in there if plain.items() <= _plain(item, plain)), None)
            if found is not None:
                yield position, found

    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> Resource:
        """Change the given fields of a resource."""
        collection = COLLECTIONS[kind]
        path = f"{collection.path}/{resource_id}"
        json = {collection.singular: dict(body)}
        answer = self.session.request("PUT", collection.service, path, json=json)
        request = f"{NAMES[collection.service]}: PUT {path}"
        return part_of_body(request, answer, collection.singular, dict)

    def delete(self, kind: str, resource_id: str) -> None:
        """Delete a resource; no error if it is gone. Waits where the service is slow."""
        collection = COLLECTIONS[kind]
        path = f"{collection.path}/{resource_id}"
        params = {"cascade": "true"} if kind == "loadbalancer" else {}
        self.session.request("DELETE", collection.service, path, params=params, missing_ok=True)
        if kind == "loadbalancer":
            self._wait_deleted(resource_id)

    def _wait_deleted(self, load_balancer_id: str) -> None:
        what = f"load balancer {load_balancer_id} to be gone"
        for _ in polls(what, seconds=DELETED_SECONDS, notify=self._notify):
            balancer = self._load_balancer(load_balancer_id)
            if balancer is None or balancer.get("provisioning_status") == "DELETED":
                return
            if balancer.get("provisioning_status") == "ERROR":
                name = balancer.get("name")
                raise ApplyError(
                    f"load balancer {name} could not be deleted: Octavia reports ERROR",
                    remedy="check Octavia's worker log, then run this again",
                )
        raise DeadlineError(
            f"load balancer {load_balancer_id} was not gone after {DELETED_SECONDS:.0f} s",
            remedy="check Octavia's worker log, then run this again",
        )

    def change_pairs(self, port_id: str, added: Pairs, removed: Pairs) -> Resource:
        """Add and remove allowed address pairs of a port; others may change it meanwhile.

        Neutron replaces the whole list with each update. So the request names the revision of the
        port that the change was computed from. If Kuryr was faster, Neutron refuses it (412), and
        the change is computed again.
        """
        path = f"{COLLECTIONS['port'].path}/{port_id}"

        def attempt() -> Resource:
            request = f"Neutron: {path}"
            port = part_of_body(request, self.session.once("GET", "network", path), "port", dict)
            before = part_of(request, port, "allowed_address_pairs", list)
            with parsing(request):
                pairs = changed_pairs(before, added, removed)
            if pairs == before:
                return dict(port)
            revision = port.get("revision_number")
            headers = {} if revision is None else {"If-Match": f"revision_number={revision}"}
            body = {"port": {"allowed_address_pairs": pairs}}
            answer = self.session.once("PUT", "network", path, json=body, headers=headers)
            return part_of_body(request, answer, "port", dict)

        return self.session.patiently("network", attempt)

    def remove_subports(self, trunk_id: str, port_ids: Sequence[str]) -> None:
        """Remove subports from a trunk; no error if some are gone."""
        path = f"{COLLECTIONS['trunk'].path}/{trunk_id}"

        def attempt() -> None:
            answer = self.session.once("GET", "network", path)
            trunk = part_of_body(f"Neutron: {path}", answer, "trunk", dict)
            subports = part_of(f"Neutron: {path}", trunk, "sub_ports", list)
            carried = {item.get("port_id") for item in subports}
            ports = [{"port_id": port} for port in port_ids if port in carried]
            if ports:
                json = {"sub_ports": ports}
                self.session.once("PUT", "network", f"{path}/remove_subports", json=json)

        self.session.patiently("network", attempt)

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Add a router interface in the subnet, at the subnet's gateway address."""
        path = f"/routers/{router_id}/add_router_interface"

        def attempt() -> None:
            try:
                self.session.once("PUT", "network", path, json={"subnet_id": subnet_id})
            except (TransientError, ApplyError, UnreachableError):
                if not self._has_leg(router_id, subnet_id):
                    raise

        self.session.patiently("network", attempt)

    def _has_leg(self, router_id: str, subnet_id: str) -> bool:
        ports = self.list_resources("port", fields=("fixed_ips",), device_id=router_id)
        request = f"Neutron: the ports of router {router_id}"
        fixed_ips = (fixed for x in ports for fixed in part_of(request, x, "fixed_ips", list))
        return any(fixed.get("subnet_id") == subnet_id for fixed in fixed_ips)

    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Remove that interface; no error if it is gone."""
        path = f"/routers/{router_id}/remove_router_interface"
        self.session.request("PUT", "network", path, json={"subnet_id": subnet_id}, missing_ok=True)

    def replace_members(self, pool_id: str, members: Sequence[Mapping[str, Any]]) -> None:
        """Replace the members of the pool by these, in one request."""
        json = {"members": [dict(member) for member in members]}
        path = f"{COLLECTIONS['pool'].path}/{pool_id}/members"
        self.session.request("PUT", "load_balancer", path, json=json)

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> Resource:
        """Wait until the load balancer is ACTIVE. Raises ApplyError on ERROR, DeadlineError."""
        what, seen = f"load balancer {load_balancer_id} to be ACTIVE", ""
        for _ in polls(what, seconds=ACTIVE_SECONDS, notify=say):
            balancer = self._load_balancer(load_balancer_id)
            status = str(balancer.get("provisioning_status")) if balancer else "absent"
            if balancer and status == "ACTIVE":
                return balancer
            if status in ("ERROR", "DELETED", "absent"):
                raise ApplyError(
                    f"load balancer {load_balancer_id} should become ACTIVE and is {status}",
                    remedy="check Octavia's worker log (amphora image, flavor, quota, management "
                    "network); teardown removes it",
                )
            if status != seen:
                say(f"load balancer {load_balancer_id} is {status}, waiting for ACTIVE")
                seen = status
        raise DeadlineError(
            f"load balancer {load_balancer_id} was not ACTIVE after {ACTIVE_SECONDS:.0f} s: last "
            f"seen {seen}",
            remedy="run the phase again: it continues to wait for the same load balancer",
        )

    def _load_balancer(self, load_balancer_id: str) -> Resource | None:
        path = f"{COLLECTIONS['loadbalancer'].path}/{load_balancer_id}"
        answer = self.session.request("GET", "load_balancer", path, missing_ok=True)
        if answer.status_code != 200:
            return None
        return part_of_body(f"Octavia: GET {path}", answer, "loadbalancer", dict)


def _plain(resource: Resource, names: Mapping[str, Any]) -> Any:
    return {name: resource.get(name) for name in names}.items()
