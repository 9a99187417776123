"""Does every load balancer have the listeners, and every pool the members, of its Service?"""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.questions.services import FROM_HANDLER, SEE_LOG, balancers
from kuryr_runbook.checking.verdicts import service_victim, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.snapshots.cloud.resources import Balancer, Member
from kuryr_runbook.snapshots.cluster.objects import Service


@Check(
    "listener-missing",
    "Every port of a Service has a listener with a pool",
    "kuryr-kubernetes, controller/drivers/lbaasv2.py; a protocol that Octavia refuses is skipped",
    explains={"members-differ", "member-state", "listener-left"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("listener or pool deleted", "one port does not answer"),),
)
def check_listeners(look: Look) -> Iterator[Cause]:
    """Load balancers that are changing are skipped."""
    lost = []
    for service, balancer in _settled(look):
        for port in service.ports:
            listener = look.listener(balancer, port.protocol, port.port)
            if not look.backends_of(service, port):
                continue
            if listener is None or look.members(listener) is None:
                what = "listener" if listener is None else "pool"
                lost.append((service, f"{service}: no {what} for {port.protocol} {port.port}"))
    if lost:
        yield Cause(
            status=Status.FAIL,
            evidence=some([details for _, details in lost]),
            remedy=f"{SEE_LOG}; Kuryr tries again when the endpoints change: kubectl rollout "
            "restart of the workload",
            victims=tuple(dict.fromkeys(service_victim(service) for service, _ in lost)),
            own=True,
        )


@Check(
    "listener-left",
    "Every listener is for a port of its Service",
    "kuryr-kubernetes, controller/handlers/lbaas.py, loadbalancer.py: it removes those of ports "
    "that are gone, while it runs",
    faults=(Fault("listener of a port that the Service has no more", "the port still answers"),),
)
def check_left(look: Look) -> Iterator[Cause]:
    """What a Service does not offer any more is still open to all who know its address."""
    for service, balancer in _settled(look):
        wanted = {
            listener.id
            for port in service.ports
            if (listener := look.listener(balancer, port.protocol, port.port)) is not None
        }
        for listener in look.listeners_of(balancer):
            if listener.id not in wanted:
                pool = look.pool(listener)
                first = f"openstack loadbalancer pool delete {pool.id}; " if pool else ""
                yield Cause(
                    status=Status.WARN,
                    evidence=f"{service} has no port {listener.protocol} {listener.port}, and "
                    f"listener {listener.name or listener.id} is there",
                    remedy=f"{first}openstack loadbalancer listener delete {listener.id}",
                    victims=(service_victim(service),),
                    own=True,
                )


@Check(
    "members-differ",
    "The members of every pool are the Service's ready backends",
    f"{FROM_HANDLER}: a member for each address of the endpoints",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "member deleted, or one too many",
            "some pods get no requests, or some requests get no answer",
        ),
    ),
)
def check_members(look: Look) -> Iterator[Cause]:
    """A missing one gets no requests; one too many swallows its share of them."""
    differing = []
    for service, balancer in _settled(look):
        for port in service.ports:
            listener = look.listener(balancer, port.protocol, port.port)
            members = look.members(listener) if listener else None
            if members is not None and (details := _difference(look, service, port, members)):
                differing.append((service, f"{service} {port.port}: {details}"))
    if differing:
        yield Cause(
            status=Status.FAIL,
            evidence=some([details for _, details in differing]),
            remedy=f"{SEE_LOG}; Kuryr tries again when the endpoints change: kubectl rollout "
            "restart of the workload",
            victims=tuple(dict.fromkeys(service_victim(service) for service, _ in differing)),
        )


@Check(
    "member-state",
    "No member of a pool is in ERROR",
    "octavia: operating_status; NO_MONITOR is what members of Kuryr's pools have",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("member in ERROR", "some requests get no answer"),),
)
def check_member_states(look: Look) -> Iterator[Cause]:
    """For the load balancers of Services and of the API."""
    bad = [
        (victim, member)
        for balancer, victim in balancers(look)
        for listener in look.listeners_of(balancer)
        for member in look.members(listener) or ()
        if "ERROR" in (member.operating, member.provisioning)
    ]
    if bad:
        details = [f"{victim}: {it.name or 'member'} {it.address}:{it.port}" for victim, it in bad]
        yield Cause(
            status=Status.WARN,
            evidence=some(details),
            remedy="check whether something answers there; `service-subnet-rule` and `api-rule` "
            "report a missing rule",
            victims=tuple(dict.fromkeys(victim for victim, _ in bad)),
        )


def _settled(look: Look) -> Iterator[tuple[Service, Balancer]]:
    """Services and their load balancers, except those that are changing."""
    for service, balancer in look.served:
        if balancer.provisioning == "ACTIVE" and look.is_old(service.life.made):
            yield service, balancer


def _difference(
    look: Look, service: Service, port: ServicePort, members: tuple[Member, ...]
) -> str:
    """Which members are missing and which are too many; empty if none are."""
    wanted = {(it.address, it.port): it.pod for it in look.backends_of(service, port)}
    have = {(it.address, it.port or 0): it.name for it in members}
    young = look.young_addresses
    missing = [
        f"{ip}:{to} is missing" for ip, to in sorted(wanted.keys() - have.keys()) if ip not in young
    ]
    leaving = look.leaving_addresses
    strange = [
        f"{ip}:{to} is not a backend"
        for ip, to in sorted(have.keys() - wanted.keys())
        if ip not in leaving
    ]
    return ", ".join([*missing[:2], *strange[:2], *_more(missing[2:] + strange[2:])])


def _more(left: list[str]) -> list[str]:
    return [f"and {len(left)} more"] if left else []
