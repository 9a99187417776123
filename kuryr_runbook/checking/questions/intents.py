"""What objects ask for and Kuryr does not do: reported before Kuryr is installed, and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from shlex import quote

from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.remedies import about, recreate
from kuryr_runbook.checking.verdicts import CouldNotLook, pod_victim, readable, service_victim, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Verdict, Victim
from kuryr_runbook.model.intents import Intent, Unmet, Wish, unmet
from kuryr_runbook.snapshots.cloud.resources import Listener
from kuryr_runbook.snapshots.cluster.objects import Service

ALWAYS = (Occasion.PREFLIGHT, Occasion.DIAGNOSIS)


def source_ranges(look: Look) -> Mapping[str, frozenset[str]]:
    """The clients that a Service wants to admit alone, by the id of its load balancer."""
    return {
        balancer.id: frozenset(intent.ranges)
        for service, balancer in look.served
        for intent in service.intents
        if intent.wish is Wish.SOURCE_RANGES
    }


@dataclass(frozen=True, slots=True)
class Asker:
    """An object that asks for something."""

    victim: Victim
    intents: tuple[Intent, ...]


def _askers(look: Look) -> Iterator[Asker]:
    for service in look.all_services:
        if service.life.deleted is None:
            yield Asker(service_victim(service), service.intents)
    for pod in look.all_pods:
        if not pod.is_finished and pod.life.deleted is None:
            yield Asker(pod_victim(pod), pod.intents)
    for namespace in readable(look.cluster.namespaces):
        yield Asker(Victim("namespace", namespace.name), namespace.intents)


def _unmet(look: Look, askers: Iterable[Asker]) -> Iterator[Verdict]:
    """One verdict for each wish, with all that have it."""
    found: dict[tuple[Wish, Unmet], list[tuple[Asker, Intent]]] = defaultdict(list)
    for asker in askers:
        for intent in asker.intents:
            if (what := unmet(look.site, intent)) is not None and not _is_met(look, asker, intent):
                found[intent.wish, what].append((asker, intent))
    for (wish, what), those in found.items():
        details = [f"{asker.victim} ({intent.value})" for asker, intent in those]
        yield Verdict(
            status=what.status,
            evidence=f"{wish}: {what.reason}: {some(details)}",
            remedy=_remedy(look, *those[0], what),
            victims=tuple(asker.victim for asker, _ in those),
        )


def _remedy(look: Look, asker: Asker, intent: Intent, what: Unmet) -> str:
    """With the commands for its load balancer, if it has one that can do what is asked for."""
    commands = "; ".join(_by_hand(look, asker, intent))
    return about("; or ".join(filter(None, (commands, what.remedy))), asker.victim)


def _by_hand(look: Look, asker: Asker, intent: Intent) -> Iterator[str]:
    for listener in _listeners(look, asker):
        pool = look.pool(listener)
        if intent.wish is Wish.SOURCE_RANGES:
            limits = " ".join(f"--allowed-cidr {quote(it)}" for it in intent.ranges)
            yield f"openstack loadbalancer listener set {limits} {listener.id}"
        elif intent.wish is Wish.AFFINITY and pool is not None:
            persistence = "--session-persistence type=SOURCE_IP"
            yield f"openstack loadbalancer pool set {persistence} {pool.id}"


def _is_met(look: Look, asker: Asker, intent: Intent) -> bool:
    """Whether somebody did by hand what Kuryr does not do."""
    listeners = _listeners(look, asker)
    if intent.wish is Wish.SOURCE_RANGES:
        ranges = {*intent.ranges}
        return bool(listeners) and all({*it.allowed_cidrs} == ranges for it in listeners)
    if intent.wish is Wish.AFFINITY:
        pools = [look.pool(it) for it in listeners]
        return bool(pools) and all(it is not None and it.persistence for it in pools)
    return False


def _listeners(look: Look, asker: Asker) -> list[Listener]:
    """Those of a Service's load balancer; none before Kuryr is there, or if that was not read."""
    if look.is_ahead or asker.victim.kind != "service":
        return []
    try:
        balancers = {service_victim(it): balancer for it, balancer in look.served}
        found = balancers.get(asker.victim)
        return [*look.listeners_of(found)] if found else []
    except CouldNotLook:
        return []


