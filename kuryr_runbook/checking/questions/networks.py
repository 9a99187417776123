"""Subnets, router and ranges: does everything that phase 02 created still exist and fit?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from shlex import quote

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.questions.drift import to_change
from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    SERVICE_EFFECTS,
    CouldNotLook,
    phase,
    readable,
    service_victim,
    some,
)
from kuryr_runbook.checking.view.cloud import Look, ipv4, ipv4_range
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.addressing import service_pool
from kuryr_runbook.model.bodies import RouterLeg
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cluster.objects import Service
from kuryr_runbook.specs.wanted import node_subnet, pod_subnet, service_subnet

RANGES = (
    "kuryr-kubernetes, doc/source/installation/services.rst: Kubernetes has the lower half of "
    "the service subnet, Octavia the upper"
)


@Check(
    "subnets-exist",
    "The subnets of nodes, pods and Services exist",
    "kuryr.conf: worker_nodes_subnet, pod_subnet, service_subnet",
    explains={"controller-ready", "controller-restarts", *CONTROLLER_EFFECTS},
    depth=Depth.GROUND,
    faults=(Fault("subnet deleted, or another one named in the site", "nothing new works"),),
)
def check_subnets(look: Look) -> Iterator[Cause]:
    """By the site's ids or names."""
    wanted = (node_subnet(look.site), pod_subnet(look.site), service_subnet(look.site))
    lost = [
        it.given_id or it.name
        for it in wanted
        if look_up(look.cloud.subnets, it, look.cloud) is None
    ]
    if lost:
        yield Cause(
            status=Status.FAIL,
            evidence=f"no subnet {some(lost)} is visible to the project",
            remedy=f"{phase('openstack_prep')}, then {phase('controller')}: ids have changed",
            victims=tuple(Victim("subnet", name) for name in lost),
        )


@Check(
    "router-legs",
    "One router connects nodes, pods and Services",
    "kuryr-kubernetes, doc/source/installation/manual.rst: one router for both subnets",
    region=Region.ROUTER,
    faults=(
        Fault(
            "router lost an interface or its gateway",
            "no traffic between pods and services, or none to the outside",
        ),
    ),
)
def check_router(look: Look) -> Iterator[Cause]:
    """What phase 02 would connect; the ports of another project's router are not visible."""
    router = look.router
    lost = {it.target.name: it.body for it in to_change(look) if isinstance(it.body, RouterLeg)}
    if lost:
        leg = next(iter(lost.values()))
        yield Cause(
            status=Status.FAIL,
            evidence=f"router {router.name} has no interface in {some([*lost])}",
            remedy=f"openstack router add subnet {leg.router_id} {leg.subnet_id}; or "
            f"{phase('openstack_prep')}",
            victims=tuple(Victim("subnet", name) for name in lost),
            fixes=(PhaseFix("openstack_prep"),),
        )
    if not router.gateway:
        yield Cause(
            status=Status.FAIL,
            evidence=f"router {router.name} has no gateway: no floating IP works, and no pod gets "
            "out",
            remedy=f"openstack router set --external-gateway "
            f"{quote(look.site.network.external_network)} {quote(router.name)}",
            explains={"external-address"},
        )


@Check(
    "allocation-pool",
    "Octavia takes addresses from the upper half only",
    RANGES,
    depth=Depth.GROUND,
    region=Region.SERVICES,
    faults=(
        Fault(
            "allocation pool overlaps the services' half",
            "sooner or later a service without load balancer",
        ),
    ),
)
def check_pool(look: Look) -> Iterator[Cause]:
    """An allocation pool that overlaps the Services' range would hand out their addresses."""
    services = look.site.kubernetes.service_cidr
    first, last = services[0], services[-1]
    wanted = service_pool(look.site.network.service_subnet.cidr)
    for start, end in look.service_subnet.pools:
        low, high = ipv4(start), ipv4(end)
        if low is not None and high is not None and low <= last and high >= first:
            yield Cause(
                status=Status.WARN,
                evidence=f"its pool {start}-{end} overlaps the Services' {services}",
                remedy="openstack subnet set --no-allocation-pool --allocation-pool "
                f"start={wanted.first},end={wanted.last} {look.service_subnet.id}; or "
                f"{phase('openstack_prep')}, if the runbook made it",
                explains={"address-taken"},
                fixes=(PhaseFix("openstack_prep"),),
            )


