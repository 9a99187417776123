"""Neutron, Octavia and Keystone: raw JSON by way of openstacksdk's session.

Raw, because a list as SDK objects costs several times the time and a hundred times the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DeadlineError,
    RunbookError,
    UnreachableError,
    UsageError,
)

Resource = dict[str, Any]

ACTIVE_SECONDS = 600.0
"""How long a load balancer may take; amphora VMs boot in one to three minutes."""
DELETED_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Collection:
    """Where the API keeps a type of resource."""

    service: str
    path: str
    singular: str
    plural: str


COLLECTIONS: dict[str, Collection] = {
    "network": Collection("network", "/networks", "network", "networks"),
    "subnet": Collection("network", "/subnets", "subnet", "subnets"),
    "port": Collection("network", "/ports", "port", "ports"),
    "router": Collection("network", "/routers", "router", "routers"),
    "security_group": Collection(
        "network", "/security-groups", "security_group", "security_groups"
    ),
    "security_group_rule": Collection(
        "network", "/security-group-rules", "security_group_rule", "security_group_rules"
    ),
    "floatingip": Collection("network", "/floatingips", "floatingip", "floatingips"),
    "extension": Collection("network", "/extensions", "extension", "extensions"),
    "loadbalancer": Collection(
        "load_balancer", "/lbaas/loadbalancers", "loadbalancer", "loadbalancers"
    ),
    "listener": Collection("load_balancer", "/lbaas/listeners", "listener", "listeners"),
    "pool": Collection("load_balancer", "/lbaas/pools", "pool", "pools"),
}


class OpenStackReader(Protocol):
    """What planning and checking may do to a cloud: look."""

    @property
    def project_id(self) -> str:
        """Id of the project of the credentials."""

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        """All resources of a kind that the credentials see, in one list call but for paging."""

    def members(self, pool_id: str) -> list[Resource]:
        """The members of an Octavia pool."""


class OpenStackWriter(Protocol):
    """What applying does to a cloud."""

    def create(self, kind: str, body: Mapping[str, Any]) -> Resource:
        """Create a resource and give it back as the API does."""

    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> Resource:
        """Change the given fields of a resource."""

    def delete(self, kind: str, resource_id: str) -> None:
        """Delete a resource; fine when it is gone already. Waits where the service is slow."""

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Give the router a leg in the subnet, at the subnet's gateway address."""

    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Take that leg away; fine when it is gone already."""

    def replace_members(self, pool_id: str, members: list[Mapping[str, Any]]) -> None:
        """Make these the members of the pool, in one request."""

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> Resource:
        """Wait until the load balancer is ACTIVE. Raises ApplyError on ERROR, DeadlineError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Kuryr needs to log in, read from clouds.yaml or OS_*; never shown."""

    auth: Mapping[str, str]
    """keystoneauth's password options: auth_url, username, password, project_name, ..."""
    region_name: str
    ca_pem: str
    """The cloud's CA, empty when the system's is meant."""

    def __repr__(self) -> str:
        return f"Credentials(auth_url={self.auth.get('auth_url')!r}, ***)"


