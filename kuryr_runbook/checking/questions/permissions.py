"""Checks of what Neutron and Octavia support, and of what they permit the user."""

from __future__ import annotations

from collections.abc import Iterable

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    passed,
    readable,
    skipped,
    some,
    warned,
)
from kuryr_runbook.checking.view.permissions import FORBIDDEN, PreflightLook, permitted
from kuryr_runbook.model import support
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases.parts import LISTENER_TIMEOUTS, PROVIDER_CHOICE
from kuryr_runbook.snapshots.cloud.lookup import Named, SeveralError, find
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs import wanted as names
from kuryr_runbook.specs.credentials import missing_roles, wanted_roles
from kuryr_runbook.specs.requirements import needed_extensions
from kuryr_runbook.specs.wanted import Wanted

AMPHORAE = {"amphora", "octavia"}
"""Names of the provider of amphorae; the second is the older one."""


@Check(
    "neutron-extensions",
    "Neutron has the extensions that this site needs",
    "kuryr-kubernetes, controller/drivers/: what its requests use",
    on=(Occasion.PREFLIGHT,),
)
def check_extensions(look: PreflightLook) -> Verdict:
    """Which ones they are depends on the VIF driver and the release."""
    needed, there = needed_extensions(look.site), look.neutron.extensions
    missing = [f"{alias} ({reason})" for alias, reason in needed.items() if alias not in there]
    if missing:
        return failed(
            f"it does not have {'; '.join(missing)}",
            "have the cloud's operators load the plugin or extension driver, or choose another "
            "kuryr.vif_driver",
        )
    return passed(", ".join(needed))


@Check(
    "octavia-api",
    "Octavia's API is new enough",
    "kuryr-kubernetes, controller/drivers/lbaasv2.py: version 2, and what it uses of it",
    on=(Occasion.PREFLIGHT,),
)
def check_octavia_api(look: PreflightLook) -> Verdict:
    """Kuryr needs version 2, and works without the features of later minor versions.

    Phase 02 does not: it sets the timeouts of the API's listener, if the provider has them.
    """
    newest = look.octavia_version
    if newest < (2, 0):
        return failed(
            "it reports no version 2 of its API",
            "Kuryr needs Octavia; neutron-lbaas alone, or an endpoint of another service, is not "
            "enough",
        )
    version = ".".join(map(str, newest))
    if newest < LISTENER_TIMEOUTS.api and look.site.provider.has_timeouts:
        return failed(
            f"version {version} has no {LISTENER_TIMEOUTS.name}, which phase 02 sets for the API",
            f"upgrade Octavia to one with version {LISTENER_TIMEOUTS.since} of its API: Rocky or "
            "later",
        )
    asked = look.site.release.octavia_features
    absent = [str(it) for it in asked if it.api > newest]
    if absent:
        return warned(
            f"version {version}: Kuryr works without {', '.join(absent)}",
            "upgrade Octavia if you need them",
        )
    more = f"; it has {', '.join(it.name for it in asked)}" if asked else ""
    return passed(f"version {version}{more}")


@Check(
    "octavia-providers",
    "Octavia offers a provider that Kuryr can use",
    "kuryr-kubernetes, controller/drivers/lbaasv2.py: octavia_provider",
    on=(Occasion.PREFLIGHT,),
)
def check_providers(look: PreflightLook) -> Verdict:
    """The one that the site chose. If Kuryr does not name it in its requests, Octavia uses its
    default, and the API does not show which that is.
    """
    names, site = readable(look.octavia.providers), look.site
    shown, chosen = ", ".join(names), site.kuryr.octavia_provider
    if not names:
        return failed("it offers none", "have the cloud's operators enable one")
    named = _names_provider(look)
    if chosen in names or (not named and AMPHORAE & set(names)):
        taken = f"Kuryr asks for {chosen}" if named else "Kuryr takes the cloud's default"
        return passed(f"{shown}; {taken}")
    if set(names) == {OctaviaProvider.OVN}:
        return _only_ovn(look)
    if named:
        return failed(
            f"only {shown}, and Kuryr asks for {chosen}",
            f"have the cloud's operators enable {chosen}, or choose another kuryr.octavia_provider",
        )
    return warned(
        f"{shown}: none is an amphora, which Kuryr {site.release.name} was tested with",
        "check that phase 02's load balancer becomes ACTIVE and the acceptance checks pass",
    )