@Check(
    "address-taken",
    "No port except VIPs has a Service's address",
    RANGES,
    explains={"balancer-missing"},
    depth=Depth.GROUND,
    region=Region.SERVICES,
    faults=(
        Fault(
            "an amphora or somebody else has a service's address",
            "that service has no load balancer",
        ),
    ),
)
def check_taken(look: Look) -> Iterator[Cause]:
    """An amphora's own port there prevents the next Service from getting its load balancer."""
    services, subnet = look.site.kubernetes.service_cidr, look.service_subnet.id
    # Including those that are being deleted.
    vips = {balancer.vip_port_id for balancer in readable(look.cloud.balancers)}
    owners = {service.cluster_ip: service for service in look.all_services}
    taken = {}
    for port in look.ports.values():
        for fixed in port.fixed_ips:
            address = ipv4(fixed.address) if fixed.subnet_id == subnet else None
            if address is not None and address in services and port.id not in vips:
                taken[fixed.address] = port
    if taken:
        details = [
            f"{address}: port {port.id} ({port.name or port.device_owner or 'no name'})"
            for address, port in taken.items()
        ]
        hit = [owners[address] for address in taken if address in owners]
        yield Cause(
            status=Status.FAIL if hit else Status.WARN,
            evidence=some(details),
            remedy=_giving_back(look, next(iter(taken.values()))),
            victims=tuple(map(service_victim, hit)),
            own=True,
        )


def _giving_back(look: Look, port: Port) -> str:
    """An amphora's ports belong to Octavia; by their pairs they show their load balancer."""
    balancers = (it for pair in port.pairs for it in look.balancers_at.get(pair.address, ()))
    served = next(balancers, None)
    if served is not None:
        return f"openstack loadbalancer failover {served.id}, once the allocation pool is right"
    return f"openstack port delete {port.id}, by its owner; an amphora's by a failover"


@Check(
    "service-range",
    "Every ClusterIP is in the lower half of the service subnet",
    RANGES,
    explains={"balancer-missing", *SERVICE_EFFECTS},
    depth=Depth.GROUND,
    region=Region.SERVICES,
    on=(Occasion.VERIFICATION, Occasion.DIAGNOSIS),
    faults=(
        Fault(
            "ClusterIPs outside of the service subnet, or in its upper half",
            "services without load balancer",
        ),
    ),
)
def check_range(look: Look) -> Iterator[Cause]:
    """The controller logs `Found 0 subnets for service`; in the upper half Octavia may be first."""
    subnet = ipv4_range(look.service_subnet.cidr)
    if subnet is None or subnet.prefixlen > 31:
        raise CouldNotLook("the range of the service subnet cannot be read")
    lower = next(iter(subnet.subnets()))
    by_place: dict[str, list[Service]] = defaultdict(list)
    for service in look.services:
        ip = ipv4(service.cluster_ip)
        if ip is None or ip not in lower:
            by_place[f"above {lower}" if ip and ip in subnet else f"not in {subnet}"] += [service]
    for where, services in by_place.items():
        yield Cause(
            status=Status.FAIL,
            evidence=f"{where}: {some([f'{it} {it.cluster_ip}' for it in services])}",
            remedy="kubernetes.service_cidr has to be the API server's "
            "--service-cluster-ip-range, in the lower half of network.service_subnet.cidr; "
            f"then {phase('openstack_prep')}; then {phase('controller')}",
            victims=tuple(map(service_victim, services)),
            own=True,
        )
