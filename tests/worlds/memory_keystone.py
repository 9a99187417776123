"""A user's application credentials in memory, for pure tests: our own client layer's stand-in."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from kuryr_runbook.clients.openstack.identity import Token
from kuryr_runbook.model.objects import Resource

PROJECT = "6b2ad4e8b1b24e4a9d7e1e4a3c6b2f10"


class MemoryKeystone:
    """Satisfies IdentityReader and IdentityWriter; `on_write` is called before any change."""

    def __init__(self, *, roles: tuple[str, ...] = ("admin", "member")) -> None:
        self.held = roles
        self.restricted = False
        self.items: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {}
        self.on_write: Callable[[], None] = lambda: None
        self.on_delete: Callable[[str], None] = lambda credential_id: None
        self._ids = itertools.count(1)

    def token(self) -> Token:
        return Token(
            user_id="user",
            project_id=PROJECT,
            roles=frozenset(self.held),
            restricted=self.restricted,
        )

    def application_credentials(self) -> list[Resource]:
        return [copy.deepcopy(item) for item in self.items.values()]

    def accepts(self, credential_id: str, secret: str) -> bool:
        return self.secrets.get(credential_id) == secret

    def add(self, **fields: Any) -> dict[str, Any]:
        """Put one there, as somebody else would have."""
        item = {"id": f"id-{next(self._ids)}", "project_id": PROJECT, "description": "", **fields}
        assert item["name"] not in {other["name"] for other in self.items.values()}, "409"
        self.items[item["id"]] = copy.deepcopy(item)
        self.secrets[item["id"]] = f"secret-of-{item['id']}"
        return item

    def create_application_credential(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.on_write()
        item = self.add(**body)
        return {**item, "secret": self.secrets[item["id"]]}

    def delete_application_credential(self, credential_id: str) -> None:
        self.on_write()
        self.on_delete(credential_id)
        self.items.pop(credential_id, None)
        self.secrets.pop(credential_id, None)
