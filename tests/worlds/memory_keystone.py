"""A user's application credentials in memory, for pure tests: our own client layer's stand-in."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kuryr_runbook.clients.openstack.identity import Token
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.specs.access_rules import TRIALS

PROJECT = "6b2ad4e8b1b24e4a9d7e1e4a3c6b2f10"


class MemoryKeystone:
    """Satisfies IdentityReader and IdentityWriter; `on_write` is called before any change."""

    def __init__(self, *, roles: tuple[str, ...] = ("admin", "member")) -> None:
        self.held = roles
        self.restricted = False
        self.items: dict[str, dict[str, Any]] = {}
        self.rules: dict[tuple[str, str, str], str] | None = {}
        """The id of each access rule; None: Keystone is too old for them."""
        self.answers: dict[str, int] = {}
        """Statuses of requests with an application credential, by path, where they are wrong."""
        self.tried: list[str] = []
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
        return [copy.deepcopy(item) for item in [*self.items.values()]]

    def accepts(self, credential_id: str, secret: str) -> bool:
        return self.secrets.get(credential_id) == secret

    def access_rules(self) -> list[Resource] | None:
        if self.rules is None:
            return None
        return [
            {"id": id_, "service": service, "path": path, "method": method}
            for (service, path, method), id_ in self.rules.items()
        ]

    def statuses(
        self, credential_id: str, secret: str, service: str, paths: Sequence[str]
    ) -> dict[str, int]:
        """Services enforce the rules: what `TRIALS` calls inside is, and the rest is not."""
        assert self.accepts(credential_id, secret)
        self.tried.append(service)
        inside = {trial.inside for trial in TRIALS}
        right = {path: 200 if path in inside else 401 for path in paths}
        return {path: self.answers.get(path, status) for path, status in right.items()}

    def add(self, **fields: Any) -> dict[str, Any]:
        """Put one there, as somebody else would have."""
        item = {"id": f"id-{next(self._ids)}", "project_id": PROJECT, "description": "", **fields}
        assert item["name"] not in {other["name"] for other in self.items.values()}, "409"
        if "access_rules" in item and self.rules is not None:
            keys = [(it["service"], it["path"], it["method"]) for it in item["access_rules"]]
            assert len(set(keys)) == len(keys), "400"
            item["access_rules"] = [
                {**it, "id": self.rules.setdefault(key, f"rule-{len(self.rules)}")}
                for key, it in zip(keys, item["access_rules"], strict=True)
            ]
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

    def delete_access_rule(self, rule_id: str) -> None:
        self.on_write()
        used = {it["id"] for item in self.items.values() for it in item.get("access_rules", ())}
        if rule_id in used:
            raise AccessError("Keystone answered 403: May not delete access rule in use")
        self.rules = {key: id_ for key, id_ in (self.rules or {}).items() if id_ != rule_id}
