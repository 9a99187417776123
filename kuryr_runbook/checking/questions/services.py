"""Does every Service that Kuryr serves have a load balancer that fits it?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.fixes import certain, reconnect
from kuryr_runbook.checking.remedies import about, rebuild, replace_balancer, see_log
from kuryr_runbook.checking.verdicts import (
    SERVICE_EFFECTS,
    passed,
    phase,
    service_victim,
    some,
    warned,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.addressing import api_service_address
from kuryr_runbook.model.findings import Status, Verdict, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.support import service_objections
from kuryr_runbook.snapshots.cloud.resources import Balancer
from kuryr_runbook.snapshots.cluster.objects import Service

API = Victim("service", "kubernetes", "default")
FROM_HANDLER = "kuryr-kubernetes, controller/handlers/lbaas.py, loadbalancer.py"
SEE_WORKER = "check Octavia's worker log: amphora image, flavor, quota, management network"


@Check(
    "service-unsupported",
    "Kuryr makes a load balancer for every Service with an address",
    f"{FROM_HANDLER}: what it ignores",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    faults=(Fault("type NodePort; without selector up to Ussuri", "the service does not answer"),),
)
def check_kinds(look: Look) -> Iterator[Verdict]:
    """Nothing answers at the address of a Service that Kuryr ignores: there is no kube-proxy.

    Headless Services are left out, since they need none.
    """
    release, version = look.site.release, look.octavia_version
    with_address = [it for it in look.all_services if it.cluster_ip and it.life.deleted is None]
    by_reason: dict[tuple[str, str], list[Service]] = defaultdict(list)
    for service in with_address:
        for objection in service_objections(release, service, version):
            by_reason[objection.evidence, objection.remedy].append(service)
    for (reason, remedy), services in by_reason.items():
        names = some([service.place for service in services])
        victims = tuple(map(service_victim, services))
        yield warned(f"{reason} ({names})", about(remedy, victims[0]), *victims)
    yield passed(f"{len(with_address)}, besides default/kubernetes, which phase 02 serves")


@Check(
    "balancer-twice",
    "No Service has two load balancers",
    "cloud-provider-openstack names its own kube_service_<cluster>_<namespace>_<service>",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "second load balancer, by the cloud's service controller or by hand",
            "two external addresses, double costs",
        ),
    ),
)
def check_twice(look: Look) -> Iterator[Cause]:
    """A second one may be from the cloud's service controller; it costs, and confuses people."""
    theirs = [it for it in look.balancers if it.name.startswith("kube_service_")]
    if theirs:
        yield Cause(
            status=Status.WARN,
            evidence=f"the cloud's service controller made {some([it.name for it in theirs])}",
            remedy="switch it off: --controllers=*,-service (from Kubernetes 1.28 on "
            "*,-service-lb-controller), or enabled=false in [LoadBalancer] of its cloud.conf; then "
            f"openstack loadbalancer delete --cascade {theirs[0].id}",
            victims=tuple(Victim("load balancer", it.name) for it in theirs),
        )
    doubles = {
        it: found
        for it in look.all_services
        if len(found := look.balancers_named.get(it.place, ())) > 1
    }
    if doubles:
        details = [
            f"{it.place}: {', '.join(lb.id for lb in found)}" for it, found in doubles.items()
        ]
        yield Cause(
            status=Status.FAIL,
            evidence=some(details),
            remedy=f"{_surplus(look, doubles)}: its VIP is not the Service's ClusterIP",
            victims=tuple(map(service_victim, doubles)),
            explains={"balancer-address"},
            own=True,
        )


