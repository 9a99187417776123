"""Reads Neutron, Octavia and Keystone: raw JSON through openstacksdk's session.

Raw, because a list of SDK objects takes several times as long and a hundred times the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.answers import SEE_WHAT_ANSWERS, parsing, part_of
from kuryr_runbook.clients.files import read_certificates, user_path
from kuryr_runbook.clients.openstack.api import COLLECTIONS, Collection
from kuryr_runbook.clients.openstack.session import NAMES, OpenStackSession, part_of_body
from kuryr_runbook.model.errors import UnreachableError
from kuryr_runbook.model.objects import Resource

PAGE = 1000
"""How many resources one page of a list may have."""
MOST_PAGES = 1000
"""More than any cloud has; an endless list has to end somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Kuryr's login, read from clouds.yaml or OS_*; never shown."""

    auth: Mapping[str, str]
    """keystoneauth's options: auth_url, username, password, project_name, ..., or those of an
    application credential."""
    region_name: str
    ca_pem: str
    """The cloud's CA; empty for the system's."""

    def __repr__(self) -> str:
        return f"Credentials(auth_url={self.auth.get('auth_url')!r}, ***)"


class CloudReader:
    """Reads a cloud through an existing session; satisfies OpenStackReader."""

    def __init__(self, session: OpenStackSession) -> None:
        self.session = session

    @property
    def project_id(self) -> str:
        """Id of the credentials' project."""
        return self.session.project_id

    def credentials(self) -> Credentials:
        """The login that goes into Kuryr's Secret."""
        region = self.session.region
        auth = {key: str(value) for key, value in region.auth.items() if value is not None}
        ca_file = region.config.get("cacert")
        ca_pem = (
            read_certificates(user_path(ca_file, "the cloud's cacert"), "the cloud's cacert")
            if ca_file
            else ""
        )
        return Credentials(auth=auth, region_name=region.region_name or "", ca_pem=ca_pem)

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        """All resources of a kind that the credentials can see, in one list call, paged."""
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
        """Page by page. A page's own link to the next is not followed: behind a proxy it may have
        an address that cannot be reached from here.
        """
        asked: dict[str, Any] = {**params, "limit": PAGE}
        request = f"{NAMES[collection.service]}: GET {path}"
        for _ in range(MOST_PAGES):
            answer = self.session.request("GET", collection.service, path, params=asked)
            with parsing(request):
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
            f"{request}: the list does not end: there is still more after "
            f"{MOST_PAGES * PAGE} entries, or the same ones come again",
            remedy=SEE_WHAT_ANSWERS,
        )

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        """A project's quotas by resource: Neutron's with usage, Octavia's limits alone."""
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
