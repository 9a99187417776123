"""The application credential that a site wants for Kuryr, and the mark by which ours are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.model.marks import owner_mark
from kuryr_runbook.model.site import Site

ADMIN_ROLES = ("admin",)
"""`binding:host_id` is an admin's by Neutron's default policy, and whatever a member may do an
admin may too."""
MEMBER_ROLES = ("load-balancer_member", "member")
"""Enough for ports, floating IPs, groups and load balancers of one's own project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSpec:
    """An application credential for Kuryr alone. It does not expire: rotation replaces it."""

    stem: str
    """Its name but for the number that follows: names are unique for a user."""
    description: str
    roles: tuple[str, ...]

    def body(self, name: str) -> dict[str, Any]:
        """What Keystone gets; restricted, so that it cannot be used to make others."""
        return {
            "name": name,
            "description": self.description,
            "roles": [{"name": role} for role in self.roles],
            "unrestricted": False,
        }


def credential_spec(site: Site, cluster_id: str) -> CredentialSpec | None:
    """What the site wants; None when Kuryr logs in as the runbook does."""
    roles = wanted_roles(site)
    if roles is None:
        return None
    return CredentialSpec(
        stem=f"kuryr-{site.name}-",
        # Keystone adds the implied roles to those that were asked for, and does not tell which:
        # what was asked for stands here.
        description=f"{owner_mark(site.name, cluster_id)} roles={','.join(roles)}",
        roles=roles,
    )


def wanted_roles(site: Site) -> tuple[str, ...] | None:
    """The roles of Kuryr's own credential; None when it logs in as the runbook does."""
    if site.kuryr.credentials == "site":
        return None
    default = ADMIN_ROLES if site.driver.sends_binding_host else MEMBER_ROLES
    return tuple(sorted(set(site.kuryr.credential_roles or default)))


def lacking_roles(site: Site, roles: Iterable[str]) -> tuple[str, ...]:
    """The roles that these need beside them, by the default policies of Neutron and Octavia.

    Which roles imply others, and what the cloud's own policies say, no API shows.
    """
    held = set(roles)
    if held.issuperset(ADMIN_ROLES):
        return ()
    wanted = MEMBER_ROLES + (ADMIN_ROLES if site.driver.sends_binding_host else ())
    return tuple(role for role in wanted if role not in held)


def is_owned(site: Site, cluster_id: str, description: str) -> bool:
    """Whether the runbook made the credential so described, for this site and cluster."""
    return description.startswith(f"{owner_mark(site.name, cluster_id)} ")
