"""Leftovers in Neutron, Octavia and the cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault
from kuryr_runbook.checking.fixes import (
    Marked,
    certain,
    delete_balancers,
    delete_floating_ips,
    delete_kuryr_ports,
    delete_ports,
    release,
)
from kuryr_runbook.checking.remedies import FIX, restart_controller
from kuryr_runbook.checking.verdicts import pod_victim, service_victim, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.pools import has_pools, spare_ports, used_ports
from kuryr_runbook.model.findings import Status, Victim
from kuryr_runbook.model.marks import KURYRS_FLOATING_IP, SUBPORT_OWNER
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.ownership import Ownership, is_of_some_pod
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.cluster.objects import Pod, Service
from kuryr_runbook.snapshots.cluster.vif import PodVif

JUST_NOW = 15.0
"""Seconds between reading the first list and the last."""
LEAK = "up to ussuri Kuryr has no finalizers: what is deleted while the controller is down stays"


def _without_finalizers(site: Site) -> str:
    return "" if site.release.finalizers else f"Kuryr {site.release.name} sets no finalizers"


def _without_kuryr_ports(site: Site) -> str:
    return "" if site.release.crds else f"Kuryr {site.release.name} makes no KuryrPorts"


def _victim(item: Marked) -> Victim:
    match item:
        case Pod():
            return pod_victim(item)
        case Service():
            return service_victim(item)
    return Victim(item.kind, item.name, item.namespace)


@Check(
    "stuck-finalizers",
    "Nothing hangs in Terminating because of Kuryr",
    "kuryr-kubernetes, constants.py from 3.0.0 on: the controller removes its finalizers",
    moot=_without_finalizers,
    faults=(
        Fault(
            "finalizers without a controller (Victoria on)",
            "pods, services, namespaces hang in Terminating",
            "a cause above, else `stuck-finalizers`",
        ),
    ),
)
def check_finalizers(look: Look) -> Iterator[Cause]:
    """Pods, Services, network policies and Kuryr's own objects."""
    items: tuple[Marked, ...] = (*look.all_pods, *look.all_services, *look.kuryr_objects)
    stuck = [
        it
        for it in items
        if it.life.finalizers and it.life.deleted is not None and look.is_old(it.life.deleted)
    ]
    if stuck:
        life, victims = stuck[0].life, tuple(map(_victim, stuck))
        first = victims[0]
        yield Cause(
            status=Status.FAIL,
            evidence=f"{first} should have been gone at {life.deleted:%H:%M:%S} UTC; "
            f"{', '.join(life.finalizers)} keeps it",
            remedy=f"{restart_controller(look)}; it removes the object's resources, and then the "
            f"finalizer; or by hand, kubectl -n {first.namespace} patch {first.kind.lower()} "
            f'{first.name} --type=merge -p \'{{"metadata":{{"finalizers":null}}}}\'; then '
            f"{FIX}, for what is left of it",
            victims=victims,
            fixes=certain(lambda: release(look, stuck)),
        )


@Check(
    "port-orphaned",
    "Every port of a pod has its pod",
    f"kuryr-kubernetes: device_owner compute:kuryr, device_id the pod's uid; {LEAK}",
    explains={"pair-stale"},
    faults=(Fault("port of a pod that is gone, or made by hand", "the quota fills up"),),
)
def check_ports(look: Look) -> Iterator[Cause]:
    """Each uses an address and counts towards the quota, and so do ports without any owner.

    Spare ports are no orphans as long as there are pools. Of ports without tags a controller with
    pools may remember some, until it is started anew: none is deleted without asking.
    """
    pooled = has_pools(look)
    names = [subnet.name for subnet in (look.own_pod_subnet, *look.namespace_subnets)]
    known = used_ports(look).union(spare_ports(look) if pooled else ())
    uids = {pod.uid for pod in look.all_pods}
    orphans = [
        port
        for port in look.ports.values()
        if port.id not in known
        and port.device_id not in uids
        and look.is_old(port.created, JUST_NOW)
        and (look.owned(Ownership.is_pods, port) or look.owned(Ownership.is_nobodys, port))
    ]
    if orphans:
        details = [f"{it.id} ({', '.join(it.addresses)})" for it in orphans]
        after = f"; then {restart_controller(look)}: its pools may have them" if pooled else ""
        yield Cause(
            status=Status.WARN,
            evidence=f"{counted(len(orphans), 'port')} in {some(names)}: {some(details)}",
            remedy=f"{_deletion(look, orphans[:5])}{after}",
            victims=tuple(Victim("port", it.id) for it in orphans),
            explains=frozenset(),
            fixes=()
            if pooled
            else certain(
                lambda: delete_ports(look, orphans, "Kuryr made it for a pod that is gone")
            ),
        )


def _deletion(look: Look, ports: Sequence[Port]) -> str:
    """Neutron deletes no port that a trunk carries."""
    carrying = {
        it.id: trunk.id
        for it in ports
        if it.device_owner == SUBPORT_OWNER
        for trunk in look.trunks.values()
        if it.id in trunk.carried
    }
    off = [
        f"openstack network trunk unset --subport {port} {trunk}; "
        for port, trunk in carrying.items()
    ]
    return f"{''.join(off)}openstack port delete {' '.join(it.id for it in ports)}"


