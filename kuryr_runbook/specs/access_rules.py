"""Access rules of Keystone: the requests that Kuryr's application credential permits.

Each service enforces them itself (keystonemiddleware), if its `[keystone_authtoken]` has the
service's type. No API shows whether it does, so it is tried with a new credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from kuryr_runbook.model.releases import RELEASES, requests
from kuryr_runbook.model.releases.parts import CloudRequest
from kuryr_runbook.model.site import Site

ANYTHING = "/**"
"""How each path begins: a service may be at a port of its own, or behind a proxy at a path. In a
rule `**` is any text, `*` is one segment."""


@dataclass(frozen=True, slots=True, order=True)
class AccessRule:
    """A request that is permitted."""

    service: str
    """Its type in Keystone's catalogue."""
    path: str
    method: str

    def __str__(self) -> str:
        return f"{self.service}: {self.method} {self.path}"

    @property
    def body(self) -> dict[str, str]:
        """As in requests to Keystone."""
        return {"service": self.service, "method": self.method, "path": self.path}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Two lists of a service that show whether it enforces the rules."""

    service: str
    """As in `clients/openstack/session`."""
    name: str
    inside: str
    """Path that the rules permit to GET."""
    outside: str
    """Path that they do not."""
    configured: str
    """What its operators have to set."""


TRIALS = (
    Trial(
        service="network",
        name="Neutron",
        inside="/ports?limit=1",
        outside="/routers?limit=1",
        configured=f"service_type = {requests.NEUTRON} in [keystone_authtoken] of neutron.conf",
    ),
    Trial(
        service="load_balancer",
        name="Octavia",
        inside="/lbaas/loadbalancers?limit=1",
        outside="/lbaas/l7policies?limit=1",
        configured=f"service_type = {requests.OCTAVIA} in [keystone_authtoken] of octavia.conf",
    ),
)

REFUSED = 401
"""How a service answers requests outside of the rules."""
OK = range(200, 300)


def access_rules(site: Site) -> tuple[AccessRule, ...]:
    """What the site's Kuryr needs, in order; none: the credential permits all that its roles do."""
    if not site.kuryr.credential_access_rules:
        return ()
    trunks = requests.TRUNKS if site.driver.needs_trunks else ()
    extensions = (request for it in site.extensions for request in it.cloud_requests)
    return tuple(sorted(_rules((*site.release.cloud_requests, *trunks, *extensions))))


@cache
def known_rules() -> frozenset[AccessRule]:
    """The rules of any site.

    Keystone keeps a user's rules when their credential is deleted, and a rule has neither name nor
    description: so those of this form count as the runbook's.
    """
    return _rules(
        request
        for release in RELEASES.values()
        for request in (
            *release.cloud_requests,
            *requests.TRUNKS,
            *(it for extension in release.extensions for it in extension.cloud_requests),
        )
    )


def _rules(wanted: Iterable[CloudRequest]) -> frozenset[AccessRule]:
    return frozenset(
        AccessRule(request.service, f"{ANYTHING}{request.path}", method)
        for request in wanted
        for method in request.methods
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What a trial has shown."""

    text: str
    way_out: str


def objection(trial: Trial, statuses: Mapping[str, int]) -> Objection | None:
    """Why a service is no place for a credential with access rules; None: it enforces them.

    `statuses` are its answers to GET, by path.
    """
    inside, outside = statuses[trial.inside], statuses[trial.outside]
    if inside == REFUSED:
        return Objection(
            text=f"{trial.name} refuses GET {trial.inside} ({inside}), which they permit",
            way_out=f"have the cloud's operators set {trial.configured}",
        )
    if inside not in OK:
        return Objection(
            text=f"{trial.name} answers {inside} to GET {trial.inside}, which they permit",
            way_out="check the credential's roles (kuryr.credential_roles)",
        )
    if outside != REFUSED:
        return Objection(
            text=f"{trial.name} answers {outside} to GET {trial.outside}, which they do not "
            "permit: it does not enforce them",
            way_out="have the cloud's operators look which middleware checks its tokens "
            f"(keystonemiddleware 7.0 of Train or later, with {trial.configured})",
        )
    return None
