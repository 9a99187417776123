"""Users, roles and catalog of the lab's cloud, as a cloud's operator would set them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kuryr_runbook.lab.openstack import configuration
from kuryr_runbook.lab.openstack.configuration import CATALOG, KURYR_ROLE, SERVICE_PROJECT
from kuryr_runbook.lab.openstack.passwords import Passwords
from kuryr_runbook.lab.settings import PROJECT, REGION

if TYPE_CHECKING:
    from openstack.connection import Connection

ROLES = (
    "load-balancer_admin",
    "load-balancer_global_observer",
    "load-balancer_member",
    "load-balancer_observer",
    "load-balancer_quota_admin",
    KURYR_ROLE,
)
"""Roles in addition to those that Keystone's own bootstrap makes."""
DOMAIN_ID = "default"
"""Id of the only domain, which Keystone's bootstrap makes."""
INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class User:
    """A user with its roles on one project."""

    name: str
    project: str
    roles: tuple[str, ...]


USERS = (
    User("neutron", SERVICE_PROJECT, ("admin", "service")),
    User("octavia", SERVICE_PROJECT, ("admin", "service")),
    # Admin on its project, as in the original: only admins may set or see binding:host_id.
    User("k8s", PROJECT, ("admin", "member", "load-balancer_member")),
    # The alternative of the original's author: no admin, but policies with a role for Kuryr.
    User("kuryr", PROJECT, ("member", KURYR_ROLE)),
    User("member", PROJECT, ("member",)),
    User("lbmember", PROJECT, ("member", "load-balancer_member")),
)


def bootstrap(admin: Connection, passwords: Passwords) -> None:
    """Create what is missing, as `admin`; if everything is there, this only takes list calls."""
    identity: Any = admin.identity
    roles = _by_name(identity.roles())
    for name in ROLES:
        if name not in roles:
            roles[name] = identity.create_role(name=name)
    projects = _by_name(identity.projects())
    for name in (SERVICE_PROJECT, PROJECT):
        if name not in projects:
            projects[name] = identity.create_project(name=name, domain_id=DOMAIN_ID)
    users = _by_name(identity.users())
    for user in USERS:
        if user.name not in users:
            users[user.name] = identity.create_user(
                name=user.name, password=getattr(passwords, user.name), domain_id=DOMAIN_ID
            )
    assigned = {
        (a.user["id"], a.scope.get("project", {}).get("id"), a.role["id"])
        for a in identity.role_assignments()
        if a.user
    }
    for user in USERS:
        for role in user.roles:
            wanted = (users[user.name].id, projects[user.project].id, roles[role].id)
            if wanted not in assigned:
                identity.assign_project_role_to_user(wanted[1], wanted[0], wanted[2])
    _ensure_catalog(identity)


def _ensure_catalog(identity: Any) -> None:
    services = _by_name(identity.services())
    endpoints = {(e.service_id, e.interface, e.url) for e in identity.endpoints()}
    for name, kind in CATALOG.items():
        if name not in services:
            services[name] = identity.create_service(name=name, type=kind)
        for interface in INTERFACES:
            if (services[name].id, interface, configuration.url(name)) not in endpoints:
                identity.create_endpoint(
                    service_id=services[name].id,
                    interface=interface,
                    region_id=REGION,
                    url=configuration.url(name),
                )


def _by_name(found: Any) -> dict[str, Any]:
    return {resource.name: resource for resource in found}