def _names_provider(look: PreflightLook) -> bool:
    release, version = look.site.release, look.octavia_version
    chooses = PROVIDER_CHOICE in release.octavia_features and version >= PROVIDER_CHOICE.api
    return look.site.provider.is_named or chooses


def _only_ovn(look: PreflightLook) -> Verdict:
    """The site is for amphorae: ovn needs another kuryr.conf and other security groups."""
    kuryr, ovn = look.site.kuryr, OctaviaProvider.OVN
    evidence = f"only {ovn}, and kuryr.octavia_provider is {kuryr.octavia_provider}"
    objections = support.provider_objections(look.site.release, kuryr.vif_driver, ovn)
    if objection := next(objections, None):
        return failed(
            f"{evidence}; {objection.evidence}", "have the cloud's operators enable amphorae"
        )
    return failed(evidence, f"set kuryr.octavia_provider to {ovn}")


@Check(
    "port-role",
    "The user may make pods' ports",
    "neutron, policies/port.py: create_port, create_port:binding:host_id",
    on=(Occasion.PREFLIGHT,),
)
def check_port_role(look: PreflightLook) -> Verdict:
    """Probed with impossible ports: what counts is how Neutron refuses them.

    The one without binding:host_id is first, so that a refusal for another reason is not mistaken
    for that.
    """
    neutron, driver = look.neutron, look.site.driver
    plain = readable(neutron.plain_port)
    if not permitted(plain):
        return failed(
            f"not on the nodes' network: {plain.said}; {look.roles}",
            "give the user the role member in the project that owns the network",
        )
    if not driver.sends_binding_host:
        return passed(f"{look.site.kuryr.vif_driver} sets no binding:host_id")
    bound = readable(neutron.bound_port)
    if not permitted(bound):
        return failed(
            f"not with binding:host_id, which {look.site.kuryr.vif_driver} sets: "
            f"{bound.said}; {look.roles}",
            "give the user the role admin in the project, have Neutron's policy permit "
            "create_port:binding:host_id for one of the user's roles, or choose kuryr.vif_driver "
            "nested-vlan, which does not set it",
        )
    return passed(f"also with binding:host_id; {look.roles}")


@Check(
    "load-balancer-role",
    "The user may list and make load balancers",
    "octavia, policies/base.py: load-balancer_member",
    on=(Occasion.PREFLIGHT,),
)
def check_balancer_role(look: PreflightLook) -> Verdict:
    """Probed with an impossible load balancer, since a reader may list but not create them."""
    refusal = readable(look.octavia.new_balancer)
    if refusal.status == FORBIDDEN:
        return failed(
            f"Octavia answered {refusal.status}: {refusal.said}; {look.roles}",
            "give the user the role load-balancer_member, in addition to member, in the project",
        )
    if "vip" not in refusal.said.lower():
        raise CouldNotLook(
            f"Octavia answered {refusal.status} to an impossible load balancer: {refusal.said}"
        )
    balancers = readable(look.cloud.balancers)
    return passed(f"{len(balancers)} are there; {look.roles}")


@Check(
    "credential-roles",
    "Kuryr's application credential gets the roles that it needs",
    "keystone: an application credential has at most its user's roles",
    on=(Occasion.PREFLIGHT,),
)
def check_credential_roles(look: PreflightLook) -> Verdict:
    """The probes use the runbook's login, and an application credential may have fewer roles.

    Nothing can be probed with its roles before it exists, so only their names are checked.
    """
    site, wanted = look.site, wanted_roles(look.site)
    if wanted is None:
        return skipped("Kuryr uses the runbook's login")
    roles, held = ", ".join(wanted), look.login.roles
    if missing := [role for role in wanted if role not in held]:
        return failed(
            f"it should have {roles}, but the user has no {', '.join(missing)}; {look.roles}",
            "an application credential has at most the roles of its user: grant them, or set "
            "kuryr.credential_roles",
        )
    if needed := missing_roles(site, wanted):
        return warned(
            f"{roles}: by the default policies of Neutron and Octavia {site.kuryr.vif_driver} "
            f"also needs {', '.join(needed)}",
            "a cloud with other policies, or where these roles imply those, may be fine: ask its "
            "operators; else add them to kuryr.credential_roles. `kuryr-runbook docs "
            "credentials` says what each is for",
        )
    return passed(roles)