@Check(
    "balancer-missing",
    "Every Service with backends has its load balancer",
    FROM_HANDLER,
    explains={"external-address"},
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "no load balancer",
            "the service does not answer",
            "a cause above, else `balancer-missing`",
        ),
    ),
)
def check_missing(look: Look) -> Iterator[Cause]:
    """Kuryr starts when the Service has a ready backend."""
    lost = [
        service
        for service in look.services
        if look.balancer(service) is None
        and look.is_old(service.life.made)
        and look.backends(service)
    ]
    if lost:
        details = [_with_warning(look, service) for service in lost]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{len(lost)} of {len(look.services)} have none: {some(details)}",
            remedy=f"{rebuild(look, lost[0])}; Kuryr then makes it again; if it never could, "
            f"{see_log(look)}: a 403 means that its user needs the role load-balancer_member",
            victims=tuple(map(service_victim, lost)),
            own=True,
        )


@Check(
    "balancer-address",
    "Every load balancer is at its Service's ClusterIP",
    FROM_HANDLER,
    explains=SERVICE_EFFECTS,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault("load balancer of an earlier service of that name", "the service does not answer"),
    ),
)
def check_address(look: Look) -> Iterator[Cause]:
    """Otherwise it belongs to an earlier Service of that name, and gets no requests."""
    wrong = [
        (service, balancer)
        for service, balancer in look.served
        if balancer.vip != service.cluster_ip
    ]
    if wrong:
        details = [f"{it} {it.cluster_ip}, its VIP {lb.vip}" for it, lb in wrong]
        yield Cause(
            status=Status.FAIL,
            evidence=some(details),
            remedy=replace_balancer(look, wrong[0][1], service_victim(wrong[0][0])),
            victims=tuple(service_victim(service) for service, _ in wrong),
            own=True,
        )


@Check(
    "balancer-port",
    "Every load balancer's port is there, with its address",
    "Octavia API reference: vip_port_id; Octavia makes it with the load balancer, once",
    explains=SERVICE_EFFECTS,
    faults=(
        Fault("port of a load balancer deleted, or its address changed", "the service is dead"),
    ),
)
def check_vip_ports(look: Look) -> Iterator[Cause]:
    """In the Services' subnet, where the project sees all ports."""
    subnet = look.service_subnet.id
    lost = []
    for balancer, victim in balancers(look):
        port = look.ports.get(balancer.vip_port_id)
        is_there = port is not None and balancer.vip in port.addresses
        settled = balancer.provisioning == "ACTIVE" and balancer.vip_subnet_id == subnet
        if settled and not is_there:
            lost.append((victim, balancer))
    if lost:
        victim, first = lost[0]
        missing = [f"{it.name} ({it.vip}), port {it.vip_port_id}" for _, it in lost]
        yield Cause(
            status=Status.FAIL,
            evidence=f"not there: {some(missing)}",
            remedy=replace_balancer(look, first, victim),
            victims=tuple(victim for victim, _ in lost),
            own=True,
        )


@Check(
    "balancer-state",
    "Every load balancer is ACTIVE",
    "octavia: provisioning_status",
    explains=SERVICE_EFFECTS,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "load balancer in ERROR, or PENDING for too long",
            "the service does not answer, or does not follow its pods",
        ),
    ),
)
def check_states(look: Look) -> Iterator[Cause]:
    """ERROR is permanent; PENDING is normal for as long as Kuryr waits for it."""
    patience = look.site.kuryr.lb_activation_seconds
    broken: dict[str, list[tuple[Victim, Balancer]]] = defaultdict(list)
    for balancer, victim in balancers(look):
        state = balancer.provisioning
        slow = state.startswith("PENDING") and look.is_old(balancer.changed, patience)
        if state == "ERROR" or slow:
            broken[state].append((victim, balancer))
    for state, found in broken.items():
        victim, first = found[0]
        remedy = (
            f"{SEE_WORKER}; then openstack loadbalancer failover {first.id}; or "
            f"{replace_balancer(look, first, victim)}"
            if state == "ERROR"
            else f"{SEE_WORKER}; only the cloud's operators can end this state: until then Octavia "
            "refuses any change of it"
        )
        yield Cause(
            status=Status.FAIL,
            evidence=f"{state}: {some([f'{lb.name} ({lb.id})' for _, lb in found])}",
            remedy=remedy,
            victims=tuple(victim for victim, _ in found),
            own=True,
            fixes=_api_fixes(state, found),
        )


