"""The user's application credentials in Keystone, and which of them Kuryr uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.clients.openstack.identity import IdentityReader, Token
from kuryr_runbook.clients.secrets import learn
from kuryr_runbook.model.documents import text_from_base64
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.answered import Answer, answered
from kuryr_runbook.snapshots.cluster.state import read_cluster_id
from kuryr_runbook.snapshots.parsing import part, text
from kuryr_runbook.specs.access_rules import AccessRule
from kuryr_runbook.specs.controller import CONFIG_KEY, CREDENTIAL_ANNOTATION, references
from kuryr_runbook.specs.kuryr_conf import parse_login


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedCredential:
    """The application credential in the Secret with Kuryr's configuration."""

    id: str
    secret: str = field(repr=False)
    accepted: bool
    """Whether Keystone accepts it; False also if it is not the user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """One in Keystone, whoever created it."""

    id: str
    name: str
    description: str
    """One of ours has the runbook's mark and the requested roles in it."""
    project_id: str
    access_rules: frozenset[AccessRule]
    """The requests that it permits; none: all that its roles permit."""


@dataclass(frozen=True, slots=True)
class StoredRule:
    """An access rule of the user in Keystone, whether or not a credential uses it."""

    id: str
    rule: AccessRule


def rule_of(it: Answer) -> AccessRule:
    """An access rule, from Keystone's answer."""
    return AccessRule(it.id("service"), it.id("path"), it.id("method"))


def stored_rules(found: list[Resource] | None) -> tuple[StoredRule, ...] | None:
    """The user's access rules, from Keystone's answer; None if it is too old for them."""
    if found is None:
        return None
    answers = (answered("access rule", item) for item in found)
    return tuple(StoredRule(it.id(), rule_of(it)) for it in answers)


def credential_of(it: Answer) -> ApplicationCredential:
    """An application credential, from Keystone's answer."""
    return ApplicationCredential(
        id=it.id(),
        name=it.id("name"),
        description=it.shown("description", it.text) or "",
        project_id=it.id("project_id"),
        access_rules=frozenset(map(rule_of, it.shown("access_rules", it.parts) or ())),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSnapshot:
    """Keystone and cluster at one time."""

    taken_at: datetime
    cluster_id: str
    token: Token
    credentials: tuple[ApplicationCredential, ...]
    """All application credentials of the user, whoever created them, in every project."""
    rules: tuple[StoredRule, ...] | None
    """All access rules of the user; None if Keystone is too old for them."""
    used: UsedCredential | None
    deployed: str
    """Name of the one that the controller's pods were started with; empty if there is none."""

    def of_project(self) -> tuple[ApplicationCredential, ...]:
        """Those for the runbook's project."""
        project = self.token.project_id
        return tuple(item for item in self.credentials if item.project_id == project)


def read_credentials(
    site: Site, identity: IdentityReader, cluster: KubernetesReader
) -> CredentialSnapshot:
    """Read both. Only the cluster has the secret, so it is read there, in order to keep it."""
    taken_at = datetime.now(UTC)
    credentials = tuple(
        credential_of(answered("application credential", item))
        for item in identity.application_credentials()
    )
    secret, deployment = (cluster.get(item) for item in references(site))
    return CredentialSnapshot(
        taken_at=taken_at,
        cluster_id=read_cluster_id(cluster),
        token=identity.token(),
        credentials=credentials,
        rules=stored_rules(identity.access_rules()),
        used=_used(secret or {}, {item.id for item in credentials}, identity),
        deployed=_deployed(deployment),
    )


def _used(
    secret: Mapping[str, Any], known: set[str], identity: IdentityReader
) -> UsedCredential | None:
    login = parse_login(text_from_base64(part(secret, "data").get(CONFIG_KEY)))
    found, word = (login.get(f"application_credential_{key}", "") for key in ("id", "secret"))
    if not found:
        return None
    learn(word, "the secret of Kuryr's application credential")
    accepted = found in known and identity.accepts(found, word)
    return UsedCredential(id=found, secret=word, accepted=accepted)


def _deployed(deployment: Mapping[str, Any] | None) -> str:
    if deployment is None:
        return ""
    template = part(part(deployment, "spec"), "template")
    return text(part(part(template, "metadata"), "annotations"), CREDENTIAL_ANNOTATION)
