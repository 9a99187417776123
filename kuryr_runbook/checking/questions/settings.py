"""Has somebody changed a setting so that some packets are lost?

Everything is on and works, but not with the settings of Kuryr or the runbook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.questions.intents import source_ranges
from kuryr_runbook.checking.questions.services import API, balancers
from kuryr_runbook.checking.verdicts import SERVICE_EFFECTS, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.providers import has_timeouts
from kuryr_runbook.snapshots.cloud.resources import Balancer, Listener, Member, Pool
from kuryr_runbook.specs.openstack import API_SILENCE, SHORTEST_WATCH

UNLIMITED = (None, -1)
"""Octavia's value for a listener without a limit of connections."""


@Check(
    "network-settings",
    "Subnets have the router as gateway, the router does SNAT, groups admit responses",
    "Neutron API reference: gateway_ip, enable_snat, stateful",
    on=(Occasion.DIAGNOSIS,),
    depth=Depth.GROUND,
    region=Region.ROUTER,
    faults=(
        Fault("gateway of a subnet changed or removed", "nothing leaves that subnet"),
        Fault("the router's SNAT switched off", "pods cannot reach the internet"),
        Fault("a stateless security group", "requests leave, responses do not arrive"),
    ),
)
def check_network_settings(look: Look) -> Iterator[Cause]:
    """A subnet's gateway has to be its router's address."""
    for subnet in (look.node_subnet, *look.pod_subnets, look.service_subnet):
        leg = look.router_legs.get(subnet.id)
        if leg and subnet.gateway_ip != leg:
            yield Cause(
                status=Status.FAIL,
                evidence=f"subnet {subnet.name} has the gateway {subnet.gateway_ip or 'none'}, and "
                f"router {look.router.name} is at {leg}",
                remedy=f"openstack subnet set --gateway {leg} {subnet.id}; running pods "
                "keep the old one, so delete them",
                victims=(Victim("subnet", subnet.name),),
            )
    gateway = look.router.gateway
    if gateway is not None and gateway.snat is False:
        yield Cause(
            status=Status.WARN,
            evidence=f"router {look.router.name} does no SNAT: without a floating IP, pods get no "
            "answer from outside, unless their own addresses are routed there",
            remedy=f"openstack router set --external-gateway {gateway.network_id} --enable-snat "
            f"{look.router.id}",
            victims=(Victim("subnet", look.pod_subnet.name),),
        )
    yield from _stateless(look)


def _stateless(look: Look) -> Iterator[Cause]:
    used = {group for port in look.workers.values() for group in port.groups}
    used |= {
        group
        for _, vif in look.plugged
        if (port := look.ports.get(vif.port_id)) is not None
        for group in port.groups
    }
    found = [it for it in look.known_groups if it.id in used and it.stateful is False]
    if found:
        yield Cause(
            status=Status.FAIL,
            evidence=f"stateless: {some([it.name for it in found])}",
            remedy=f"openstack security group set --stateful {found[0].id}; Neutron allows that "
            "while no port is in the group: make another one and put the ports there",
            victims=tuple(Victim("security group", it.name) for it in found),
        )


@Check(
    "balancer-settings",
    "Load balancers serve everybody, and use all of their members",
    "Octavia API reference: allowed_cidrs, connection_limit, weight, backup, provider",
    on=(Occasion.DIAGNOSIS,),
    region=Region.SERVICES,
    explains=SERVICE_EFFECTS,
    faults=(
        Fault("a member of weight 0, or a backup", "some pods get no requests"),
        Fault("a listener only for some ranges, or with a limit", "some clients get no answer"),
        Fault("a load balancer whose provider is not the site's", "security groups do not fit"),
    ),
)
def check_balancer_settings(look: Look) -> Iterator[Cause]:
    """Kuryr sets none of these, so somebody else has."""
    limits = source_ranges(look)
    for balancer, victim in balancers(look):
        for problem, remedy in (*_provider(look, balancer), *_settings(look, balancer, limits)):
            yield Cause(
                status=Status.WARN,
                evidence=f"{victim}: {problem}",
                remedy=remedy,
                victims=(victim,),
                own=True,
            )


def _provider(look: Look, balancer: Balancer) -> Iterator[tuple[str, str]]:
    wanted = str(look.site.kuryr.octavia_provider)
    aliases = {wanted, "octavia"} if wanted == "amphora" else {wanted}
    if balancer.provider and balancer.provider not in aliases:
        yield (
            f"its load balancer's provider is {balancer.provider}, the site's is {wanted}",
            "set kuryr.octavia_provider to what the cloud uses, or delete the load balancer: "
            f"openstack loadbalancer delete --cascade {balancer.id}",
        )


def _settings(
    look: Look, balancer: Balancer, limits: Mapping[str, Set[str]]
) -> Iterator[tuple[str, str]]:
    ranges = limits.get(balancer.id, frozenset())
    for listener in look.listeners_of(balancer):
        yield from _of_listener(listener, ranges)
        pool = look.pool(listener)
        if pool is not None:
            for member in look.members(listener) or ():
                yield from _of_member(pool, member)


def _of_listener(listener: Listener, ranges: Set[str]) -> Iterator[tuple[str, str]]:
    command = "openstack loadbalancer listener"
    if listener.allowed_cidrs and {*listener.allowed_cidrs} != ranges:
        yield (
            f"listener {listener.name or listener.id} only admits {some(listener.allowed_cidrs)}",
            f"{command} unset --allowed-cidrs {listener.id}, unless that is intended",
        )
    if listener.connection_limit not in UNLIMITED:
        yield (
            f"listener {listener.name or listener.id} accepts {listener.connection_limit} "
            "connections at once",
            f"{command} unset --connection-limit {listener.id}, unless that is intended",
        )


def _of_member(pool: Pool, member: Member) -> Iterator[tuple[str, str]]:
    called = f"member {member.address}:{member.port}"
    command = "openstack loadbalancer member set"
    if member.weight == 0:
        yield (
            f"{called} has weight 0: it gets no requests",
            f"{command} --weight 1 {pool.id} {member.id}",
        )
    if member.backup:
        yield (
            f"{called} is a backup: it gets requests only if no other member answers",
            f"{command} --disable-backup {pool.id} {member.id}",
        )


@Check(
    "api-timeouts",
    "The API's load balancer allows watches to be silent for as long as the API server does",
    "kube-apiserver, --min-request-timeout; Octavia API reference: timeout_client_data, "
    "timeout_member_data",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    region=Region.SERVICES,
    faults=(
        Fault(
            "a listener of the API that closes silent connections early",
            "clients lose their watches, and notice changes late",
        ),
    ),
)
def check_api_timeouts(look: Look) -> Iterator[Cause]:
    """Octavia's own default is 50 s."""
    listeners = [
        listener
        for balancer, victim in balancers(look)
        if victim == API and has_timeouts(balancer.provider)
        for listener in look.listeners_of(balancer)
    ]
    for listener in listeners:
        if listener.silence is not None and listener.silence < SHORTEST_WATCH:
            yield Cause(
                status=Status.WARN,
                evidence=f"listener {listener.name or listener.id} closes connections of the API "
                f"after {listener.silence / 1000:g} s of silence; watches last "
                f"{SHORTEST_WATCH // 60_000} minutes and longer",
                remedy=f"openstack loadbalancer listener set --timeout-client-data {API_SILENCE} "
                f"--timeout-member-data {API_SILENCE} {listener.id}; phase 02 does so if the "
                "runbook made it",
                victims=(API,),
            )