def _api_fixes(state: str, found: list[tuple[Victim, Balancer]]) -> tuple[PhaseFix, ...]:
    """The API's load balancer belongs to a phase, which replaces one in ERROR."""
    is_apis = state == "ERROR" and any(victim == API for victim, _ in found)
    return (PhaseFix("openstack_prep"),) if is_apis else ()


@Check(
    "external-address",
    "Every Service of type LoadBalancer has its floating IP",
    "kuryr-kubernetes, controller/drivers/public_ip.py",
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(Fault("no floating IP, or not the announced one", "no access from outside"),),
)
def check_external(look: Look) -> Iterator[Cause]:
    """At the VIP's port in Neutron, and the same in the Service's status."""
    at: dict[str, str] = {it.port_id: it.address for it in look.floating_ips if it.port_id}
    by_address = {it.address: it for it in look.floating_ips}
    wrong, loose, astray = [], [], []
    for service, balancer in look.served:
        if service.type != "LoadBalancer" or not look.is_old(service.life.made):
            continue
        has = at.get(balancer.vip_port_id, "")
        if not has or has != service.ingress:
            announced = service.ingress or "none"
            wrong.append((service, f"{service} announces {announced}, Neutron has {has or 'none'}"))
            loose.append((service, balancer))
            address = by_address.get(service.ingress)
            if address is not None and balancer.vip_port_id:
                astray.append(
                    f"openstack floating ip set --port {balancer.vip_port_id} {address.id}"
                )
    if wrong:
        yield Cause(
            status=Status.FAIL,
            evidence=some([details for _, details in wrong]),
            remedy=astray[0]
            if astray
            else f"{rebuild(look, wrong[0][0])}; Kuryr then announces what it has, or gets one; if "
            f"it does not, {see_log(look)}: `Failed to allocate public IP` means the quota, or "
            "network.external_network",
            victims=tuple(service_victim(service) for service, _ in wrong),
            fixes=certain(lambda: reconnect(look, loose)),
        )


@Check(
    "api-balancer",
    "The API has a load balancer at the first address of the Services",
    "kuryr-kubernetes, doc/source/installation/manual.rst: the runbook makes it, Kuryr does not",
    faults=(Fault("API's load balancer deleted or empty", "pods cannot reach the API"),),
)
def check_api(look: Look) -> Iterator[Cause]:
    """Pods use the API there, by KUBERNETES_SERVICE_HOST."""
    vip = str(api_service_address(look.site.kubernetes.service_cidr))
    found = look.balancers_at.get(vip, [])
    empty = [
        balancer
        for balancer in found
        if not any(look.members(listener) for listener in look.listeners_of(balancer))
    ]
    if not found or empty:
        problem = "has no listener with members" if found else "does not exist"
        yield Cause(
            status=Status.FAIL,
            evidence=f"the load balancer at {vip} {problem}: no pod can reach the API",
            remedy=phase("openstack_prep"),
            victims=(API,),
            fixes=(PhaseFix("openstack_prep"),),
        )


def balancers(look: Look) -> Iterator[tuple[Balancer, Victim]]:
    """The load balancers of Services and of the API, with the victim that each stands for."""
    vip = str(api_service_address(look.site.kubernetes.service_cidr))
    for service, balancer in look.served:
        yield balancer, service_victim(service)
    for balancer in look.balancers_at.get(vip, []):
        yield balancer, API


def _surplus(look: Look, doubles: Mapping[Service, Sequence[Balancer]]) -> str:
    """The command that deletes the first of several that Kuryr does not use."""
    service, found = next(iter(doubles.items()))
    kept = look.balancer(service)
    first = next(it for it in found if it != kept)
    return f"openstack loadbalancer delete --cascade {first.id}"


def _with_warning(look: Look, service: Service) -> str:
    warning = look.warning("Service", service.namespace, service.name, service.life)
    return f"{service} ({warning})" if warning else str(service)
