"""The application credential that a site wants for Kuryr, and the mark of those that are ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.access_rules import AccessRule, access_rules

ADMIN_ROLES = ("admin",)
"""Neutron's default policy permits `binding:host_id` only to admins, who may also do everything
that a member may."""
MEMBER_ROLES = ("load-balancer_member", "member")
"""Enough for ports, floating IPs, groups and load balancers of the own project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSpec:
    """An application credential for Kuryr alone. It does not expire: rotation replaces it."""

    stem: str
    """Its name without the number that follows, since names are unique for a user."""
    description: str
    roles: tuple[str, ...]
    access_rules: tuple[AccessRule, ...]
    """The requests that it permits; none: all that the roles permit."""

    def body(self, name: str) -> dict[str, Any]:
        """The request to Keystone; restricted, so that it cannot be used to create others."""
        rules = [rule.body for rule in self.access_rules]
        return {
            "name": name,
            "description": self.description,
            "roles": [{"name": role} for role in self.roles],
            "unrestricted": False,
        } | ({"access_rules": rules} if rules else {})

    def shown(self, name: str) -> dict[str, Any]:
        """The same for people, with a line for each access rule."""
        body = self.body(name)
        return body | ({"access_rules": lines} if (lines := _lines(self.access_rules)) else {})


def _lines(rules: Iterable[AccessRule]) -> str:
    return "\n".join(map(str, rules))


def credential_spec(site: Site, cluster_id: str) -> CredentialSpec | None:
    """What the site wants; None if Kuryr uses the runbook's login."""
    roles = wanted_roles(site)
    if roles is None:
        return None
    return CredentialSpec(
        stem=f"kuryr-{site.name}-",
        # Keystone adds the implied roles to the requested ones and does not say which they are, so
        # the requested ones are noted here.
        description=f"{owner_mark(site.name, cluster_id)} roles={','.join(roles)}",
        roles=roles,
        access_rules=access_rules(site),
    )


def wanted_roles(site: Site) -> tuple[str, ...] | None:
    """The roles of Kuryr's own credential; None if it uses the runbook's login."""
    if site.kuryr.credentials == "site":
        return None
    default = ADMIN_ROLES if site.driver.sends_binding_host else MEMBER_ROLES
    return tuple(sorted(set(site.kuryr.credential_roles or default)))


def missing_roles(site: Site, roles: Iterable[str]) -> tuple[str, ...]:
    """The roles that Kuryr needs besides these, by the default policies of Neutron and Octavia.

    No API shows which roles imply others, or what the cloud's own policies are.
    """
    held = set(roles)
    if held.issuperset(ADMIN_ROLES):
        return ()
    wanted = MEMBER_ROLES + (ADMIN_ROLES if site.driver.sends_binding_host else ())
    return tuple(role for role in wanted if role not in held)


def is_owned(site: Site, cluster_id: str, description: str) -> bool:
    """Whether the runbook created a credential, by its description, for this site and cluster."""
    return description.startswith(f"{owner_mark(site.name, cluster_id)} ")
