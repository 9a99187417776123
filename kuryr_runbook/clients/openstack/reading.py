"""Neutron, Octavia and Keystone, read: raw JSON by way of openstacksdk's session.

Raw, because a list as SDK objects costs several times the time and a hundred times the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.answers import SEE_WHAT_ANSWERS, part_of, understood
from kuryr_runbook.clients.files import read_certificates
from kuryr_runbook.clients.openstack.api import COLLECTIONS, Collection
from kuryr_runbook.clients.openstack.session import NAMES, OpenStackSession, part_of_body
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.objects import Resource

PAGE = 1000
"""How many resources one answer of a list may hold."""
MOST_PAGES = 1000
"""More there are in no cloud; a list that goes on for ever has to end somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What Kuryr needs to log in, read from clouds.yaml or OS_*; never shown."""

    auth: Mapping[str, str]
    """keystoneauth's options: auth_url, username, password, project_name, ..., or those of an
    application credential."""
    region_name: str
    ca_pem: str
    """The cloud's CA, empty when the system's is meant."""

    def __repr__(self) -> str:
        return f"Credentials(auth_url={self.auth.get('auth_url')!r}, ***)"


class CloudReader:
    """Looks at a cloud by a login that there is; satisfies OpenStackReader."""

    def __init__(self, session: OpenStackSession) -> None:
        self.session = session

    @property
    def project_id(self) -> str:
        """Id of the project of the credentials."""
        return self.session.project_id

    def credentials(self) -> Credentials:
        """The login, for the Secret that Kuryr reads."""
        region = self.session.region
        auth = {key: str(value) for key, value in region.auth.items() if value is not None}
        ca_file = region.config.get("cacert")
        ca_pem = (
            read_certificates(Path(ca_file).expanduser(), "the cloud's cacert") if ca_file else ""
        )
        return Credentials(auth=auth, region_name=region.region_name or "", ca_pem=ca_pem)

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        """All resources of a kind that the credentials see, in one list call but for paging."""
        collection = COLLECTIONS[kind]
        params: dict[str, Any] = dict(filters)
        if fields:
            # The next page begins after the id of the last.
            params["fields"] = sorted({"id", *fields}) if kind != "extension" else list(fields)
        return list(self._pages(collection, collection.path, params))

    def members(self, pool_id: str) -> list[Resource]:
        """The members of an Octavia pool."""
        path = f"{COLLECTIONS['pool'].path}/{pool_id}/members"
        collection = Collection("load_balancer", path, "member", "members")
        return list(self._pages(collection, path, {}))

    def _pages(
        self, collection: Collection, path: str, params: Mapping[str, Any]
    ) -> Iterator[Resource]:
        """Page by page. A page's own link to the next is not followed: behind a proxy it may name
        an address that is not reached from here.
        """
        asked: dict[str, Any] = {**params, "limit": PAGE}
        request = f"{NAMES[collection.service]}: GET {path}"
        for _ in range(MOST_PAGES):
            answer = self.session.request("GET", collection.service, path, params=asked)
            with understood(request):
                page = answer.json()
            items = part_of(request, page, collection.plural, list)
            yield from items
            if not items or not _has_next(request, page, collection):
                return
            last = part_of(request, items[-1], "id", str)
            if last == asked.get("marker"):
                break
            asked["marker"] = last
        raise UnreachableError(
            f"{request}: the list has no end: after {MOST_PAGES * PAGE} entries, or the same ones "
            "again, there is said to be more",
            remedy=SEE_WHAT_ANSWERS,
        )

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        """A project's quotas by resource: Neutron's with what is used, Octavia's limits alone."""
        path = {
            "network": f"/quotas/{project_id}/details.json",
            "load_balancer": f"/lbaas/quotas/{project_id}",
        }[service]
        body = self.session.request("GET", service, path)
        return part_of_body(f"{NAMES[service]}: GET {path}", body, "quota", dict)


def _has_next(request: str, page: Mapping[str, Any], collection: Collection) -> bool:
    name = f"{collection.plural}_links"
    links = part_of(request, page, name, list) if name in page else []
    return any(link.get("rel") == "next" for link in links)