@Check(
    "access-rules",
    "Keystone knows the access rules that Kuryr's application credential gets",
    "keystone: API 3.13 of Train, /users/{user}/access_rules",
    on=(Occasion.PREFLIGHT,),
    moot=lambda site: (
        "" if site.kuryr.credential_access_rules else "the site wants none for Kuryr's credential"
    ),
)
def check_access_rules(look: PreflightLook) -> Verdict:
    """Whether Neutron and Octavia enforce them is tried by phase 03, with the credential."""
    if not readable(look.seen.permissions.has_access_rules):
        return failed(
            "it has no list of them: it is older than Train, or its API than 3.13",
            "leave out kuryr.credential_access_rules, or upgrade Keystone",
        )
    return passed("phase 03 tries whether Neutron and Octavia enforce them")


@Check(
    "has-to-exist",
    "The networks that have to exist in Neutron beforehand are there",
    "the site: external network, nodes' subnet, and what it names by ids",
    on=(Occasion.PREFLIGHT,),
)
def check_existing(look: PreflightLook) -> Verdict:
    """External network and node subnet, and everything that the site names by its id."""
    site, cloud, network = look.site, look.cloud, look.site.network
    external, nodes = names.external_network(site), names.node_subnet(site)
    given = (names.pod_subnet(site), names.service_subnet(site), names.pod_group(site))
    lists = {"subnet": cloud.subnets, "security_group": cloud.groups}
    problems = [
        _absence(look, cloud.networks, external),
        _absence(look, cloud.subnets, nodes),
        _inside(look, external),
        _elsewhere(look, external),
        *(_absence(look, lists[it.kind], it) for it in given if it.given_id),
    ]
    details = [problem for problem in problems if problem]
    if details:
        return failed(
            some(details),
            "correct the site file, or have it created: see `openstack network list --external` "
            "and `openstack subnet list`",
        )
    return passed(
        f"network {network.external_network_id or network.external_network}, subnet "
        f"{network.node_subnet_id or network.node_subnet}"
    )


def _absence(look: PreflightLook, items: Iterable[Named] | Unreadable, wanted: Wanted) -> str:
    """What is wrong with a resource that must exist exactly once; empty if nothing is."""
    try:
        there = find(readable(items), wanted, readable(look.cloud.project_id))
    except SeveralError as several:
        return several.message
    if there is not None:
        return ""
    if wanted.given_id:
        return f"{wanted} ({wanted.key}_id) does not exist"
    return f"{wanted} ({wanted.key}) does not exist, or is not visible"


def _elsewhere(look: PreflightLook, wanted: Wanted) -> str:
    """Why no floating IP can come from the external network's subnet; empty: none is known.

    Neutron does not show such a subnet to ordinary projects.
    """
    subnet_id, project = look.site.network.external_subnet_id, readable(look.cloud.project_id)
    try:
        network = find(readable(look.cloud.networks), wanted, project)
    except SeveralError:
        return ""
    there = next((it for it in readable(look.cloud.subnets) if it.id == subnet_id), None)
    if network is None or there is None or there.network_id == network.id:
        return ""
    return f"subnet {subnet_id} (network.external_subnet_id) is not in {wanted}"


def _inside(look: PreflightLook, wanted: Wanted) -> str:
    """Why the external network is not external: it would have no floating IPs; empty: it is."""
    project = readable(look.cloud.project_id)
    try:
        network = find(readable(look.cloud.networks), wanted, project)
    except SeveralError:
        return ""
    inside = network is not None and not network.external
    return f"{wanted} ({wanted.key}) is not external" if inside else ""
