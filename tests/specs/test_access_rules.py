"""What Kuryr's application credential permits: all that Kuryr requests, and little else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.access_rules import permits
from worlds.sites import lab_site

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.access_rules import (
    TRIALS,
    AccessRule,
    Trial,
    access_rules,
    known_rules,
    objection,
)

NETWORK, BALANCER = "network", "load-balancer"
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def site(release: str, driver: VifDriver = VifDriver.NESTED_MACVLAN, **kuryr: object) -> Site:
    own = {"credentials": "application_credential", "credential_access_rules": True}
    if RELEASES[release].needs_resource_tags:
        own |= {"resource_tags": ("lab",)}
    found = lab_site()
    section = found.kuryr.model_dump() | own | {"release": release, "vif_driver": driver} | kuryr
    return Site.model_validate(found.model_dump() | {"kuryr": section})


EVERY_SITE = [site(release, driver) for release in RELEASES for driver in VifDriver]
SITES = st.sampled_from(EVERY_SITE)
IDS = st.uuids().map(str)
PREFIXES = st.sampled_from(["/v2.0", "/networking/v2.0", "/v2", "/load-balancer/v2.0"])

# Seen of a controller of Stein on the lab, within these rules: nested-macvlan, a Service with a
# floating IP, all of it made and removed.
SEEN_OF_STEIN = (
    (NETWORK, "GET /ports", "POST /ports", "PUT /ports/{}", "DELETE /ports/{}", "GET /networks/{}",
     "GET /subnets/{}", "GET /quotas/{}", "GET /security-groups", "GET /floatingips",
     "POST /floatingips", "PUT /floatingips/{}", "DELETE /floatingips/{}"),
    (BALANCER, "GET /lbaas/loadbalancers/{}", "POST /loadbalancers", "POST /listeners",
     "POST /pools", "POST /pools/{}/members", "DELETE /lbaas/loadbalancers/{}"),
)  # fmt: skip
# What else is in the code of both.
READ = (
    (NETWORK, "GET /ports/{}", "GET /floatingips/{}", "GET /security-group-rules",
     "POST /security-group-rules", "DELETE /security-group-rules/{}", "PUT /ports/{}/tags"),
    (BALANCER, "GET /lbaas/loadbalancers", "GET /lbaas/listeners", "GET /lbaas/pools",
     "GET /lbaas/pools/{}/members", "DELETE /lbaas/listeners/{}", "DELETE /lbaas/pools/{}",
     "DELETE /lbaas/pools/{}/members/{}"),
)  # fmt: skip
READ_OF_CARACAL = (
    (NETWORK, "GET /ports", "POST /ports", "PUT /ports/{}", "DELETE /ports/{}", "GET /networks/{}",
     "GET /subnets", "GET /subnets/{}", "GET /quotas/{}/details", "GET /extensions",
     "GET /extensions/tag-ports-during-bulk-creation", "GET /floatingips", "POST /floatingips",
     "PUT /floatingips/{}", "DELETE /floatingips/{}", "PUT /floatingips/{}/tags"),
    (BALANCER, "GET /lbaas/loadbalancers/{}", "POST /lbaas/loadbalancers", "POST /lbaas/listeners",
     "PUT /lbaas/listeners/{}", "POST /lbaas/pools", "POST /lbaas/pools/{}/members",
     "PUT /lbaas/pools/{}/members/{}", "DELETE /lbaas/loadbalancers/{}"),
)  # fmt: skip
REQUESTED = {
    "stein": (*SEEN_OF_STEIN, *READ),
    "2024.1": (*READ_OF_CARACAL, *READ),
}
RULES = {release: access_rules(site(release)) for release in REQUESTED}
CASES = [
    (release, service, *line.split())
    for release, services in REQUESTED.items()
    for service, *lines in services
    for line in lines
]


@given(st.sampled_from(CASES), PREFIXES, IDS, IDS)
def test_what_kuryr_requests_is_permitted(
    case: tuple[str, str, str, str], prefix: str, first: str, second: str
) -> None:
    release, service, method, path = case
    rules = RULES[release]
    assert permits(rules, service, method, prefix + path.format(first, second))


OTHERS = {
    NETWORK: (
        "routers", "trunks", "rbac-policies", "address-groups", "agents", "availability_zones",
        "subnetpools", "qos/policies", "segments", "flavors", "log/logs",
        "network-ip-availability", "service-providers", "auto-allocated-topology",
    ),
    BALANCER: (
        "lbaas/l7policies", "lbaas/healthmonitors", "lbaas/quotas", "lbaas/providers",
        "lbaas/flavors", "lbaas/flavorprofiles", "lbaas/availabilityzones", "octavia/amphorae",
    ),
    "identity": ("users", "projects", "credentials", "auth/tokens", "role_assignments"),
    "compute": ("servers", "os-keypairs"),
}  # fmt: skip
"""Collections that Kuryr does not use, by service."""


@given(
    SITES.filter(lambda it: not it.driver.needs_trunks),
    st.sampled_from([(kind, name) for kind, names in OTHERS.items() for name in names]),
    st.sampled_from(METHODS),
    PREFIXES,
    st.sampled_from(["", "/{}", "/{}/rules", "/{}/ports", "/{}/action", "/{}/tags", "/"]),
    IDS,
)
def test_other_resources_are_outside(
    wanted: Site, resource: tuple[str, str], method: str, prefix: str, below: str, id_: str
) -> None:
    service, name = resource
    path = f"{prefix}/{name}{below.format(id_)}"
    # What ends like the list of ports is no resource of Neutron's, which answers 404.
    assert not permits(access_rules(wanted), service, method, path) or below == "/{}/ports"


@given(SITES, st.sampled_from(["networks", "subnets", "security-groups"]), IDS, PREFIXES)
def test_the_clusters_own_networks_can_only_be_read(
    wanted: Site, collection: str, id_: str, prefix: str
) -> None:
    rules = access_rules(wanted)
    for method in {*METHODS} - {"GET"}:
        if collection == "security-groups" and method in ("POST", "DELETE"):
            continue
        assert not permits(rules, NETWORK, method, f"{prefix}/{collection}/{id_}")
        assert not permits(rules, NETWORK, method, f"{prefix}/{collection}")


@given(SITES, IDS)
def test_trunks_are_for_nested_vlan_alone(wanted: Site, id_: str) -> None:
    rules = access_rules(wanted)
    path = f"/v2.0/trunks/{id_}/add_subports"
    assert permits(rules, NETWORK, "PUT", path) == wanted.driver.needs_trunks
    assert not permits(rules, NETWORK, "DELETE", f"/v2.0/trunks/{id_}")


@given(SITES)
def test_the_rules_are_ones_that_keystone_takes(wanted: Site) -> None:
    rules = access_rules(wanted)
    assert len(set(rules)) == len(rules) > 30
    assert set(rules) <= known_rules()
    for rule in rules:
        assert rule.method in METHODS
        assert rule.path.startswith("/**")
        # Keystone's column has 128 characters.
        assert len(rule.path) <= 128


def test_a_site_has_none_by_default() -> None:
    assert access_rules(lab_site()) == ()


@given(SITES)
def test_a_trial_is_inside_and_outside_of_every_sites_rules(wanted: Site) -> None:
    rules = access_rules(wanted)
    for trial in TRIALS:
        service = trial.service.replace("_", "-")
        inside, outside = (it.partition("?")[0] for it in (trial.inside, trial.outside))
        assert permits(rules, service, "GET", f"/v2.0{inside}")
        assert not permits(rules, service, "GET", f"/v2.0{outside}")


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        (200, 401, ()),
        (401, 401, ("refuses GET", "which they permit", "set service_type = ")),
        (403, 401, ("answers 403", "credential_roles")),
        (200, 200, ("answers 200", "does not enforce them", "keystonemiddleware")),
        (200, 403, ("answers 403", "does not enforce them")),
    ],
)
def test_what_a_trial_shows(
    trial: Trial, inside: int, outside: int, words: tuple[str, ...]
) -> None:
    found = objection(trial, {trial.inside: inside, trial.outside: outside})
    said = f"{found.text} -> {found.way_out}" if found else ""
    assert bool(said) == bool(words)
    assert all(word in said for word in words)


def rule(path: str) -> Iterable[AccessRule]:
    return [AccessRule(NETWORK, path, "GET")]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/**/ports", "/v2.0/ports", True),
        ("/**/ports", "/a/b/v2.0/ports", True),
        ("/**/ports", "/ports", False),
        ("/**/ports", "/v2.0/ports/1", False),
        ("/**/ports/*", "/v2.0/ports/1", True),
        ("/**/ports/*", "/v2.0/ports/1/2", False),
        ("/**/ports/*", "/v2.0/ports/", False),
        ("/**v2.0/", "/v2.0/", True),
        ("/**v2.0/", "/v2.0/routers/", False),
    ],
)
def test_how_keystonemiddleware_compares_paths(pattern: str, path: str, *, expected: bool) -> None:
    assert permits(rule(pattern), NETWORK, "GET", path) is expected