class OpenStackClient:
    """A connection to a cloud; satisfies OpenStackReader and OpenStackWriter."""

    def __init__(self, cloud: str, clouds_yaml: Path | None = None) -> None:
        """Nothing is sent yet. Raises UsageError when there is no such entry or file."""
        import openstack
        from openstack import exceptions

        if clouds_yaml is not None and not clouds_yaml.exists():
            raise UsageError(
                f"openstack.clouds_yaml: no file {clouds_yaml}",
                remedy="name an existing clouds.yaml; the lab's is written by "
                "`kuryr-runbook lab up`",
            )
        files = [str(clouds_yaml)] if clouds_yaml else None
        try:
            config = openstack.config.OpenStackConfig(config_files=files)
            self._region = config.get_one(cloud=cloud)
            self._connection = openstack.connection.Connection(config=self._region)
        except exceptions.ConfigException as error:
            raise UsageError(
                f"openstack.cloud: no usable entry {cloud!r}: {error}",
                remedy="see `openstack --os-cloud NAME token issue`, and "
                "https://docs.openstack.org/openstacksdk for clouds.yaml",
            ) from error

    @property
    def project_id(self) -> str:
        """Id of the project of the credentials."""
        with _ours("Keystone"):
            return str(self._connection.session.get_project_id())

    def credentials(self) -> Credentials:
        """The login, for the Secret that Kuryr reads."""
        auth = {key: str(value) for key, value in self._region.auth.items() if value is not None}
        ca_file = self._region.config.get("cacert")
        ca_pem = Path(ca_file).expanduser().read_text() if ca_file else ""
        return Credentials(auth=auth, region_name=self._region.region_name or "", ca_pem=ca_pem)

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        """All resources of a kind that the credentials see, in one list call but for paging."""
        collection = COLLECTIONS[kind]
        params: dict[str, Any] = dict(filters)
        if fields:
            params["fields"] = list(fields)
        return list(self._pages(collection, collection.path, params))

    def members(self, pool_id: str) -> list[Resource]:
        """The members of an Octavia pool."""
        path = f"{COLLECTIONS['pool'].path}/{pool_id}/members"
        collection = Collection("load_balancer", path, "member", "members")
        return list(self._pages(collection, path, {}))

    def _pages(
        self, collection: Collection, path: str, params: Mapping[str, Any]
    ) -> Iterator[Resource]:
        next_path: str | None = path
        next_params: Mapping[str, Any] | None = params
        while next_path:
            page = self._request("GET", collection.service, next_path, params=next_params).json()
            yield from page[collection.plural]
            links = page.get(f"{collection.plural}_links", [])
            next_path = next((link["href"] for link in links if link["rel"] == "next"), None)
            next_params = None

    def create(self, kind: str, body: Mapping[str, Any]) -> Resource:
        """Create a resource and give it back as the API does."""
        collection = COLLECTIONS[kind]
        json = {collection.singular: dict(body)}
        answer = self._request("POST", collection.service, collection.path, json=json)
        return dict(answer.json()[collection.singular])

    def update(self, kind: str, resource_id: str, body: Mapping[str, Any]) -> Resource:
        """Change the given fields of a resource."""
        collection = COLLECTIONS[kind]
        path = f"{collection.path}/{resource_id}"
        json = {collection.singular: dict(body)}
        answer = self._request("PUT", collection.service, path, json=json)
        return dict(answer.json()[collection.singular])

    def delete(self, kind: str, resource_id: str) -> None:
        """Delete a resource; fine when it is gone already. Waits where the service is slow."""
        collection = COLLECTIONS[kind]
        path = f"{collection.path}/{resource_id}"
        params = {"cascade": "true"} if kind == "loadbalancer" else {}
        self._request("DELETE", collection.service, path, params=params, missing_ok=True)
        if kind == "loadbalancer":
            self._wait_deleted(resource_id)

    def _wait_deleted(self, load_balancer_id: str) -> None:
        end = time.monotonic() + DELETED_SECONDS
        while time.monotonic() < end:
            balancer = self._load_balancer(load_balancer_id)
            if balancer is None or balancer["provisioning_status"] == "DELETED":
                return
            if balancer["provisioning_status"] == "ERROR":
                raise ApplyError(
                    f"load balancer {balancer['name']} could not be deleted: Octavia says ERROR",
                    remedy="see Octavia's worker log, then run teardown again",
                )
            time.sleep(0.3)
        raise DeadlineError(f"load balancer {load_balancer_id} was not gone in {DELETED_SECONDS}s")

    def add_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Give the router a leg in the subnet, at the subnet's gateway address."""
        path = f"/routers/{router_id}/add_router_interface"
        self._request("PUT", "network", path, json={"subnet_id": subnet_id})

    def remove_router_interface(self, router_id: str, subnet_id: str) -> None:
        """Take that leg away; fine when it is gone already."""
        path = f"/routers/{router_id}/remove_router_interface"
        self._request("PUT", "network", path, json={"subnet_id": subnet_id}, missing_ok=True)

    def replace_members(self, pool_id: str, members: list[Mapping[str, Any]]) -> None:
        """Make these the members of the pool, in one request."""
        json = {"members": [dict(member) for member in members]}
        path = f"{COLLECTIONS['pool'].path}/{pool_id}/members"
        self._request("PUT", "load_balancer", path, json=json)

    def wait_active(self, load_balancer_id: str, say: Callable[[str], None]) -> Resource:
        """Wait until the load balancer is ACTIVE. Raises ApplyError on ERROR, DeadlineError."""
        start, seen = time.monotonic(), ""
        while time.monotonic() < start + ACTIVE_SECONDS:
            balancer = self._load_balancer(load_balancer_id)
            status = balancer["provisioning_status"] if balancer else "absent"
            if balancer and status == "ACTIVE":
                return balancer
            if status in ("ERROR", "DELETED", "absent"):
                raise ApplyError(
                    f"load balancer {load_balancer_id} should become ACTIVE and is {status}",
                    remedy="see Octavia's worker log (amphora image, flavor, quota, management "
                    "network); teardown removes it",
                )
            if status != seen:
                say(f"load balancer {load_balancer_id} is {status}, waiting for ACTIVE")
                seen = status
            time.sleep(0.3)
        raise DeadlineError(
            f"load balancer {load_balancer_id} was not ACTIVE in {ACTIVE_SECONDS:.0f} s: last seen "
            f"{seen}",
            remedy="run the phase again: it goes on waiting for the same load balancer",
        )

    def _load_balancer(self, load_balancer_id: str) -> Resource | None:
        path = f"{COLLECTIONS['loadbalancer'].path}/{load_balancer_id}"
        answer = self._request("GET", "load_balancer", path, missing_ok=True)
        return answer.json()["loadbalancer"] if answer.status_code == 200 else None

    def _request(
        self, method: str, service: str, path: str, *, missing_ok: bool = False, **kwargs: Any
    ) -> Any:
        """One request; raises ours for every answer but 2xx (and 404 when that is fine)."""
        name = {"network": "Neutron", "load_balancer": "Octavia"}[service]
        proxy = getattr(self._connection, service)
        with _ours(name):
            answer = proxy.request(path, method, raise_exc=False, **kwargs)
        if answer.status_code < 300 or (missing_ok and answer.status_code == 404):
            return answer
        raise _refusal(name, method, path, answer)


