"""Does every load balancer have the listeners, and every pool the members, of its Service?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.questions.services import FROM_HANDLER, balancers
from kuryr_runbook.checking.remedies import rebuild, restart_controller, see_log
from kuryr_runbook.checking.verdicts import SHOWN, service_victim, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.services import ServicePort
from kuryr_runbook.snapshots.cloud.resources import Balancer, Listener, Member
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
                details = f"{service}: no {what} for {port.protocol} {port.port}"
                lost.append((service, balancer, details))
    if lost:
        yield Cause(
            status=Status.FAIL,
            evidence=some([details for _, _, details in lost]),
            remedy=_catching_up(look, *lost[0][:2]),
            victims=tuple(dict.fromkeys(service_victim(service) for service, _, _ in lost)),
            own=True,
        )


def _catching_up(look: Look, service: Service, balancer: Balancer) -> str:
    """How Kuryr makes what a Service lacks: it missed a change, or others deleted it."""
    if _left(look, service, balancer):
        return f"{restart_controller(look)}; it missed that the ports changed"
    return f"{rebuild(look, service)}; Kuryr then makes it again; if it does not: {see_log(look)}"


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
        for listener in _left(look, service, balancer):
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


def _left(look: Look, service: Service, balancer: Balancer) -> list[Listener]:
    """The listeners for ports that the Service does not have."""
    wanted = {
        listener.id
        for port in service.ports
        if (listener := look.listener(balancer, port.protocol, port.port)) is not None
    }
    return [it for it in look.listeners_of(balancer) if it.id not in wanted]


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
            if listener is None or members is None:
                continue
            found = _difference(look, service, port, members)
            if found.missing or found.strange:
                pool = look.pool(listener)
                remedy = found.remedy(pool.id if pool else "", rebuild(look, service))
                differing.append((service, f"{service} {port.port}: {found}", remedy))
    if differing:
        yield Cause(
            status=Status.FAIL,
            evidence=some([details for _, details, _ in differing]),
            remedy=f"{differing[0][2]}; if they differ again: {see_log(look)}",
            victims=tuple(dict.fromkeys(service_victim(service) for service, _, _ in differing)),
        )


@dataclass(frozen=True, slots=True)
class _Difference:
    """How the members of a pool differ from a Service's backends."""

    missing: tuple[str, ...]
    """Addresses with their ports."""
    strange: tuple[Member, ...]

    def remedy(self, pool: str, rebuild: str) -> str:
        """Kuryr adds what it does not know of, and never removes what it has not made."""
        delete = f"openstack loadbalancer member delete {pool}"
        gone = [f"{delete} {it.id}" for it in self.strange[:SHOWN]]
        return "; ".join([*gone, *([rebuild] if self.missing else [])])

    def __str__(self) -> str:
        missing = [f"{it} is missing" for it in self.missing]
        strange = [f"{it.address}:{it.port or 0} is not a backend" for it in self.strange]
        left = missing[2:] + strange[2:]
        return ", ".join([*missing[:2], *strange[:2], *([f"and {len(left)} more"] if left else [])])


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
) -> _Difference:
    """Which members are missing and which are too many."""
    wanted = {(it.address, it.port) for it in look.backends_of(service, port)}
    have = {(it.address, it.port or 0): it for it in members}
    young, leaving = look.young_addresses, look.leaving_addresses
    missing = sorted(key for key in wanted - have.keys() if key[0] not in young)
    strange = sorted(key for key in have.keys() - wanted if key[0] not in leaving)
    return _Difference(
        tuple(f"{ip}:{to}" for ip, to in missing), tuple(have[key] for key in strange)
    )
