"""Keystone's application credentials: those of the user as whom the runbook is logged in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.clients.answers import part_of, understood
from kuryr_runbook.clients.openstack.session import OpenStackSession, part_of_body
from kuryr_runbook.clients.patience import TransientError
from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Resource

CREDENTIALS = "Keystone: application_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """As whom the runbook is logged in, and with what rights."""

    user_id: str
    project_id: str
    roles: frozenset[str]
    restricted: bool
    """Whether the login is itself an application credential that may manage no others."""


class IdentityReader(Protocol):
    """What planning may ask Keystone."""

    def token(self) -> Token:
        """What Keystone said when the runbook logged in."""

    def application_credentials(self) -> list[Resource]:
        """All of the user's, in every project; none where Keystone does not know them yet."""

    def accepts(self, credential_id: str, secret: str) -> bool:
        """Whether Keystone lets somebody in with this application credential."""


class IdentityWriter(Protocol):
    """What applying does to Keystone."""

    def create_application_credential(self, body: Mapping[str, Any]) -> Resource:
        """Make one; only this answer holds its secret."""

    def delete_application_credential(self, credential_id: str) -> None:
        """Delete it, and with it every token that it gave; fine when it is gone already."""


class IdentityClient:
    """Keystone by a connection that there is; satisfies IdentityReader and IdentityWriter."""

    def __init__(self, session: OpenStackSession) -> None:
        self._session = session

    def token(self) -> Token:
        """What Keystone said when the runbook logged in."""
        access = self._session.access()
        with understood("Keystone: the token"):
            restricted = bool(access.application_credential_id) and bool(
                access.application_credential.get("restricted", True)
            )
            return Token(
                user_id=str(access.user_id),
                project_id=str(access.project_id),
                roles=frozenset(access.role_names),
                restricted=restricted,
            )

    def application_credentials(self) -> list[Resource]:
        """All of the user's, in every project; none where Keystone does not know them yet."""
        answer = self._session.request("GET", "identity", self._path, missing_ok=True)
        if answer.status_code != 200:
            return []
        return part_of_body(CREDENTIALS, answer, "application_credentials", list)

    def accepts(self, credential_id: str, secret: str) -> bool:
        """Whether Keystone lets somebody in with this application credential."""
        method = "application_credential"
        identity = {"methods": [method], method: {"id": credential_id, "secret": secret}}
        try:
            answer = self._session.request(
                "POST",
                "identity",
                "/auth/tokens",
                json={"auth": {"identity": identity}},
                missing_ok=True,
                authenticated=False,
                log=False,
            )
        except AccessError:
            return False
        # One that there is not is answered with 404, before its secret is looked at.
        return bool(answer.status_code != 404)

    def create_application_credential(self, body: Mapping[str, Any]) -> Resource:
        """Make one; only this answer holds its secret.

        After an answer that leaves open whether it was made, one of that name is deleted before
        the next attempt: nobody knows its secret.
        """
        json = {"application_credential": dict(body)}

        def attempt() -> Resource:
            try:
                answer = self._session.once("POST", "identity", self._path, json=json, log=False)
            except TransientError:
                for item in self.application_credentials():
                    if all(item.get(key) == body[key] for key in ("name", "description")):
                        self.delete_application_credential(part_of(CREDENTIALS, item, "id", str))
                raise
            made = part_of_body(CREDENTIALS, answer, "application_credential", dict)
            learn(
                part_of(CREDENTIALS, made, "secret", str),
                "the secret of a new application credential",
            )
            return made

        return self._session.patiently("identity", attempt)

    def delete_application_credential(self, credential_id: str) -> None:
        """Delete it, and with it every token that it gave; fine when it is gone already."""
        path = f"{self._path}/{credential_id}"
        self._session.request("DELETE", "identity", path, missing_ok=True)

    @property
    def _path(self) -> str:
        access = self._session.access()
        with understood("Keystone: the token"):
            return f"/users/{access.user_id}/application_credentials"
