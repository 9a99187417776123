"""Reads Neutron and Octavia through their APIs, in bulk, and only when something changed.

A read costs the servers a good part of a second of CPU time, too much for every second. All
services of the lab keep their data in SQLite on this machine, so the files' stamps show when a read
is worthwhile. They are only a hint: the data comes from the APIs, and is read again every
RELY_SECONDS whatever the stamps say.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.lab.compute.balancing import LoadBalancer, Resource, load_balancers
from kuryr_runbook.lab.compute.state import CloudState, networks, ports, subnets
from kuryr_runbook.lab.openstack.configuration import Files
from kuryr_runbook.lab.settings import AMPHORA_OWNER, NODE_OWNER, LabSettings
from kuryr_runbook.model.errors import UnreachableError

RELY_SECONDS = 15.0
"""How long to rely on the files' stamps."""
ANSWER_SECONDS = 10.0
"""How long one answer may take."""

NETWORK_FIELDS = ("id", "mtu")
SUBNET_FIELDS = ("id", "ip_version", "cidr", "gateway_ip")
PORT_FIELDS = (
    *("id", "network_id", "mac_address", "device_id", "device_owner", "fixed_ips"),
    *("allowed_address_pairs", "binding:host_id"),
)
OCTAVIA_LISTS = ("loadbalancers", "listeners", "pools", "healthmonitors")

Stamp = tuple[tuple[int, int] | None, ...]
"""Modification times and sizes of a database's files."""


class Session(Protocol):
    """What the reader needs of the SDK's adapter for a service."""

    def get(self, url: str, **options: Any) -> Any:
        """Send one request."""


class ApiReader:
    """Reads the state of the lab's cloud; caches what has not changed since the last read."""

    def __init__(self, settings: LabSettings) -> None:
        files = Files(settings)
        self._settings = settings
        self._databases = {name: files.database(name) for name in ("neutron", "octavia")}
        self._stamps: dict[str, Stamp] = {}
        self._read_at: dict[str, float] = {}
        self._sessions: dict[str, Session] = {}
        self._network = CloudState()
        self._balancers: tuple[LoadBalancer, ...] = ()

    def is_due(self) -> bool:
        """Whether a read might find something new."""
        return any(map(self._is_due, self._databases))

    def read(self) -> CloudState:
        """The cloud's state. Raises UnreachableError when an API does not answer as it should."""
        from keystoneauth1.exceptions import ClientException
        from openstack.exceptions import SDKException

        try:
            if self._is_due("neutron"):
                self._follow("neutron", self._read_neutron)
            if self._is_due("octavia"):
                self._follow("octavia", self._read_octavia)
        except (ClientException, SDKException, KeyError, ValueError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from error
        return replace(self._network, balancers=self._balancers)

    def _is_due(self, service: str) -> bool:
        if time.monotonic() - self._read_at.get(service, -RELY_SECONDS) >= RELY_SECONDS:
            return True
        return _stamp(self._databases[service]) != self._stamps[service]

    def _follow(self, service: str, read: Any) -> None:
        # The stamp comes first: anything written while we read makes the next read due.
        stamp, now = _stamp(self._databases[service]), time.monotonic()
        read()
        self._stamps[service], self._read_at[service] = stamp, now

    def _read_neutron(self) -> None:
        owners = {"device_owner": [NODE_OWNER, AMPHORA_OWNER]}
        # Ports come first: their networks and subnets existed before them.
        found = ports(self._neutron_list("ports", PORT_FIELDS, owners))
        self._network = CloudState(
            ports=found,
            subnets=subnets(self._neutron_list("subnets", SUBNET_FIELDS)),
            networks=networks(self._neutron_list("networks", NETWORK_FIELDS)),
        )

    def _neutron_list(
        self, plural: str, fields: Iterable[str], match: Mapping[str, list[str]] | None = None
    ) -> Sequence[Resource]:
        return self._list("network", f"/{plural}", plural, {"fields": [*fields], **(match or {})})

    def _read_octavia(self) -> None:
        answers: dict[str, Sequence[Resource]] = dict.fromkeys(OCTAVIA_LISTS, ())
        answers["loadbalancers"] = self._octavia_list("loadbalancers")
        if answers["loadbalancers"]:
            for plural in OCTAVIA_LISTS[1:]:
                answers[plural] = self._octavia_list(plural)
        members = {
            pool["id"]: self._list(
                "load-balancer", f"/lbaas/pools/{pool['id']}/members", "members", {}
            )
            for pool in answers["pools"]
            if pool["members"]
        }
        self._balancers = load_balancers(answers, members)

    def _octavia_list(self, plural: str) -> Sequence[Resource]:
        return self._list("load-balancer", f"/lbaas/{plural}", plural, {})

    def _list(
        self, service: str, path: str, plural: str, params: Mapping[str, Any]
    ) -> Sequence[Resource]:
        """A list; empty if it has disappeared since the previous request (404)."""
        if not self._sessions:
            self._sessions = _connect(self._settings)
        # Servers close idle connections; the retry opens another one.
        answer = self._sessions[service].get(
            path, params=params, raise_exc=False, connect_retries=1, connect_retry_delay=0.1
        )
        if answer.status_code == 404:
            return ()
        if answer.status_code != 200:
            raise ValueError(f"GET {path}: status {answer.status_code}: {answer.text[:200]}")
        found: Sequence[Resource] = answer.json()[plural]
        return found


def _connect(settings: LabSettings) -> dict[str, Session]:
    from openstack.config import OpenStackConfig
    from openstack.connection import Connection

    files = [str(settings.clouds_yaml)]
    config = OpenStackConfig(config_files=files, load_envvars=False)
    cloud: Any = Connection(config=config.get_one(cloud="admin", api_timeout=ANSWER_SECONDS))
    return {"network": cloud.network, "load-balancer": cloud.load_balancer}


def _stamp(database: Path) -> Stamp:
    return tuple(_file_stamp(Path(f"{database}{suffix}")) for suffix in ("", "-wal"))


def _file_stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