@Check(
    "intent-unmet",
    "Services, pods and namespaces ask for nothing that Kuryr does not do",
    "kuryr-kubernetes, all of its sources from 1.0.1 to 10.0.0: nothing reads these fields",
    on=ALWAYS,
    region=Region.SERVICES,
    faults=(
        Fault(
            "`loadBalancerSourceRanges`, which no release reads",
            "nothing, until somebody abuses it",
            "`intent-unmet`, a failure, also in preflight",
        ),
        Fault(
            "session affinity, external IPs, traffic policies, a second IP family, a load balancer "
            "class, timeouts before Xena; a pod's hostPort, further networks, bandwidth; "
            "a namespace's `kuryr-project`",
            "it does not work as specified",
            "`intent-unmet`, also in preflight",
        ),
    ),
)
def check_intents(look: Look) -> Iterator[Verdict]:
    """A failure for something open that should be closed, else a warning."""
    yield from _unmet(look, _askers(look))


@Check(
    "policy-unenforced",
    "There are no unenforced network policies",
    "kuryr-kubernetes, setup.cfg: network policies need handlers of their own, which may be off; "
    "controller/drivers/network_policy.py: what they do with one",
    on=ALWAYS,
    region=Region.GUARDS,
    faults=(
        Fault(
            "a NetworkPolicy, while nothing enforces any; or one with several exceptions in an "
            "ipBlock",
            "nothing, until somebody abuses it",
            "`policy-unenforced`, also in preflight",
        ),
        Fault(
            "a NetworkPolicy with `endPort`",
            "its other ports are closed",
            "`policy-unenforced`, a warning, also in preflight",
        ),
    ),
)
def check_policies(look: Look) -> Iterator[Verdict]:
    """It looks closed, and is open."""
    policies = (
        Asker(Victim("NetworkPolicy", it.name, it.namespace), it.intents)
        for it in readable(look.cluster.policies)
    )
    yield from _unmet(look, policies)


@Check(
    "wanted-address",
    "Services announce the floating IP that they ask for",
    "kuryr-kubernetes, controller/drivers/lb_public_ip.py: spec.loadBalancerIP names one that the "
    "project has and nothing uses",
    faults=(
        Fault(
            "`loadBalancerIP` differs from the announced address",
            "clients that use it get no answer",
        ),
    ),
)
def check_wanted(look: Look) -> Iterator[Verdict]:
    """Otherwise clients that use the specified one get no answer."""
    for service in look.services:
        wanted = _wanted(service.intents)
        if wanted and service.ingress != wanted and look.is_old(service.life.made):
            yield Verdict(
                status=Status.FAIL,
                evidence=f"{service} asks for {wanted}, and announces "
                f"{service.ingress or 'none'}{_whereabouts(look, wanted)}",
                remedy=_providing(look, service, wanted),
                victims=(service_victim(service),),
            )


def _providing(look: Look, service: Service, address: str) -> str:
    """Kuryr looks for the address when it makes the load balancer, and never later."""
    found = next((it for it in look.floating_ips if it.address == address), None)
    network = quote(look.site.network.external_network)
    if found is None:
        first = f"openstack floating ip create --floating-ip-address {address} {network}; "
    else:
        first = f"openstack floating ip unset --port {found.id}; " if found.port_id else ""
    return f"{first}then create the Service again: {recreate(service)}"


def _wanted(intents: Iterable[Intent]) -> str:
    return next((it.value for it in intents if it.wish is Wish.WANTED_ADDRESS), "")


def _whereabouts(look: Look, address: str) -> str:
    found = next((it for it in look.floating_ips if it.address == address), None)
    if found is None:
        return f"; the project has no floating IP {address}"
    return f"; {address} is on port {found.port_id}" if found.port_id else ""