def _refusal(service: str, method: str, path: str, answer: Any) -> RunbookError:
    said = _said(answer)
    message = f"{service} answered {answer.status_code} to {method} {path}: {said}"
    if answer.status_code == 401:
        return AccessError(message, remedy="check user, password and project in clouds.yaml")
    if answer.status_code == 403:
        return AccessError(
            message,
            remedy="the user lacks a role: load balancers need load-balancer_member (or admin) "
            "beside member; ports with binding:host_id, as nested-macvlan makes them, need admin",
        )
    return ApplyError(message)


def _said(answer: Any) -> str:
    """What a service says is wrong, at most 300 characters of it."""
    try:
        body = answer.json()
    except ValueError:
        return str(answer.text)[:300]
    error = body.get("NeutronError") or body.get("error") or body
    if isinstance(error, dict):
        error = error.get("message") or error.get("faultstring") or error
    return str(error)[:300]


@contextmanager
def _ours(service: str) -> Iterator[None]:
    """Chain keystoneauth's and the SDK's errors into ours."""
    from keystoneauth1 import exceptions as ksa
    from openstack import exceptions as sdk

    try:
        yield
    except ksa.Unauthorized as error:
        raise AccessError(
            f"Keystone refused the login: {error}",
            remedy="check user, password, project and domains in clouds.yaml",
        ) from error
    except ksa.SSLError as error:
        raise AccessError(
            f"{service}'s certificate is not trusted: {error}",
            remedy="set `cacert` of the entry in clouds.yaml to the cloud's CA",
        ) from error
    except (ksa.ConnectionError, ksa.DiscoveryFailure) as error:
        raise UnreachableError(
            f"{service} does not answer: {error}",
            remedy="check auth_url and the way there (VPN, proxy, firewall); the lab: "
            "`kuryr-runbook lab status`",
        ) from error
    except (ksa.ClientException, sdk.SDKException) as error:
        raise AccessError(f"{service}: {error}") from error
