"""Keystone's application credentials, of the user that the runbook is logged in as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.clients.answers import parsing, part_of
from kuryr_runbook.clients.openstack.session import OpenStackSession, part_of_body
from kuryr_runbook.clients.patience import TransientError
from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Resource

CREDENTIALS = "Keystone: application_credentials"
RULES = "Keystone: access_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The user that the runbook is logged in as, and its rights."""

    user_id: str
    project_id: str
    roles: frozenset[str]
    restricted: bool
    """Whether the login is itself an application credential that may not manage others."""


class IdentityReader(Protocol):
    """What planning may read from Keystone."""

    def token(self) -> Token:
        """The token that Keystone issued to the runbook."""

    def application_credentials(self) -> list[Resource]:
        """All of the user's, in every project; none if Keystone is too old for them."""

    def access_rules(self) -> list[Resource] | None:
        """All of the user's, used or not; None if Keystone is too old for them."""

    def accepts(self, credential_id: str, secret: str) -> bool:
        """Whether Keystone accepts a login with this application credential."""


class IdentityWriter(Protocol):
    """How applying changes Keystone."""

    def create_application_credential(self, body: Mapping[str, Any]) -> Resource:
        """Create one; only this response contains its secret."""

    def delete_application_credential(self, credential_id: str) -> None:
        """Delete it, which revokes all of its tokens; no error if it is gone."""

    def statuses(
        self, credential_id: str, secret: str, service: str, paths: Sequence[str]
    ) -> dict[str, int]:
        """How a service answers GET requests with this application credential, by path."""

    def delete_access_rule(self, rule_id: str) -> None:
        """Delete one that no application credential uses; no error if it is gone.

        Raises AccessError if one uses it.
        """


class IdentityClient:
    """Keystone through an existing session; satisfies IdentityReader and IdentityWriter."""

    def __init__(self, session: OpenStackSession) -> None:
        self._session = session

    def token(self) -> Token:
        """The token that Keystone issued to the runbook."""
        access = self._session.access()
        with parsing("Keystone: the token"):
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
        """All of the user's, in every project; none if Keystone is too old for them."""
        answer = self._session.request("GET", "identity", self._path, missing_ok=True)
        if answer.status_code != 200:
            return []
        return part_of_body(CREDENTIALS, answer, "application_credentials", list)

    def access_rules(self) -> list[Resource] | None:
        """All of the user's, used or not; None if Keystone is too old for them."""
        path = f"{self._user}/access_rules"
        answer = self._session.request("GET", "identity", path, missing_ok=True)
        if answer.status_code != 200:
            return None
        return part_of_body(RULES, answer, "access_rules", list)

    def accepts(self, credential_id: str, secret: str) -> bool:
        """Whether Keystone accepts a login with this application credential."""
        try:
            answer = self._log_in(credential_id, secret)
        except AccessError:
            return False
        # Keystone answers 404 for one that does not exist, before it checks the secret.
        return bool(answer.status_code != 404)

    def _log_in(self, credential_id: str, secret: str) -> Any:
        """Keystone's response to a login with an application credential."""
        method = "application_credential"
        identity = {"methods": [method], method: {"id": credential_id, "secret": secret}}
        return self._session.request(
            "POST",
            "identity",
            "/auth/tokens",
            json={"auth": {"identity": identity}},
            missing_ok=True,
            authenticated=False,
            log=False,
        )

    def statuses(
        self, credential_id: str, secret: str, service: str, paths: Sequence[str]
    ) -> dict[str, int]:
        """How a service answers GET requests with this application credential, by path.

        They go to the endpoints of the runbook's own login, since the project is the same. Raises
        AccessError if Keystone does not accept the credential.
        """
        token = self._log_in(credential_id, secret).headers.get("X-Subject-Token")
        if not token:
            raise AccessError(
                "Keystone gives no token for the application credential that it has just made",
                remedy="check whether all of its servers use the same database, then run again",
            )
        learn(token, "a token of Kuryr's application credential")
        return {path: self._session.status(service, path, token) for path in paths}

    def create_application_credential(self, body: Mapping[str, Any]) -> Resource:
        """Create one; only this response contains its secret.

        After a failure that leaves open whether it was created, one of that name is deleted before
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
        """Delete it, which revokes all of its tokens; no error if it is gone."""
        path = f"{self._path}/{credential_id}"
        self._session.request("DELETE", "identity", path, missing_ok=True)

    def delete_access_rule(self, rule_id: str) -> None:
        """Delete one that no application credential uses; no error if it is gone."""
        path = f"{self._user}/access_rules/{rule_id}"
        self._session.request("DELETE", "identity", path, missing_ok=True)

    @property
    def _path(self) -> str:
        return f"{self._user}/application_credentials"

    @property
    def _user(self) -> str:
        access = self._session.access()
        with parsing("Keystone: the token"):
            return f"/users/{access.user_id}"
