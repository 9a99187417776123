"""What Kuryr's credential may do with access rules, on the lab: Kuryr's own requests, no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.credentials import OWN, carry_out, ours, sections

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.controller import Controller, Rotation
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.cloud.credentials import read_credentials
from kuryr_runbook.specs.access_rules import access_rules, known_rules

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("controller_restored")]

RULED = OWN | {"credential_access_rules": True}
REFUSED = 401
Ask = Callable[..., int]


def ruled(kuryr: Site) -> Site:
    return Site.model_validate(sections(kuryr, kuryr=RULED))


@pytest.fixture
def ask(
    kuryr: Site, cloud: OpenStackClient, cluster: KubernetesClient, identity: IdentityClient
) -> Ask:
    """The status of a request with what is in Kuryr's Secret."""

    def status(method: str, service: str, path: str, **body: Any) -> int:
        used = read_credentials(kuryr, identity, cluster).used
        assert used is not None
        login = {"id": used.id, "secret": used.secret}
        method_of = {"methods": ["application_credential"], "application_credential": login}
        connection, send = cloud.session.connection, cloud.session.answer
        body_of_login = {"auth": {"identity": method_of}}
        issued = send(
            "identity",
            "POST /auth/tokens",
            lambda: connection.identity.post(
                "/auth/tokens", json=body_of_login, authenticated=False
            ),
        )
        options = {"json": body} if body else {}
        answer = send(
            service,
            f"{method} {path}",
            lambda: getattr(connection, service).request(
                path,
                method,
                headers={"X-Auth-Token": issued.headers["X-Subject-Token"]},
                authenticated=False,
                raise_exc=False,
                **options,
            ),
        )
        return int(answer.status_code)

    return status


def rules_in_keystone(identity: IdentityClient) -> int:
    known = {(it.service, it.method, it.path) for it in known_rules()}
    found = identity.access_rules() or []
    return sum((it["service"], it["method"], it["path"]) in known for it in found)


def test_the_credential_permits_kuryrs_requests_and_no_others(
    kuryr: Site, cloud: OpenStackClient, identity: IdentityClient, ask: Ask
) -> None:
    site = ruled(kuryr)
    assert carry_out(Controller(site)) == ["create application_credential", "update Deployment"]
    assert carry_out(Controller(site)) == []
    [made] = ours(kuryr, identity)
    assert len(made["access_rules"]) == len(access_rules(site)) == rules_in_keystone(identity)

    project, user = cloud.project_id, identity.token().user_id
    [router, *_] = cloud.list_resources("router")
    [network, *_] = cloud.list_resources("network")
    [subnet, *_] = cloud.list_resources("subnet")
    before = {kind: cloud.list_resources(kind) for kind in ("network", "router", "subnet")}
    outside = [
        ask("GET", "network", "/routers"),
        ask("GET", "network", f"/trunks?tenant_id={project}"),
        ask("POST", "network", "/networks", network={"name": "intruder"}),
        ask("PUT", "network", f"/routers/{router['id']}", router={"name": "intruder"}),
        ask("DELETE", "network", f"/networks/{network['id']}"),
        ask("PUT", "network", f"/subnets/{subnet['id']}", subnet={"name": "intruder"}),
        ask("GET", "load_balancer", "/lbaas/l7policies"),
        ask("GET", "load_balancer", "/lbaas/quotas"),
        ask("DELETE", "load_balancer", f"/lbaas/quotas/{project}"),
        ask("GET", "identity", f"/users/{user}/application_credentials"),
        ask("GET", "identity", f"/users/{user}/access_rules"),
        ask(
            "POST",
            "identity",
            f"/users/{user}/application_credentials",
            application_credential={"name": "intruder"},
        ),
    ]
    assert outside == [REFUSED] * len(outside)
    # It ends as permitted paths do, and is no path of Neutron's.
    assert ask("GET", "network", f"/routers/{router['id']}/ports") == 404
    assert ask("DELETE", "network", f"/routers/{router['id']}/ports/{network['id']}") == 404
    assert {kind: cloud.list_resources(kind) for kind in before} == before
    assert ask("GET", "network", "/ports?limit=1") == 200
    assert ask("GET", "load_balancer", "/lbaas/loadbalancers") == 200

    changes = carry_out(Controller(Site.model_validate(sections(kuryr, kuryr=OWN))))
    assert changes == [
        "create application_credential",
        "update Deployment",
        "delete application_credential",
        "delete access_rules",
    ]
    assert rules_in_keystone(identity) == 0
    assert ask("GET", "network", "/routers") == 200


@pytest.mark.exhaustive
def test_kuryr_passes_every_acceptance_check_and_rotates_within_its_rules(
    kuryr: Site, identity: IdentityClient
) -> None:
    site = ruled(kuryr)
    carry_out(Controller(site))
    [before] = ours(kuryr, identity)
    verification = Verification(site)
    try:
        carry_out(verification)
        assert carry_out(Rotation(site)) == [
            "create application_credential",
            "update Deployment",
            "delete application_credential",
        ]
        verification.check()
    finally:
        verification.remove()
    [after] = ours(kuryr, identity)
    assert after["id"] != before["id"]
    ids = [sorted(rule["id"] for rule in item["access_rules"]) for item in (before, after)]
    assert ids[0] == ids[1]