@Check(
    "port-twice",
    "No pod has two ports",
    "kuryr-kubernetes, controller/drivers/nested_macvlan_vif.py: after a failure it makes another",
    faults=(Fault("second port of a pod, after a failed attempt", "the quota fills up"),),
)
def check_second_ports(look: Look) -> Iterator[Cause]:
    """The one that its interface does not name is from a failed attempt.

    A port of a pool keeps the uid of the pod for which the pool was filled, whoever has it.
    """
    known = {pod.uid: (pod, look.vif(pod)) for pod in look.pods if pod.uid}
    others = used_ports(look).union(spare_ports(look) if has_pools(look) else ())
    doubles: dict[str, list[Port]] = defaultdict(list)
    for port in look.ports.values():
        pod, vif = known.get(port.device_id, (None, None))
        is_pods = is_of_some_pod(port) and look.is_old(port.created, JUST_NOW)
        if is_pods and pod and isinstance(vif, PodVif) and port.id not in others:
            doubles[str(pod)].append(port)
    if doubles:
        details = [f"{pod}: {', '.join(it.id for it in ports)}" for pod, ports in doubles.items()]
        ports = [port for ports in doubles.values() for port in ports]
        yield Cause(
            status=Status.WARN,
            evidence=some(details),
            remedy=f"openstack port delete {ports[0].id}",
            victims=tuple(Victim("port", it.id) for it in ports),
            fixes=certain(lambda: delete_ports(look, ports, "its pod has another one")),
        )


@Check(
    "kuryr-port-orphaned",
    "Every KuryrPort has its pod",
    "kuryr-kubernetes, controller/handlers/kuryrport.py from 3.0.0 on",
    moot=_without_kuryr_ports,
    faults=(Fault("KuryrPort without pod", "the same"),),
)
def check_kuryr_ports(look: Look) -> Iterator[Cause]:
    """It has the name of its pod."""
    pods = {(pod.namespace, pod.name) for pod in look.all_pods}
    orphans = [
        it
        for it in look.kuryr_objects
        if it.kind == "KuryrPort"
        and (it.namespace, it.name) not in pods
        and it.life.deleted is None
        and look.is_old(it.life.made, JUST_NOW)
    ]
    if orphans:
        first = orphans[0]
        yield Cause(
            status=Status.WARN,
            evidence=some([str(it) for it in orphans]),
            remedy=f"kubectl -n {first.namespace} delete kuryrport {first.name}: the controller "
            "then deletes the Neutron port, too",
            victims=tuple(Victim(it.kind, it.name, it.namespace) for it in orphans),
            fixes=certain(lambda: delete_kuryr_ports(look, orphans)),
        )


@Check(
    "balancer-orphaned",
    "Every load balancer of a Service has its Service",
    f"kuryr-kubernetes names them <namespace>/<service>; {LEAK}",
    explains={"floating-ip-orphaned"},
    faults=(Fault("load balancer of a service that is gone", "costs"),),
)
def check_balancers(look: Look) -> Iterator[Cause]:
    """In the service subnet only: others are not Kuryr's."""
    subnet = look.service_subnet.id
    known = {it.place for it in look.all_services}
    api = look.site.network.api_load_balancer
    orphans = [
        it
        for it in look.balancers
        if "/" in it.name
        and it.vip_subnet_id == subnet
        and it.name not in known
        and api not in (it.id, it.name)
        and not it.name.endswith("/kubernetes")
        and look.is_old(it.changed, JUST_NOW)
    ]
    if orphans:
        yield Cause(
            status=Status.WARN,
            evidence=some([f"{it.name} ({it.id})" for it in orphans]),
            remedy=f"openstack loadbalancer delete --cascade {orphans[0].id}"
            if look.owned(Ownership.is_services, orphans[0])
            else "they may not be Kuryr's: ask their creator",
            victims=tuple(Victim("load balancer", it.name) for it in orphans),
            explains=frozenset(),
            fixes=certain(lambda: delete_balancers(look, orphans)),
        )


@Check(
    "floating-ip-orphaned",
    "Every floating IP of Kuryr's points to a load balancer",
    f"kuryr-kubernetes, controller/drivers/public_ip.py: description {KURYRS_FLOATING_IP}; {LEAK}",
    faults=(Fault("floating IP of a service that is gone", "costs"),),
)
def check_floating_ips(look: Look) -> Iterator[Cause]:
    """It costs money and counts towards the quota. One that a Service announces is reconnected."""
    vips = {it.vip_port_id for it in look.balancers}
    announced = {it.ingress for it in look.all_services}
    orphans = [
        it
        for it in look.floating_ips
        if it.description == KURYRS_FLOATING_IP
        and it.port_id not in vips
        and it.address not in announced
        and look.is_old(it.created, JUST_NOW)
    ]
    if orphans:
        yield Cause(
            status=Status.WARN,
            evidence=some([it.address for it in orphans]),
            remedy=f"openstack floating ip delete {orphans[0].id}",
            victims=tuple(Victim("floating IP", it.address) for it in orphans),
            fixes=certain(lambda: delete_floating_ips(look, orphans)),
        )
